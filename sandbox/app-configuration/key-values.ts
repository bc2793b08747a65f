/** `/kv` of App Configuration, asked with a token of Entra: Azure/AppConfiguration docs/REST, and its network access errors. */
import type { Resource } from '../arm/resources.ts';
import type { EntraGate } from '../data-plane.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { storeOf, type KeyValue, type Store } from './store.ts';

const AUDIENCES = ['https://appconfig.sandbox.test', 'https://appconfig.azure.com'];
const ACTION = 'Microsoft.AppConfiguration/configurationStores/keyValues';
const ERRORS = 'https://azconfig.io/errors';
/** Azure's has 100; a small page shows who reads only the first. */
const PAGE = 2;
const NULL_LABEL = '\0';

/** Undefined: the request is not about key-values. */
export function answerKeyValues(
  request: SandboxRequest,
  resource: Resource,
  entra: EntraGate | undefined,
  now: Date,
): SandboxResponse | undefined {
  if (request.segments[0] !== 'kv') return undefined;
  const store = storeOf(resource);
  return refused(request, resource, store, entra) ?? served(request, store, now);
}

/** In the service's order: network, token, permission. */
function refused(
  request: SandboxRequest,
  { id }: Resource,
  store: Store,
  entra: EntraGate | undefined,
): SandboxResponse | undefined {
  if (!store.isPublic) {
    const title = 'Access to this resource is governed by a network access policy.';
    return problem(403, 'ip-address-rejected', { title });
  }
  const check = entra?.identity.verifyRequest(request, AUDIENCES);
  if (check?.ok !== true) {
    const challenge =
      'HMAC-SHA256, Bearer error="invalid_token", error_description="Authorization token failed validation"';
    return { status: 401, headers: { 'www-authenticate': challenge } };
  }
  const verb = request.method === 'GET' ? 'read' : 'write';
  const refusal = entra?.arm.refusal(`${ACTION}/${verb}`, id, check.claims)?.response;
  if (refusal?.status !== 429) return refusal && { status: 403 };
  const title = 'Resource utilization has surpassed the assigned quota';
  const seconds = Number(refusal.headers?.['retry-after'] ?? 1);
  return problem(
    429,
    'too-many-requests',
    { title, policy: 'Total Requests' },
    { 'retry-after-ms': `${seconds * 1000}` },
  );
}

function served(request: SandboxRequest, store: Store, now: Date): SandboxResponse {
  if (!/^(?:1\.0|\d{4}-\d\d-\d\d)$/.test(request.query.get('api-version') ?? '')) {
    return problem(400, 'invalid-argument', { title: 'API version is not specified', name: 'api-version' });
  }
  const key = request.segments.slice(1).join('/');
  const label = request.query.get('label');
  if (key === '') return request.method === 'GET' ? list(request, store, now) : { status: 405 };
  const named = label === null || label === NULL_LABEL || label === '' ? null : label;
  if (request.method === 'GET') {
    const found = store.seen(now).find((one) => one.key === key && one.label === named);
    return found === undefined ? { status: 404 } : shown(found);
  }
  return request.method === 'PUT' ? put(request, store, key, named, now) : { status: 405 };
}

function list(request: SandboxRequest, store: Store, now: Date): SandboxResponse {
  const label = request.query.get('label') ?? '*';
  if (label !== '*')
    return problem(400, 'invalid-argument', { title: 'The sandbox lists every label.', name: 'label' });
  const fields = request.query.get('$select')?.split(',');
  const from = Number(request.query.get('after') ?? '0');
  const all = store.seen(now);
  const items = all.slice(from, from + PAGE).map((one) => selected(one, fields));
  const query = new URLSearchParams(request.query);
  query.set('after', String(from + PAGE));
  const next = from + PAGE < all.length ? { '@nextLink': `/kv?${query.toString()}` } : {};
  return { status: 200, body: { items, ...next } };
}

function selected(setting: KeyValue, fields: readonly string[] | undefined): unknown {
  if (fields === undefined) return setting;
  return Object.fromEntries(Object.entries(setting).filter(([name]) => fields.includes(name)));
}

function put(
  { headers, json }: SandboxRequest,
  store: Store,
  key: string,
  label: string | null,
  now: Date,
): SandboxResponse {
  const before = store.find(key, label);
  const etag = before === undefined ? undefined : `"${before.etag}"`;
  const fits = headers['if-match'] === undefined || headers['if-match'] === etag;
  const isFree = headers['if-none-match'] !== '*' || before === undefined;
  if (!fits || !isFree) return { status: 412 };
  if (before?.locked === true) {
    const detail = 'The key is read-only. To allow modification unlock it first.';
    return problem(409, 'key-locked', { title: `Modifing key '${key}' is not allowed`, name: key, detail });
  }
  const { value = '', content_type = null, tags = {} } = (json ?? {}) as Partial<KeyValue>;
  const same =
    before?.value === value &&
    before.content_type === content_type &&
    JSON.stringify(before.tags) === JSON.stringify(tags);
  return shown(same ? before : store.put({ key, label, value, content_type, tags }, now));
}

function shown(setting: KeyValue): SandboxResponse {
  return {
    status: 200,
    headers: { etag: `"${setting.etag}"`, 'sync-token': 'jtqGc1I4=MDoyOA==;sn=28' },
    body: setting,
  };
}

function problem(
  status: number,
  type: string,
  more: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): SandboxResponse {
  const body = JSON.stringify({ type: `${ERRORS}/${type}`, ...more, status });
  return { status, headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers }, body };
}
