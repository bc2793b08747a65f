/** https://docs.databricks.com/api/workspace/tokens: times in milliseconds; an invalid token is answered with 403. */
import { admin, authorization, bearerAdministrator, hex, refusing, textOf, throttling, withKey } from '../provider.ts';
import type { Key, Provider } from '../provider.ts';

const problem = (code: string): unknown => ({ error_code: code, message: 'no' });
const info = ({ id, name, createdAt, expiresAt }: Key): object => ({
  ...{ token_id: id, creation_time: createdAt.getTime(), expiry_time: expiresAt?.getTime() ?? -1, comment: name },
});

export const databricks: Provider = {
  name: 'databricks',
  host: 'adb-1',
  administrator: () => bearerAdministrator(`dapi${hex(32)}`),
  presented: authorization,
  presents: (key) => `Bearer ${key.value}`,
  mint: () => ({ id: hex(64), value: `dapi${hex(32)}` }),
  most: 600,
  problems: {
    unauthenticated: refusing(403, problem('INVALID_ACCESS_TOKEN')),
    forbidden: refusing(403, problem('PERMISSION_DENIED')),
    absent: refusing(404, problem('ENDPOINT_NOT_FOUND')),
    throttled: throttling(problem('REQUEST_LIMIT_EXCEEDED')),
    unavailable: refusing(503, problem('TEMPORARILY_UNAVAILABLE')),
    full: refusing(400, problem('QUOTA_EXCEEDED')),
  },
  routes: [
    admin('POST', '/api/2.0/token/create', ({ json, make, now }) => {
      const seconds = Number(json['lifetime_seconds']);
      const key = make(textOf(json['comment']) ?? '', new Date(now.getTime() + seconds * 1000));
      return { status: 200, body: { token_value: key.value, token_info: info(key) } };
    }),
    // An empty list is left out.
    admin('GET', '/api/2.0/token/list', ({ keys }) => ({
      status: 200,
      body: keys.length === 0 ? {} : { token_infos: keys.map(info) },
    })),
    admin('POST', '/api/2.0/token/delete', ({ json, remove }) =>
      remove(textOf(json['token_id']) ?? '')
        ? { status: 200, body: {} }
        : refusing(400, problem('RESOURCE_DOES_NOT_EXIST')),
    ),
    withKey('GET', '/api/2.0/preview/scim/v2/Me', () => ({ status: 200, body: { id: '1' } })),
  ],
};
