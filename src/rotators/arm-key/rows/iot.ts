import { randomBytes } from 'node:crypto';
import { RotationError } from '../../../rotation/errors.ts';
import type { ArmKeyConfig, ArmKeyRow, ArmVerb } from '../row.ts';
import { itemsIn, members, nameRule, RULE, textIn } from '../shapes.ts';

const KEY_BYTES = 32;
const READ_HUB = 'Microsoft.Devices/IotHubs/read';
const LIST_KEYS: ArmVerb = { path: '/listkeys', action: 'Microsoft.Devices/IotHubs/listkeys/action' };

/**
 * IoT Hub cannot be asked for a new key. The whole hub is written, with all its policies and their keys, and the service keeps
 * what it is given: so the new key is made here, as the Azure CLI makes it. The ETag is read before the keys, so that a hub
 * which somebody changes in between is not overwritten (412).
 */
export const IOT_HUB_ROW: ArmKeyRow = {
  kind: 'iot-hub',
  noun: 'policy of IoT hub',
  addresses: ['Microsoft.Devices/IotHubs/{name}/IotHubKeys/{rule}'],
  names: {
    name: nameRule('hub name', /^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$/i, '3 to 50 letters, digits and -'),
    rule: RULE,
  },
  apiVersion: '2023-06-30',
  pairs: [['primaryKey', 'secondaryKey']],
  list: () => LIST_KEYS,
  regenerate: (slot, config) =>
    putHub(config, { properties: { authorizationPolicies: `<all policies, with a new ${slot}>` } }),
  async prepare(slot, config, ask) {
    const hub = await ask({ method: 'GET', on: hubOf(config), path: '', action: READ_HUB });
    const listed = await ask({ ...LIST_KEYS, on: hubOf(config) });
    const policies = itemsIn(listed, 'value');
    const rule = policies.find((one) => textIn(one, 'keyName')?.toLowerCase() === config.names['rule']?.toLowerCase());
    const etag = textIn(hub, 'etag');
    const properties = typeof hub === 'object' && hub !== null && 'properties' in hub ? hub.properties : undefined;
    if (rule === undefined) throw noPolicy(config);
    if (etag === undefined || typeof properties !== 'object') {
      const message = `ARM's answer about IoT hub ${config.name} has no ETag or no properties`;
      throw new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
    }
    const key = randomBytes(KEY_BYTES).toString('base64');
    const renewed = policies.map((one) => (one === rule ? { ...rule, [slot]: key } : one));
    const body = { ...(hub as object), properties: { ...properties, authorizationPolicies: renewed } };
    return { ...putHub(config, body), ifMatch: etag };
  },
  prepares: [READ_HUB],
  readKeys: members({ primaryKey: 'primaryKey', secondaryKey: 'secondaryKey' }),
  // No built-in role has the keys and not the rest (facts E).
  role: 'Contributor',
  proof: 'read back',
};

function putHub(config: ArmKeyConfig, body: Readonly<Record<string, unknown>>): ArmVerb {
  return { method: 'PUT', on: hubOf(config), path: '', action: 'Microsoft.Devices/IotHubs/write', body };
}

function hubOf({ path }: ArmKeyConfig): string {
  return path.split('/').slice(0, -2).join('/');
}

function noPolicy({ name, names, path }: ArmKeyConfig): RotationError {
  const message = `IoT hub ${name} has no policy ${names['rule'] ?? ''}`;
  const remedy = `Correct the tag ProviderAddress (${decodeURIComponent(path)}); see: az iot hub policy list --hub-name ${name}`;
  return new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message, remedy });
}
