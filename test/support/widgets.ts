import {
  admin,
  authorization,
  bearerAdministrator,
  refusing,
  serial,
  textOf,
  throttling,
  token,
} from '../../sandbox/http-api/provider.ts';
import { numberOf, pageOf, withKey, type Key, type Provider } from '../../sandbox/http-api/provider.ts';

/** The service of docs/http-api.md: one that no description comes with Keyturn for. */
const KEYS = '/workspaces/w-1/keys';
const failed = (code: string): object => ({ code });
const resource = ({ id, name }: Key): object => ({ id: Number(id), title: name });

export const WIDGETS: Provider = {
  name: 'widgets',
  host: 'api.widgets',
  administrator: () => bearerAdministrator(token(40)),
  presented: authorization,
  presents: (key) => `Bearer ${key.value}`,
  mint: () => ({ id: serial(), value: token(40) }),
  problems: {
    unauthenticated: refusing(401, failed('who')),
    forbidden: refusing(403, failed('may_not')),
    absent: refusing(404, failed('nowhere')),
    throttled: throttling(failed('slow')),
    unavailable: refusing(503, failed('busy')),
  },
  routes: [
    admin('POST', KEYS, ({ json, make }) => {
      const title = textOf(json['title']) ?? '';
      if (title.length > 40) return refusing(422, failed('title_too_long'));
      const key = make(title);
      return { status: 201, body: { key: resource(key), token: key.value } };
    }),
    admin('GET', KEYS, ({ request, keys }) => {
      const page = numberOf(request.query, 'page', 0);
      const more = (page + 1) * 3 < keys.length;
      const next = more ? `https://${String(request.headers.host)}${KEYS}?page=${page + 1}` : null;
      return { status: 200, body: { keys: pageOf(keys, page, 3).map(resource), next } };
    }),
    admin('DELETE', `${KEYS}/:id`, ({ params, remove }) =>
      remove(params['id'] ?? '') ? { status: 204 } : refusing(404, failed('nowhere')),
    ),
    withKey('GET', '/me', () => ({ status: 200, body: {} })),
  ],
};
