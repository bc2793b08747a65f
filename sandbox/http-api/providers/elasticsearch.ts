/**
 * https://www.elastic.co/guide/en/elasticsearch/reference/8.17/security-api-create-api-key.html; times in milliseconds.
 * What could not be invalidated comes with status 200 and is told by `error_details`, which is absent otherwise.
 */
import { admin, authorization, basic, refusing, textOf, throttling, token, withKey } from '../provider.ts';
import type { Key, Provider } from '../provider.ts';

const exception = (type: string, status: number): unknown => ({
  error: { type, reason: 'no', root_cause: [] },
  status,
});
const encoded = (id: string): string => Buffer.from(`${id}:${token(22)}`).toString('base64');
const resource = ({ id, name, createdAt, expiresAt }: Key): object => ({
  ...{ id, name, creation: createdAt.getTime(), invalidated: false, username: 'keyturn', realm: 'native' },
  ...(expiresAt === undefined ? {} : { expiration: expiresAt.getTime() }),
});

export const elasticsearch: Provider = {
  name: 'elasticsearch',
  host: 'elasticsearch',
  administrator() {
    const password = token(24);
    return { stored: password, presented: basic('keyturn', password) };
  },
  presented: authorization,
  presents: (key) => `ApiKey ${key.value}`,
  mint() {
    const id = token(20);
    return { id, value: encoded(id) };
  },
  problems: {
    unauthenticated: refusing(401, exception('security_exception', 401)),
    forbidden: refusing(403, exception('security_exception', 403)),
    absent: refusing(404, exception('resource_not_found_exception', 404)),
    throttled: throttling(exception('es_rejected_execution_exception', 429)),
    unavailable: refusing(503, exception('cluster_block_exception', 503)),
  },
  routes: [
    admin('POST', '/_security/api_key', ({ json, make, now }) => {
      const [, seconds] = /^(\d+)s$/.exec(textOf(json['expiration']) ?? '') ?? [];
      const name = textOf(json['name']);
      if (name === undefined || seconds === undefined) return refusing(400, exception('parsing_exception', 400));
      const key = make(name, new Date(now.getTime() + Number(seconds) * 1000));
      const [, secret] = Buffer.from(key.value, 'base64').toString().split(':');
      return { status: 200, body: { ...resource(key), api_key: secret, encoded: key.value } };
    }),
    admin('GET', '/_security/api_key', ({ keys }) => ({ status: 200, body: { api_keys: keys.map(resource) } })),
    admin('DELETE', '/_security/api_key', ({ json, remove }) => {
      const ids = Array.isArray(json['ids']) ? json['ids'].map(String) : [];
      const gone = ids.filter((id) => remove(id));
      return { status: 200, body: { invalidated_api_keys: gone, previously_invalidated_api_keys: [], error_count: 0 } };
    }),
    withKey('GET', '/_security/_authenticate', ({ caller }) => ({
      status: 200,
      body: { username: 'keyturn', authentication_type: 'api_key', api_key: { id: caller?.id, name: caller?.name } },
    })),
  ],
};
