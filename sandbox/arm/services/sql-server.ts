/** The TDE protector of an Azure SQL server, and the keys that it knows. */
import { inUse, versionOf } from '../cmk.ts';
import { armProblem } from '../errors.ts';
import type { Asked, Service } from '../service.ts';
import { at, noKey, textAt } from './bodies.ts';
import type { Json } from './bodies.ts';

const SERVER = 'Microsoft.Sql/servers';
const PROTECTOR = /^\/encryptionProtector\/current$/i;

function protector({ resource }: Asked): Json {
  const { cmk, id } = resource;
  if (cmk === undefined)
    return { id, properties: { serverKeyType: 'ServiceManaged', serverKeyName: 'ServiceManaged' } };
  const properties = {
    serverKeyType: 'AzureKeyVault',
    serverKeyName: serverKeyName(inUse(cmk)),
    uri: inUse(cmk),
    autoRotationEnabled: cmk.follows,
  };
  return { id: `${id}/encryptionProtector/current`, name: 'current', kind: 'azurekeyvault', properties };
}

/** `<vault>_<key>_<version>`. */
function serverKeyName(url: string): string {
  const { hostname, pathname } = new URL(url);
  const [, , key = '', version = ''] = pathname.split('/');
  return `${hostname.split('.')[0] ?? ''}_${key}_${version}`;
}

/** A server key is added first, and then made the protector; both go on after the answer. */
export const sqlServer: Service = {
  address: `${SERVER}/{name}`,
  slots: [],
  mint: noKey,
  operations: [
    {
      method: 'GET',
      path: PROTECTOR,
      action: `${SERVER}/encryptionProtector/read`,
      begin: (asked) => () => ({ status: 200, body: protector(asked) }),
    },
    {
      method: 'GET',
      path: /^\/keys\/([^/]+)$/i,
      action: `${SERVER}/keys/read`,
      begin({ resource, match }) {
        const name = match[1] ?? '';
        const url = resource.serverKeys.get(name);
        if (url === undefined) throw armProblem(404, 'ResourceNotFound', `The server key '${name}' was not found.`);
        return () => ({ status: 200, body: { name, properties: { serverKeyType: 'AzureKeyVault', uri: url } } });
      },
    },
    {
      method: 'PUT',
      path: /^\/keys\/([^/]+)$/i,
      action: `${SERVER}/keys/write`,
      later: { style: 'status', status: 202 },
      begin({ request, resource, match, keys }) {
        const url = textAt(request.json, 'properties', 'uri');
        const name = match[1] ?? '';
        if (name !== serverKeyName(url)) {
          throw armProblem(
            400,
            'InvalidServerKeyName',
            `The server key name '${name}' does not match the key '${url}'.`,
          );
        }
        versionOf(url, keys);
        return () => {
          resource.serverKeys.set(name, url);
          return { status: 200, body: { name, properties: { serverKeyType: 'AzureKeyVault', uri: url } } };
        };
      },
    },
    {
      method: 'PUT',
      path: PROTECTOR,
      action: `${SERVER}/encryptionProtector/write`,
      later: { style: 'status', status: 202 },
      begin(asked) {
        const { request, resource, keys } = asked;
        const name = at(request.json, 'properties', 'serverKeyName');
        const url = typeof name === 'string' ? resource.serverKeys.get(name) : undefined;
        if (url === undefined) {
          throw armProblem(400, 'ServerKeyNotFound', `The server key '${String(name)}' was not found on the server.`);
        }
        const follows = at(request.json, 'properties', 'autoRotationEnabled') === true;
        const version = versionOf(url, keys);
        return () => {
          resource.cmk = { url, follows, version };
          return { status: 200, body: protector(asked) };
        };
      },
    },
  ],
};
