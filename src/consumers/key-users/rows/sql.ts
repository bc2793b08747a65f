import type { KeyUserRow } from '../row.ts';
import { objectIn, textIn } from '../../json.ts';
import { keyIdOf, urlOf } from '../shapes.ts';

const SERVER = 'Microsoft.Sql/servers';

/**
 * The TDE protector of an Azure SQL server: `encryptionProtector/current` (azure-rest-api-specs, Microsoft.Sql 2023-08-01). With
 * `autoRotationEnabled` the server looks for a new version within 24 hours, and shows the one that it has taken. A server key is
 * called `<vault>_<key>_<version>`, and must be added before it can be the protector. Both PUTs are long-running.
 *
 * A server key that is there already is not put again: whether that would succeed is not verified [U]. That a server answers 404
 * where it has no such key is not either [U]; another refusal is said by the run.
 */
export const SQL_USER: KeyUserRow = {
  kind: 'SQL server (TDE protector)',
  type: SERVER,
  name: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i,
  apiVersion: '2023-08-01',
  path: '/encryptionProtector/current',
  reads: `${SERVER}/encryptionProtector/read`,
  role: 'SQL Server Contributor',
  use(body) {
    const properties = objectIn(body, 'properties');
    const used = keyIdOf(textIn(properties, 'uri'));
    const isOurs = textIn(properties, 'serverKeyType')?.toLowerCase() === 'azurekeyvault';
    const auto = properties['autoRotationEnabled'] === true;
    if (used === undefined || !isOurs) return { follows: 'pinned' };
    // An address without a version is followed by the server, too; which version it has taken it then does not tell [U].
    return { follows: auto || used.version === undefined ? 'versionless' : 'pinned', ...used };
  },
  moves(body, key) {
    const serverKeyName = `${new URL(key.vault).hostname.split('.', 1)[0] ?? ''}_${key.name}_${key.version}`;
    const autoRotationEnabled = objectIn(body, 'properties')['autoRotationEnabled'] === true;
    return [
      {
        method: 'PUT',
        path: `/keys/${serverKeyName}`,
        action: `${SERVER}/keys/write`,
        body: { properties: { serverKeyType: 'AzureKeyVault', uri: urlOf(key) } },
        once: { reads: `${SERVER}/keys/read` },
      },
      {
        method: 'PUT',
        path: '/encryptionProtector/current',
        action: `${SERVER}/encryptionProtector/write`,
        body: { properties: { serverKeyName, serverKeyType: 'AzureKeyVault', autoRotationEnabled } },
      },
    ];
  },
};
