import type { KeyUserRow } from '../row.ts';
import { objectIn, textIn, without, type Json } from '../../json.ts';
import { keyIdOf } from '../shapes.ts';

/**
 * Storage accounts: `properties.encryption.keyvaultproperties` (learn.microsoft.com, @azure/arm-storage KeyVaultProperties). Without
 * a `keyversion` the service looks for a new version once a day (MicrosoftDocs/azure-docs#92190), and shows the one that it has
 * found as `currentVersionedKeyIdentifier`. The update is a synchronous PATCH.
 *
 * Whether a PATCH with a part of `encryption` keeps the rest of it is not verified [U]. So the whole is sent as it was read, without
 * what is only shown, which is right in both cases, and is what `az storage account update` does.
 */
export const STORAGE_USER: KeyUserRow = {
  kind: 'storage account',
  type: 'Microsoft.Storage/storageAccounts',
  name: /^[a-z0-9]{3,24}$/i,
  apiVersion: '2025-08-01',
  path: '',
  reads: 'Microsoft.Storage/storageAccounts/read',
  role: 'Storage Account Contributor',
  use(body) {
    const source = textIn(objectIn(body, 'properties', 'encryption'), 'keySource')?.toLowerCase();
    // Back at Microsoft's keys: what may be left of the customer's is not in use, and is not to be taken up again.
    if (source === 'microsoft.storage') return { follows: 'pinned' };
    const properties = objectIn(body, 'properties', 'encryption', 'keyvaultproperties');
    const [vault, name, pinned] = ['keyvaulturi', 'keyname', 'keyversion'].map((key) => textIn(properties, key));
    const follows = pinned === undefined ? 'versionless' : 'pinned';
    const inUse = keyIdOf(textIn(properties, 'currentVersionedKeyIdentifier'));
    const named = vault === undefined || name === undefined ? undefined : keyIdOf(`${trim(vault)}/keys/${name}`);
    if (named === undefined) return { follows };
    const version = inUse?.version ?? pinned?.toLowerCase();
    return { follows, key: named.key, ...(version === undefined ? {} : { version }) };
  },
  moves(body, { vault, name, version }) {
    const encryption = objectIn(body, 'properties', 'encryption');
    const services = Object.entries(objectIn(encryption, 'services')).map(([service, settings]): [string, Json] => [
      service,
      without(objectIn(settings), 'lastEnabledTime'),
    ]);
    return [
      {
        method: 'PATCH',
        path: '',
        action: 'Microsoft.Storage/storageAccounts/write',
        body: {
          properties: {
            encryption: {
              ...encryption,
              keySource: 'Microsoft.Keyvault',
              ...(services.length === 0 ? {} : { services: Object.fromEntries(services) }),
              keyvaultproperties: { keyvaulturi: vault, keyname: name, keyversion: version },
            },
          },
        },
      },
    ];
  },
};

function trim(url: string): string {
  return url.replace(/\/+$/, '');
}
