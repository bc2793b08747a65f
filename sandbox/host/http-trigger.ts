/** HTTP triggers: a request as the worker gets it, and its answer as it goes out. */
import type { IncomingHttpHeaders } from 'node:http';
import type { SandboxRequest } from '../http-request.ts';
import type { InvocationResponse, TriggerInput, TypedData } from './core.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | string;
}

const wrap = (values: Iterable<readonly [string, string]>): Record<string, { value: string }> =>
  Object.fromEntries([...values].map(([name, value]) => [name, { value }]));

export function httpInput(
  request: SandboxRequest,
  origin: string,
  params: Readonly<Record<string, string>>,
): TriggerInput {
  const headers = flatten(request.headers);
  const http = {
    method: request.method,
    url: `${origin}${request.rawUrl}`,
    nullableHeaders: wrap(Object.entries(headers)),
    nullableQuery: wrap(request.query),
    nullableParams: wrap(Object.entries(params)),
    ...(request.body.length === 0 ? {} : { body: { bytes: request.body } }),
  };
  const metadata: Record<string, TypedData> = {
    Query: { json: JSON.stringify(Object.fromEntries(request.query)) },
    Headers: { json: JSON.stringify(headers) },
  };
  for (const [name, value] of Object.entries(params)) metadata[name] = { string: value };
  return { data: { http }, metadata };
}

function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

interface Cookie {
  readonly name?: string;
  readonly value?: string;
  readonly path?: { readonly value?: string } | null;
  readonly httpOnly?: { readonly value?: boolean } | null;
}

interface HttpResult {
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly Cookie[];
  readonly body?: TypedData | null;
}

/** A function that returned nothing answers 204. */
export function httpAnswer(response: InvocationResponse): HttpAnswer {
  const result = response.returnValue?.http as HttpResult | undefined;
  if (result === undefined) return { status: 204 };
  const cookies = (result.cookies ?? []).map((cookie) => {
    const path = cookie.path?.value === undefined ? '' : `; path=${cookie.path.value}`;
    return `${cookie.name ?? ''}=${cookie.value ?? ''}${path}${cookie.httpOnly?.value === true ? '; httponly' : ''}`;
  });
  const body = result.body?.bytes ?? result.body?.string ?? result.body?.json;
  return {
    status: Number(result.statusCode ?? 200),
    headers: { ...result.headers, ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }) },
    ...(body === undefined ? {} : { body }),
  };
}
