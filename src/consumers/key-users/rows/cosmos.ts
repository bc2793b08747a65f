import type { KeyUserRow } from '../row.ts';
import { objectIn, textIn } from '../../json.ts';
import { keyIdOf, urlOf } from '../shapes.ts';

const TYPE = 'Microsoft.DocumentDB/databaseAccounts';

/**
 * Cosmos DB accounts: `properties.keyVaultKeyUri`, most often without a version, which the account then finds by itself. The newer
 * API versions show it as `keyVaultKeyUriVersion`; whether this one does, and whether it is a bare version or an address, is not
 * verified [U]: both are read, and where there is none, the service does not tell. The PATCH is long-running.
 */
export const COSMOS_USER: KeyUserRow = {
  kind: 'Cosmos DB account',
  type: TYPE,
  name: /^[a-z0-9](?:[a-z0-9-]{1,42}[a-z0-9])$/i,
  apiVersion: '2025-10-15',
  path: '',
  reads: `${TYPE}/read`,
  role: 'DocumentDB Account Contributor',
  use(body) {
    const properties = objectIn(body, 'properties');
    const named = keyIdOf(textIn(properties, 'keyVaultKeyUri'));
    if (named === undefined) return { follows: 'pinned' };
    const shown = textIn(properties, 'keyVaultKeyUriVersion');
    const inUse = keyIdOf(shown)?.version ?? (shown === undefined || shown.includes('/') ? undefined : shown);
    const version = named.version ?? inUse?.toLowerCase();
    const follows = named.version === undefined ? 'versionless' : 'pinned';
    return { follows, key: named.key, ...(version === undefined ? {} : { version }) };
  },
  moves: (_body, key) => [
    {
      method: 'PATCH',
      path: '',
      action: `${TYPE}/write`,
      body: { properties: { keyVaultKeyUri: urlOf(key) } },
    },
  ],
};
