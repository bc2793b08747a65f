/**
 * NerdGraph, https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys/: GraphQL, so
 * that what goes wrong with a key comes with status 200. The types of errors are those of New Relic's own Go client.
 */
import { epoch, header, hex, refusing, textOf, throttling, token, withKey } from '../provider.ts';
import type { Ask, Provider } from '../provider.ts';
import type { SandboxResponse } from '../../http.ts';

const failed = (message: string): unknown => ({ data: null, errors: [{ message }] });
const keyError = (verb: 'apiAccessCreateKeys' | 'apiAccessDeleteKeys', type: string): SandboxResponse => ({
  status: 200,
  body: { data: { [verb]: { errors: [{ message: `The key is ${type}`, type: 'USER', userErrorType: type }] } } },
});
const value = (): string => `NRAK-${token(27).toUpperCase()}`;

interface Input {
  readonly accountId?: unknown;
  readonly userId?: unknown;
  readonly name?: unknown;
}

function create({ json, make }: Ask): SandboxResponse {
  const { keys } = json['variables'] as { readonly keys: { readonly user?: readonly Input[] } };
  const input = keys.user?.[0];
  if (typeof input?.accountId !== 'number' || typeof input.userId !== 'number') {
    return { status: 200, body: failed('Argument "keys" has invalid value') };
  }
  if (input.accountId !== 1) return keyError('apiAccessCreateKeys', 'NOT_FOUND');
  const key = make(textOf(input.name) ?? '');
  const createdKeys = [{ id: key.id, key: key.value, name: key.name, type: 'USER' }];
  return { status: 200, body: { data: { apiAccessCreateKeys: { createdKeys, errors: [] } } } };
}

function search({ keys }: Ask): SandboxResponse {
  const found = keys.map(({ id, name, createdAt }) => ({ id, name, createdAt: epoch(createdAt) }));
  return { status: 200, body: { data: { actor: { apiAccess: { keySearch: { keys: found, nextCursor: null } } } } } };
}

function remove(ask: Ask): SandboxResponse {
  const { keys } = ask.json['variables'] as { readonly keys: { readonly userKeyIds?: readonly string[] } };
  const id = keys.userKeyIds?.[0] ?? '';
  if (!ask.remove(id)) return keyError('apiAccessDeleteKeys', 'NOT_FOUND');
  return { status: 200, body: { data: { apiAccessDeleteKeys: { deletedKeys: [{ id }], errors: [] } } } };
}

export const newrelic: Provider = {
  name: 'newrelic-user-keys',
  host: 'api.newrelic',
  administrator() {
    const key = value();
    return { stored: key, presented: key };
  },
  presented: (request) => header(request, 'api-key'),
  presents: (key) => key.value,
  reads: ({ json }) => !JSON.stringify(json ?? '').includes('mutation('),
  mint: () => ({ id: hex(64).toUpperCase(), value: value() }),
  problems: {
    unauthenticated: refusing(401, failed('Invalid API key')),
    forbidden: keyError('apiAccessCreateKeys', 'FORBIDDEN'),
    absent: keyError('apiAccessCreateKeys', 'NOT_FOUND'),
    throttled: throttling(failed('Too many requests')),
    unavailable: refusing(503, failed('Service unavailable')),
  },
  routes: [
    withKey('POST', '/graphql', (ask) => {
      const query = textOf(ask.json['query']) ?? '';
      if (query.includes('apiAccessCreateKeys')) return create(ask);
      if (query.includes('apiAccessDeleteKeys')) return remove(ask);
      if (query.includes('keySearch')) return search(ask);
      return { status: 200, body: { data: { actor: { user: { id: 7 } } } } };
    }),
  ],
};
