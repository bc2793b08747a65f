import type { Effect } from '../rotation/errors.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Blocker } from '../rotation/ports.ts';

/** What a request was about, for the sentence in the error. */
export interface Asked {
  /** What was asked of what: `Microsoft.Storage/…/action on /subscriptions/…`, `addPassword on applications/…`. */
  readonly what: string;
  /** `host` or `host:port`. */
  readonly host: string;
  /** Whether it changes something: decides the effect when the answer is lost. */
  readonly mutates: boolean;
}

/** Milliseconds that a Retry-After header asks for: seconds, or an HTTP date. Undefined when absent or unreadable. */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/** JSON, or undefined. A parser's own message quotes the text, which may hold a key: so it is not kept. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The error shape of ARM and of Microsoft Graph, `{"error":{"code","message"}}`; empty texts where there is none. */
export function errorBody(text: string): { readonly code: string; readonly message: string } {
  const body = parseJson(text);
  const inner = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof inner !== 'object' || inner === null) return { code: '', message: '' };
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  const message = 'message' in inner && typeof inner.message === 'string' ? inner.message : '';
  return { code, message };
}

/** Sockets that were never opened: the request cannot have had an effect. */
const NEVER_SENT =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CERT_.*|.*_CERT.*|UNABLE_TO_.*|ERR_TLS_.*)$/;

/** No answer came: the connection failed, was cut, or the call's own signal ended it. */
export function unanswered(error: Error, { what, host, mutates }: Asked, aborted: boolean): RotationError {
  const lost: Effect = mutates ? 'unknown' : 'none';
  if (aborted || error.name === 'AbortError') {
    const message = `${what} was not answered in time by ${host}`;
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect: lost, message });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (NEVER_SENT.test(code)) {
    const message = `${what} could not be sent: ${host} cannot be reached (${code})`;
    return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
  }
  const message = `${what}: the connection to ${host} was cut before the answer (${code})`;
  return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect: lost, message });
}

/** The app's identity gave no token, so nothing was sent. Identity's messages hold no token. */
export function tokenRefused(error: Error, scope: string, aborted: boolean): RotationError {
  if (aborted || error.name === 'AbortError') {
    const message = `no token for ${scope} in time`;
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message });
  }
  const message = `no token for ${scope}: ${error.name}: ${error.message.split('\n')[0] ?? ''}`;
  const remedy =
    'Give the app a managed identity (az functionapp identity assign -g <group> -n <app>), and set AZURE_CLIENT_ID ' +
    'to its client id where it is a user-assigned one.';
  return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy });
}

/** What the settings' owner has to mend is a blocker; not being able to look is thrown. */
export function asBlocker(error: unknown): Blocker {
  if (!(error instanceof RotationError)) throw error;
  const { code, message, remedy } = error;
  if (code !== 'ACCESS_DENIED' && code !== 'TARGET_NOT_FOUND' && code !== 'CONFIG_INVALID') throw error;
  return { code, message, remedy: remedy ?? 'Look at the message of the service.' };
}
