import { RotationError, type Effect } from '../rotation/errors.ts';

/**
 * What every adapter that speaks HTTP has in common: reading an SDK's error without importing the SDK, and the
 * translation of the failures that mean the same everywhere (lost connections, time-outs, 429, 5xx, no token).
 * What a status means to one service (403, 404, 409, 412) is said at that service's edge.
 */
export interface RemoteFailure {
  readonly status?: number;
  /** The service's own code (`Forbidden`, `TableNotFound`), or the socket's (`ECONNRESET`). */
  readonly code?: string;
  readonly innerCode?: string;
  /** The service's own words. Services do not repeat what was sent to them. */
  readonly message: string;
  /** `timed-out`: no answer in time; `unreachable`: nothing was sent; `lost`: cut after something may have been sent. */
  readonly transport?: 'timed-out' | 'unreachable' | 'lost';
  readonly retryAfterMs?: number;
  /** The error without the request: an SDK's error carries the body, and the body of a write is the secret. */
  readonly cause: Error;
}

export interface RemoteAction {
  /** What was being done to what, for the message: `writing the secret orders in https://kv…`. */
  readonly doing: string;
  /** Did the request change something? Then a lost answer leaves the effect unknown. */
  readonly writes: boolean;
}

const TIMED_OUT = new Set(['AbortError', 'TimeoutError', 'ABORT_ERR', 'ETIMEDOUT', 'ESOCKETTIMEDOUT']);
const UNREACHABLE = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const LOST = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
]);
const NO_TOKEN = /^(CredentialUnavailable|Authentication|AggregateAuthentication|AuthenticationRequired)Error$/;

/** Reads an SDK's error by its shape; `TypeError` and its like give undefined, for they are bugs. */
export function readFailure(error: unknown, now: Date): RemoteFailure | undefined {
  if (!(error instanceof Error) || error instanceof RotationError) return undefined;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return undefined;
  const body = bodyError(error);
  const status = get(error, 'statusCode') ?? get(error, 'status') ?? get(get(error, 'response'), 'status');
  const code = text(body.code) ?? text(get(error, 'code')) ?? header(error, 'x-ms-error-code');
  const retryAfterMs = retryAfter(error, now);
  const transport = typeof status === 'number' ? undefined : transportOf(error);
  const message = text(body.message) ?? error.message;
  const cause = new Error(error.message);
  cause.name = error.name;
  return {
    message,
    cause,
    ...(typeof status === 'number' ? { status } : {}),
    ...(code === undefined ? {} : { code }),
    ...(body.innerCode === undefined ? {} : { innerCode: body.innerCode }),
    ...(transport === undefined ? {} : { transport }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The failures that mean the same everywhere, or undefined when the status is the service's own matter. */
export function commonFailure(failure: RemoteFailure, action: RemoteAction): RotationError | undefined {
  const { status, transport, message, cause } = failure;
  const lost: Effect = action.writes ? 'unknown' : 'none';
  const retry = {
    recovery: 'retry' as const,
    cause,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
  };
  if (transport === 'timed-out' || status === 408) {
    return new RotationError({
      ...retry,
      code: 'TIMED_OUT',
      effect: lost,
      message: `${action.doing}: no answer in time`,
    });
  }
  if (transport !== undefined) {
    const effect = transport === 'unreachable' ? 'none' : lost;
    return new RotationError({ ...retry, code: 'UNAVAILABLE', effect, message: `${action.doing}: ${message}` });
  }
  if (status === 429) {
    return new RotationError({
      ...retry,
      code: 'THROTTLED',
      message: `${action.doing}: too many requests: ${message}`,
    });
  }
  if (status !== undefined && status >= 500) {
    const why = `the service answered ${status}: ${message}`;
    return new RotationError({ ...retry, code: 'UNAVAILABLE', effect: lost, message: `${action.doing}: ${why}` });
  }
  if (NO_TOKEN.test(cause.name)) {
    return new RotationError({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: `${action.doing}: no token could be had for the app's identity: ${message.split('\n', 1)[0] ?? ''}`,
      remedy:
        'Give the app a managed identity (az functionapp identity assign --name <app> --resource-group <group>); for a user-assigned one set AZURE_CLIENT_ID to its client id.',
      cause,
    });
  }
  return undefined;
}

function transportOf(error: Error): RemoteFailure['transport'] {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    for (const key of [text(get(current, 'code')), current.name]) {
      if (key === undefined) continue;
      if (TIMED_OUT.has(key)) return 'timed-out';
      if (UNREACHABLE.has(key)) return 'unreachable';
      if (LOST.has(key)) return 'lost';
    }
    current = current.cause;
  }
  return undefined;
}

/** Key Vault and ARM: `{error:{code,message,innererror}}`; Tables: `{"odata.error":{code,message:{value}}}`. */
function bodyError(error: Error): { code?: unknown; message?: unknown; innerCode?: string } {
  const details = get(error, 'details');
  const raw = parsed(get(get(error, 'response'), 'bodyAsText'));
  const found =
    get(details, 'error') ?? get(details, 'odataError') ?? get(raw, 'error') ?? get(raw, 'odata.error') ?? undefined;
  if (found === undefined) return {};
  const inner = text(get(get(found, 'innerError') ?? get(found, 'innererror'), 'code'));
  const message = get(found, 'message');
  return {
    code: get(found, 'code'),
    message: text(message) ?? get(message, 'value'),
    ...(inner === undefined ? {} : { innerCode: inner }),
  };
}

/** The wait a service asks for: `retry-after-ms`, `x-ms-retry-after-ms`, `Retry-After` in seconds or as a date. */
function retryAfter(error: Error, now: Date): number | undefined {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = Number(header(error, name) ?? Number.NaN);
    if (ms >= 0) return ms;
  }
  const value = header(error, 'retry-after');
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

function header(error: Error, name: string): string | undefined {
  const headers = get(get(error, 'response'), 'headers');
  const read = get(headers, 'get');
  return typeof read === 'function' ? text(Reflect.apply(read, headers, [name])) : undefined;
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string' || !body.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // A proxy's HTML or a cut answer: the status says enough.
    throw error;
  }
}

function get(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
