import type { Effect, RotationErrorInit } from '../../rotation/errors.ts';
import { RotationError } from '../../rotation/errors.ts';

/** What a failed call was about, for the sentence and the command in the error. */
export interface ArmCallFacts {
  /** The RBAC action, e.g. `Microsoft.Storage/storageAccounts/regeneratekey/action`. */
  readonly action: string;
  /** The resource's ARM id. */
  readonly scope: string;
  /** `host` or `host:port` of ARM. */
  readonly host: string;
  /** The built-in role that grants the action. */
  readonly role: string;
  /** Whether the call changes the resource: decides the effect when the answer is lost. */
  readonly mutates: boolean;
  /** The tag that names the resource, for the remedy; that of a secret when absent. */
  readonly tag?: string;
}

export interface ArmAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The body as it came. Only `error.code` and `error.message` of it go into an error, since answers hold keys. */
  readonly text: string;
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

/** ARM's error shape is `{"error":{"code","message"}}` (facts C). */
function errorBody(text: string): { readonly code: string; readonly message: string } {
  const body = parseJson(text);
  const inner = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof inner !== 'object' || inner === null) return { code: '', message: '' };
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  const message = 'message' in inner && typeof inner.message === 'string' ? inner.message : '';
  return { code, message };
}

/** What the error in an answer says, to be put behind a sentence: `: KeyVaultKeyNotFound: …`; empty where it says nothing. */
export function saidOf(text: string): string {
  const { code, message } = errorBody(text);
  const said = [code, message.split('\n')[0]?.trim() ?? ''].filter((part) => part !== '');
  return said.map((part) => `: ${part}`).join('');
}

/**
 * Does the answer say that the resource or its group does not exist? A missing subscription is not counted: ARM says
 * that also of one that the caller has no right to see.
 */
export function saysGone(status: number, text: string): boolean {
  return (
    status === 404 &&
    ['ResourceNotFound', 'ParentResourceNotFound', 'ResourceGroupNotFound'].includes(errorBody(text).code)
  );
}

/** The command that grants what was refused, with the caller's object id where ARM's message gave it. */
export function grantCommand(call: ArmCallFacts, message: string): string {
  const objectId = /object id '([0-9a-f-]{36})'/i.exec(message)?.[1] ?? "<object id of the app's managed identity>";
  return (
    `az role assignment create --assignee-object-id ${objectId} --assignee-principal-type ServicePrincipal ` +
    `--role "${call.role}" --scope "${call.scope}"`
  );
}

/**
 * An answer of ARM that is not a success, as the one error class. A refusal (4xx) leaves the resource as it was; after
 * a 408 or 5xx of a call that changes it nobody knows.
 */
export function armRefusal(answer: ArmAnswer, call: ArmCallFacts, now: Date): RotationError {
  const { code, message } = errorBody(answer.text);
  const reason = message === '' ? '' : `: ${message.split('\n')[0]?.trim() ?? ''}`;
  const what = `${call.action} on ${call.scope} was answered ${answer.status}${code === '' ? '' : ` ${code}`}${reason}`;
  const wait = retryAfterMs(answer.retryAfter, now);
  return new RotationError({
    message: what,
    ...classify(answer.status, code, message, call),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function classify(
  status: number,
  code: string,
  message: string,
  call: ArmCallFacts,
): Omit<RotationErrorInit, 'message'> {
  const lost: Effect = call.mutates ? 'unknown' : 'none';
  switch (status) {
    case 401: {
      const remedy = `The token was refused: check that the app's tenant is the subscription's (az account show) and that the ARM endpoint ${call.host} is the right cloud's.`;
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
    }
    case 403:
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy: deniedRemedy(code, message, call) };
    case 404: {
      const remedy = `Correct the tag ${call.tag ?? 'ProviderAddress'}, or look for the resource: az resource show --ids "${call.scope}"`;
      return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', remedy };
    }
    case 409:
      // A read-only lock refuses POST actions too; nothing but removing it helps. Other conflicts pass.
      if (code !== 'ScopeLocked') return { code: 'CONFLICT', recovery: 'retry' };
      return { code: 'CONFLICT', recovery: 'reconfigure', remedy: `az lock list --resource "${call.scope}"` };
    case 408:
    case 504:
      return { code: 'TIMED_OUT', recovery: 'retry', effect: lost };
    case 412:
      // The ETag is old; Cosmos DB also says it while another operation on the account is under way.
      return { code: 'CONFLICT', recovery: 'retry' };
    case 429:
      return { code: 'THROTTLED', recovery: 'retry' };
    default:
      if (status >= 500) return { code: 'UNAVAILABLE', recovery: 'retry', effect: lost };
      return {
        code: 'CONFIG_INVALID',
        recovery: 'reconfigure',
        remedy: `Check the ${call.tag === undefined ? 'tags CredentialId and ProviderAddress' : `tag ${call.tag}`}.`,
      };
  }
}

function deniedRemedy(code: string, message: string, call: ArmCallFacts): string {
  if (code === 'RequestDisallowedByPolicy')
    return `An Azure Policy forbids it: az policy state list --resource "${call.scope}"`;
  return grantCommand(call, message);
}

/** Sockets that were never opened: the request cannot have had an effect. */
const NEVER_SENT =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CERT_.*|.*_CERT.*|UNABLE_TO_.*|ERR_TLS_.*)$/;

/** No answer came: the connection failed, was cut, or the call's own signal ended it. */
export function armUnanswered(error: Error, call: ArmCallFacts, aborted: boolean): RotationError {
  const what = `${call.action} on ${call.scope}`;
  const lost: Effect = call.mutates ? 'unknown' : 'none';
  if (aborted || error.name === 'AbortError') {
    const message = `${what} was not answered in time by ${call.host}`;
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect: lost, message });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (NEVER_SENT.test(code)) {
    const message = `${what} could not be sent: ${call.host} cannot be reached (${code})`;
    return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
  }
  const message = `${what}: the connection to ${call.host} was cut before the answer (${code})`;
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
