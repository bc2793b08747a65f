/** https://www.twilio.com/docs/sendgrid/api-reference/api-keys: at most 100 keys; 403 when they are used up. */
import {
  admin,
  authorization,
  bearerAdministrator,
  refusing,
  textOf,
  throttling,
  token,
  withKey,
} from '../provider.ts';
import type { Provider } from '../provider.ts';

const problem = (message: string, field: string | null = null): unknown => ({ errors: [{ field, message }] });
const value = (id: string): string => `SG.${id}.${token(43)}`;

export const sendgrid: Provider = {
  name: 'sendgrid',
  host: 'api.sendgrid',
  administrator: () => bearerAdministrator(value(token(22))),
  presented: authorization,
  presents: (key) => `Bearer ${key.value}`,
  mint() {
    const id = token(22);
    return { id, value: value(id) };
  },
  most: 100,
  problems: {
    unauthenticated: refusing(401, problem('The provided authorization grant is invalid, expired, or revoked')),
    forbidden: refusing(403, problem('access forbidden')),
    absent: refusing(404, problem('not found')),
    throttled: throttling(problem('too many requests')),
    unavailable: refusing(503, problem('service unavailable')),
    full: refusing(403, problem('Cannot create more than 100 API Keys')),
  },
  routes: [
    admin('POST', '/v3/api_keys', ({ json, make }) => {
      const name = textOf(json['name']);
      if (name === undefined) return refusing(400, problem('missing required argument', 'name'));
      const key = make(name);
      return { status: 201, body: { name, api_key_id: key.id, api_key: key.value, scopes: json['scopes'] ?? [] } };
    }),
    admin('GET', '/v3/api_keys', ({ keys }) => ({
      status: 200,
      body: { result: keys.map(({ name, id }) => ({ name, api_key_id: id })) },
    })),
    admin('DELETE', '/v3/api_keys/:id', ({ params, remove }) =>
      remove(params['id'] ?? '') ? { status: 204 } : refusing(404, problem('unable to find API Key')),
    ),
    withKey('GET', '/v3/scopes', () => ({ status: 200, body: { scopes: ['mail.send'] } })),
  ],
};
