import type { KeyUserRow } from '../row.ts';
import { objectIn, textIn } from '../../json.ts';
import { keyIdOf, urlOf } from '../shapes.ts';

const TYPE = 'Microsoft.Compute/diskEncryptionSets';

/**
 * Disk encryption sets: `properties.activeKey.keyUrl` always has a version; `rotationToLatestKeyVersionEnabled` lets the set look for
 * a new one, and `autoKeyRotationError` says why it could not take it (azure-rest-api-specs, Microsoft.Compute DiskRP). The PATCH is
 * long-running.
 */
export const DISK_USER: KeyUserRow = {
  kind: 'disk encryption set',
  type: TYPE,
  name: /^\w[\w.-]{0,79}$/,
  apiVersion: '2024-03-02',
  path: '',
  reads: `${TYPE}/read`,
  role: 'Contributor',
  use(body) {
    const properties = objectIn(body, 'properties');
    const used = keyIdOf(textIn(objectIn(properties, 'activeKey'), 'keyUrl'));
    const follows = properties['rotationToLatestKeyVersionEnabled'] === true ? 'versionless' : 'pinned';
    const error = objectIn(properties, 'autoKeyRotationError');
    const said = ['code', 'message'].flatMap((key) => textIn(error, key) ?? []);
    return { follows, ...used, ...(said.length === 0 ? {} : { problem: said.join(': ') }) };
  },
  moves(body, key) {
    // The vault's ARM id beside the address is kept as it was; a set of another subscription's vault has none.
    const { sourceVault } = objectIn(body, 'properties', 'activeKey');
    const activeKey = { ...(sourceVault === undefined ? {} : { sourceVault }), keyUrl: urlOf(key) };
    return [{ method: 'PATCH', path: '', action: `${TYPE}/write`, body: { properties: { activeKey } } }];
  },
};
