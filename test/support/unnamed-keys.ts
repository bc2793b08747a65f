import {
  admin,
  authorization,
  bearerAdministrator,
  hex,
  refusing,
  throttling,
  token,
  withKey,
} from '../../sandbox/http-api/provider.ts';
import type { Provider } from '../../sandbox/http-api/provider.ts';

/** A service whose keys carry no name: the hardest kind, and the smallest description. */
export const UNNAMED = {
  name: 'unnamed',
  title: 'Keys without names',
  documentation: 'https://docs.example.com/keys',
  verified: 'simulation',
  permissions: 'everything',
  host: 'api.example.com',
  authentication: { kind: 'bearer', token: '{{secret}}' },
  limits: { keys: 4 },
  errors: {
    code: ['/error/code'],
    when: [{ pointer: '/error', present: true }],
    means: { GONE: 'absent', FULL: 'quota' },
  },
  create: { method: 'POST', path: '/keys', success: [200], answer: { id: '/id', value: '/value' } },
  list: {
    method: 'GET',
    path: '/keys',
    success: [200],
    items: '/keys',
    item: { id: '/id', created: { pointer: '/created', format: 'iso' } },
  },
  test: {
    method: 'GET',
    path: '/whoami',
    authentication: { kind: 'bearer', token: '{{credential.value}}' },
    success: [200],
    rejected: [401],
    id: '/id',
  },
  revoke: { method: 'DELETE', path: '/keys/{{id}}', success: [200] },
} as const;

const failed = (code: string): object => ({ error: { code, message: 'CANARY: words of the service' } });

/** It answers 200 whatever has happened, with an error inside. */
export const UNNAMED_PROVIDER: Provider = {
  name: 'unnamed',
  host: 'api.unnamed',
  administrator: () => bearerAdministrator(token(40)),
  presented: authorization,
  presents: (key) => `Bearer ${key.value}`,
  mint: () => ({ id: hex(16), value: token(40) }),
  most: 4,
  problems: {
    unauthenticated: refusing(401, failed('WHO')),
    forbidden: refusing(403, failed('MAY_NOT')),
    absent: refusing(200, failed('GONE')),
    throttled: throttling(failed('SLOW')),
    unavailable: refusing(503, failed('BUSY')),
    full: refusing(200, failed('FULL')),
  },
  routes: [
    admin('POST', '/keys', ({ make }) => {
      const { id, value } = make('');
      return { status: 200, body: { id, value } };
    }),
    admin('GET', '/keys', ({ keys }) => ({
      status: 200,
      body: { keys: keys.map(({ id, createdAt }) => ({ id, created: createdAt.toISOString() })) },
    })),
    admin('DELETE', '/keys/:id', ({ params, remove }) => ({
      status: 200,
      body: remove(params['id'] ?? '') ? {} : failed('GONE'),
    })),
    withKey('GET', '/whoami', ({ caller }) => ({ status: 200, body: { id: caller?.id } })),
  ],
};
