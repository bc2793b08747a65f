/** https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/: numbers for ids; a name may be used once. */
import {
  admin,
  authorization,
  bearerAdministrator,
  hex,
  refusing,
  seconds,
  serial,
  textOf,
  throttling,
  token,
} from '../provider.ts';
import { withKey, type Key, type Provider } from '../provider.ts';

const message = (text: string, messageId: string): unknown => ({
  message: text,
  messageId,
  statusCode: 0,
  traceID: '',
});
const BASE = '/api/serviceaccounts/2/tokens';
const value = (): string => `glsa_${token(32)}_${hex(8)}`;
const resource = ({ id, name, createdAt, expiresAt }: Key): object => ({
  ...{ id: Number(id), name, created: seconds(createdAt), hasExpired: false, isRevoked: false },
  expiration: expiresAt === undefined ? null : seconds(expiresAt),
});

export const grafana: Provider = {
  name: 'grafana-service-account-tokens',
  host: 'grafana',
  administrator: () => bearerAdministrator(value()),
  presented: authorization,
  presents: (key) => `Bearer ${key.value}`,
  mint: () => ({ id: serial(), value: value() }),
  problems: {
    unauthenticated: refusing(401, message('Invalid API key', 'api-key.invalid')),
    forbidden: refusing(
      403,
      message("You'll need additional permissions to perform this action", 'accesscontrol.forbidden'),
    ),
    absent: refusing(404, message('service account not found', 'serviceaccounts.ErrNotFound')),
    throttled: throttling(message('Too many requests', 'api.too-many-requests')),
    unavailable: refusing(503, message('Service unavailable', 'api.unavailable')),
  },
  routes: [
    admin('POST', BASE, ({ json, keys, make, now }) => {
      const name = textOf(json['name']) ?? '';
      const live = Number(json['secondsToLive'] ?? 0);
      const taken = keys.some((key) => key.name === name);
      if (taken)
        return refusing(400, message('service account token already exists', 'serviceaccounts.ErrTokenAlreadyExists'));
      const key = make(name, live > 0 ? new Date(now.getTime() + live * 1000) : undefined);
      return { status: 200, body: { id: Number(key.id), name, key: key.value } };
    }),
    admin('GET', BASE, ({ keys }) => ({ status: 200, body: keys.map(resource) })),
    admin('DELETE', `${BASE}/:id`, ({ params, remove }) =>
      remove(params['id'] ?? '')
        ? { status: 200, body: { message: 'Service account token deleted' } }
        : refusing(404, message('service account token not found', 'serviceaccounts.ErrTokenNotFound')),
    ),
    withKey('GET', '/api/org', () => ({ status: 200, body: { id: 1, name: 'Main Org.' } })),
  ],
};
