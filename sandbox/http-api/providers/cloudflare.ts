/**
 * https://developers.cloudflare.com/api/resources/user/subresources/tokens/ and …/accounts/subresources/tokens/: every answer
 * is an envelope with `success` and `errors`. Names may be used again; an account's token is verified below the account.
 */
import { admin, authorization, bearerAdministrator, dateOf, hex, numberOf, pageOf, refusing } from '../provider.ts';
import { seconds, textOf, token, withKey } from '../provider.ts';
import type { Key, Provider } from '../provider.ts';

const envelope = (result: unknown, more: object = {}): unknown => ({
  success: true,
  errors: [],
  messages: [],
  result,
  ...more,
});
const failed = (code: number, message: string): unknown => ({
  success: false,
  errors: [{ code, message }],
  messages: [],
  result: null,
});

const resource = ({ id, name, createdAt, expiresAt }: Key): object => ({
  id,
  name,
  status: 'active',
  issued_on: seconds(createdAt),
  modified_on: seconds(createdAt),
  ...(expiresAt === undefined ? {} : { expires_on: seconds(expiresAt) }),
  policies: [],
});

function provider(name: string, base: string): Provider {
  return {
    name,
    host: `api.${name}`,
    administrator: () => bearerAdministrator(token(40)),
    presented: authorization,
    presents: (key) => `Bearer ${key.value}`,
    mint: () => ({ id: hex(32), value: token(40) }),
    problems: {
      unauthenticated: refusing(401, failed(1000, 'Invalid API Token')),
      forbidden: refusing(403, failed(9109, 'Unauthorized to access requested resource')),
      absent: refusing(404, failed(7003, 'Could not route to the path')),
      throttled: refusing(429, failed(971, 'Please wait and consider throttling your request speed'), {
        'retry-after': '7',
      }),
      unavailable: refusing(503, failed(10_000, 'Service unavailable')),
    },
    routes: [
      withKey('GET', `${base}/verify`, ({ caller }) => ({
        status: 200,
        body: envelope({ id: caller?.id, status: 'active' }),
      })),
      admin('POST', base, ({ json, make }) => {
        const tokenName = textOf(json['name']);
        if (tokenName === undefined || !Array.isArray(json['policies']) || json['policies'].length === 0) {
          return refusing(400, failed(1001, 'Invalid token'));
        }
        const key = make(tokenName, dateOf(json['expires_on']));
        return { status: 200, body: envelope({ ...resource(key), value: key.value }) };
      }),
      admin('GET', base, ({ request, keys }) => {
        const size = numberOf(request.query, 'per_page', 20);
        const page = numberOf(request.query, 'page', 1);
        const found = pageOf(keys, page - 1, size);
        const info = { page, per_page: size, count: found.length, total_count: keys.length };
        return { status: 200, body: envelope(found.map(resource), { result_info: info }) };
      }),
      admin('DELETE', `${base}/:id`, ({ params, remove }) =>
        remove(params['id'] ?? '')
          ? { status: 200, body: envelope({ id: params['id'] }) }
          : refusing(404, failed(1003, 'Invalid or missing token id')),
      ),
    ],
  };
}

export const cloudflareUserTokens = provider('cloudflare-user-tokens', '/client/v4/user/tokens');
export const cloudflareAccountTokens = provider('cloudflare-account-tokens', '/client/v4/accounts/acc-1/tokens');
