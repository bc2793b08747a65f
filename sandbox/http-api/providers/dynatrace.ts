/**
 * https://docs.dynatrace.com/docs/dynatrace-api/environment-api/tokens-v2/api-tokens: pages of 200, and with the key of the next
 * page no other parameter may be given.
 */
import { admin, authorization, dateOf, pageOf, refusing, textOf, throttling, token } from '../provider.ts';
import type { Ask, Key, Provider } from '../provider.ts';
import type { SandboxResponse } from '../../http.ts';

const envelope = (code: number): unknown => ({ error: { code, message: 'no' } });
const resource = ({ id, name, createdAt, expiresAt }: Key): object => ({
  ...{ id, name, enabled: true, owner: 'keyturn', creationDate: createdAt.toISOString() },
  ...(expiresAt === undefined ? {} : { expirationDate: expiresAt.toISOString() }),
});
const id = (): string => `dt0c01.${token(24).toUpperCase()}`;

function listing({ request, keys }: Ask): SandboxResponse {
  const cursor = request.query.get('nextPageKey');
  if (cursor !== null && [...request.query.keys()].length > 1) return refusing(400, envelope(400));
  const page = cursor === null ? 0 : Number(Buffer.from(cursor, 'base64url').toString());
  const more = (page + 1) * 200 < keys.length;
  const next = more ? { nextPageKey: Buffer.from(String(page + 1)).toString('base64url') } : {};
  return {
    status: 200,
    body: { apiTokens: pageOf(keys, page, 200).map(resource), pageSize: 200, totalCount: keys.length, ...next },
  };
}

export const dynatrace: Provider = {
  name: 'dynatrace',
  host: 'env-1.live.dynatrace',
  administrator() {
    const stored = `${id()}.${token(64).toUpperCase()}`;
    return { stored, presented: `Api-Token ${stored}` };
  },
  presented: authorization,
  presents: (key) => `Api-Token ${key.value}`,
  mint() {
    const one = id();
    return { id: one, value: `${one}.${token(64).toUpperCase()}` };
  },
  problems: {
    unauthenticated: refusing(401, envelope(401)),
    // What a token that is valid, and has another scope, is told.
    forbidden: refusing(403, envelope(403)),
    absent: refusing(404, envelope(404)),
    throttled: throttling(envelope(429)),
    unavailable: refusing(503, envelope(503)),
  },
  routes: [
    admin('POST', '/api/v2/apiTokens', ({ json, make }) => {
      const name = textOf(json['name']) ?? '';
      const wrong = name === '' || name.length > 100 || !Array.isArray(json['scopes']) || json['scopes'].length === 0;
      if (wrong) return refusing(400, envelope(400));
      const key = make(name, dateOf(json['expirationDate']));
      return { status: 201, body: { id: key.id, token: key.value, expirationDate: key.expiresAt?.toISOString() } };
    }),
    admin('GET', '/api/v2/apiTokens', listing),
    admin('DELETE', '/api/v2/apiTokens/:id', ({ params, remove }) =>
      remove(params['id'] ?? '') ? { status: 204 } : refusing(404, envelope(404)),
    ),
  ],
};
