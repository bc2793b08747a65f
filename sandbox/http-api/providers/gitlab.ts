/**
 * https://docs.gitlab.com/api/project_access_tokens/ and …/group_access_tokens/: an expiry within 365 days; a revoked token
 * goes on being listed, inactive. Pages are told in the header Link.
 */
import {
  admin,
  dateOf,
  header,
  numberOf,
  pageOf,
  refusing,
  serial,
  seconds,
  textOf,
  throttling,
  token,
} from '../provider.ts';
import { withKey, type Key, type Provider } from '../provider.ts';

const message = (text: string): unknown => ({ message: text });
const DAY = 86_400_000;

function resource({ id, name, createdAt, expiresAt }: Key, active: boolean): object {
  const expires = expiresAt?.toISOString().slice(0, 10) ?? null;
  return {
    ...{ id: Number(id), name, active, revoked: !active, created_at: seconds(createdAt) },
    ...{ expires_at: expires, scopes: ['read_api'], access_level: 40, user_id: 7 },
  };
}

function provider(name: string, base: string): Provider {
  const revoked: Key[] = [];
  return {
    name,
    host: name,
    administrator() {
      const stored = `glpat-${token(20)}`;
      return { stored, presented: stored };
    },
    presented: (request) => header(request, 'private-token'),
    presents: (key) => key.value,
    mint: () => ({ id: serial(), value: `glpat-${token(20)}` }),
    problems: {
      unauthenticated: refusing(401, message('401 Unauthorized')),
      forbidden: refusing(403, message('403 Forbidden')),
      absent: refusing(404, message('404 Project Not Found')),
      throttled: throttling(message('429 Too Many Requests')),
      unavailable: refusing(503, message('503 Service Unavailable')),
    },
    routes: [
      admin('POST', base, ({ json, make, now }) => {
        const tokenName = textOf(json['name']);
        const expires = dateOf(json['expires_at']);
        const late = expires !== undefined && expires.getTime() > now.getTime() + 365 * DAY;
        if (tokenName === undefined || !Array.isArray(json['scopes']) || late)
          return refusing(400, message('400 Bad request'));
        const key = make(tokenName, expires);
        return { status: 201, body: { ...resource(key, true), token: key.value } };
      }),
      admin('GET', base, ({ request, keys }) => {
        const size = numberOf(request.query, 'per_page', 20);
        const page = numberOf(request.query, 'page', 1);
        const all = [...revoked.map((key) => resource(key, false)), ...keys.map((key) => resource(key, true))];
        const here = `https://${header(request, 'host')}${request.path}`;
        const first = `<${here}?page=1&per_page=${size}>; rel="first"`;
        const next = page * size < all.length ? `<${here}?page=${page + 1}&per_page=${size}>; rel="next", ` : '';
        return { status: 200, headers: { link: `${next}${first}` }, body: pageOf(all, page - 1, size) };
      }),
      admin('DELETE', `${base}/:id`, ({ params, keys, remove }) => {
        const key = keys.find(({ id }) => id === params['id']);
        if (key === undefined || !remove(key.id)) return refusing(404, message('404 Could not find access token'));
        revoked.push(key);
        return { status: 204 };
      }),
      withKey('GET', '/api/v4/personal_access_tokens/self', ({ caller }) => ({
        status: 200,
        body: caller === undefined ? {} : resource(caller, true),
      })),
    ],
  };
}

export const gitlabProjectTokens = provider('gitlab-project-tokens', '/api/v4/projects/:project/access_tokens');
export const gitlabGroupTokens = provider('gitlab-group-tokens', '/api/v4/groups/:group/access_tokens');
