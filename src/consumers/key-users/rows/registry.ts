import type { KeyUserRow } from '../row.ts';
import { objectIn, textIn } from '../../json.ts';
import { keyIdOf, urlOf } from '../shapes.ts';

const TYPE = 'Microsoft.ContainerRegistry/registries';

/**
 * Container registries: `properties.encryption.keyVaultProperties`. With a `keyIdentifier` without a version the registry takes a new
 * one within an hour (azure-docs, tutorial-rotate-revoke-customer-managed-keys), and shows it as `versionedKeyIdentifier`. Whether
 * the PATCH ends at once or later is not verified [U]; both are taken, and the identity that reads the key is kept.
 */
export const REGISTRY_USER: KeyUserRow = {
  kind: 'container registry',
  type: TYPE,
  name: /^[a-z0-9]{5,50}$/i,
  apiVersion: '2025-11-01',
  path: '',
  reads: `${TYPE}/read`,
  role: 'Contributor',
  use(body) {
    const properties = objectIn(body, 'properties', 'encryption', 'keyVaultProperties');
    const named = keyIdOf(textIn(properties, 'keyIdentifier'));
    if (named === undefined) return { follows: 'pinned' };
    const version = keyIdOf(textIn(properties, 'versionedKeyIdentifier'))?.version ?? named.version;
    const follows = named.version === undefined ? 'versionless' : 'pinned';
    return { follows, key: named.key, ...(version === undefined ? {} : { version }) };
  },
  moves(body, key) {
    const encryption = objectIn(body, 'properties', 'encryption');
    const { identity } = objectIn(encryption, 'keyVaultProperties');
    const keyVaultProperties = { ...(identity === undefined ? {} : { identity }), keyIdentifier: urlOf(key) };
    const status = textIn(encryption, 'status') ?? 'enabled';
    return [
      {
        method: 'PATCH',
        path: '',
        action: `${TYPE}/write`,
        body: { properties: { encryption: { status, keyVaultProperties } } },
      },
    ];
  },
};
