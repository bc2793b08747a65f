/**
 * https://docs.datadoghq.com/api/latest/key-management/ and …/service-accounts/: JSON:API, two headers, 403 for an invalid
 * key. How long to wait is said in X-RateLimit-Reset, in seconds.
 */
import { randomUUID } from 'node:crypto';
import { admin, header, hex, numberOf, pageOf, refusing, textOf, withKey } from '../provider.ts';
import type { Ask, Key, Provider, Route } from '../provider.ts';
import type { SandboxRequest, SandboxResponse } from '../../http.ts';

const errors = (text: string): unknown => ({ errors: [text] });
const problems: Provider['problems'] = {
  unauthenticated: refusing(403, errors('Forbidden')),
  forbidden: refusing(403, errors('Forbidden')),
  absent: refusing(404, errors('Not found')),
  throttled: refusing(429, errors('Too many requests'), { 'x-ratelimit-reset': '7' }),
  unavailable: refusing(503, errors('Service unavailable')),
};
const presented = (request: SandboxRequest): string =>
  `${header(request, 'dd-api-key')}|${header(request, 'dd-application-key')}`;

function administrator(): ReturnType<Provider['administrator']> {
  const [apiKey, applicationKey] = [hex(32), hex(40)];
  return { stored: JSON.stringify({ apiKey, applicationKey }), presented: `${apiKey}|${applicationKey}` };
}

function attributesOf(key: Key): Readonly<Record<string, unknown>> {
  return { name: key.name, last4: key.value.slice(-4), created_at: key.createdAt.toISOString() };
}

function routes(base: string, type: string): readonly Route[] {
  const resource = (key: Key, more: object = {}): unknown => ({
    id: key.id,
    type,
    attributes: { ...attributesOf(key), ...more },
  });
  return [
    admin('POST', base, ({ json, make }) => {
      const data = json['data'] as { type?: unknown; attributes?: { name?: unknown } } | undefined;
      const name = textOf(data?.attributes?.name);
      if (data?.type !== type || name === undefined) return refusing(400, errors('Bad Request'));
      const key = make(name);
      return { status: 201, body: { data: resource(key, { key: key.value }) } };
    }),
    admin('GET', base, (ask) => listing(ask, resource)),
    admin('DELETE', `${base}/:id`, ({ params, remove }) =>
      remove(params['id'] ?? '') ? { status: 204 } : problems.absent,
    ),
  ];
}

function listing({ request, keys }: Ask, resource: (key: Key) => unknown): SandboxResponse {
  const size = numberOf(request.query, 'page[size]', 10);
  const page = pageOf(keys, numberOf(request.query, 'page[number]', 0), size);
  const meta = { page: { total_filtered_count: keys.length } };
  return { status: 200, body: { data: page.map((key) => resource(key)), meta } };
}

export const datadogApiKeys: Provider = {
  name: 'datadog-api-keys',
  host: 'api.datadog',
  administrator,
  presented,
  presents: (key) => `${key.value}|`,
  mint: () => ({ id: randomUUID(), value: hex(32) }),
  problems,
  routes: [
    ...routes('/api/v2/api_keys', 'api_keys'),
    withKey('GET', '/api/v1/validate', () => ({ status: 200, body: { valid: true } })),
  ],
};

export const datadogApplicationKeys: Provider = {
  name: 'datadog-application-keys',
  host: 'api.datadog-service',
  administrator,
  presented,
  presents: (key, { presented: both }) => `${both.split('|')[0] ?? ''}|${key.value}`,
  mint: () => ({ id: randomUUID(), value: hex(40) }),
  problems,
  routes: [
    ...routes('/api/v2/service_accounts/sa-1/application_keys', 'application_keys'),
    withKey('GET', '/api/v2/validate_keys', () => ({ status: 200, body: { status: 'ok' } })),
  ],
};
