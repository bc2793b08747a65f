import type { Asked } from '../rest-errors.ts';
import { errorBody, retryAfterMs, unanswered } from '../rest-errors.ts';
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
  /** No tag or setting names the resource: it was found by looking. Then no remedy tells to correct one. */
  readonly found?: true;
}

export interface ArmAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The body as it came. Only `error.code` and `error.message` of it go into an error, since answers hold keys. */
  readonly text: string;
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

/** 404 with one of these is about the type or its API version, which a cloud or a region may lack, and not about the resource. */
const SAYS_NOTHING: readonly string[] = [
  'InvalidResourceType',
  'InvalidResourceNamespace',
  'NoRegisteredProviderFound',
];

/** Seconds from the header of Resource Graph's own limit, `x-ms-user-quota-resets-after: 00:00:05`. */
export function quotaSeconds(header: string | undefined): string | undefined {
  const [, hours, minutes, seconds] = /^(\d+):(\d+):(\d+)/.exec(header ?? '') ?? [];
  if (seconds === undefined) return undefined;
  return String((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
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
      // ARM says that also of a subscription that the caller may not see: nothing in it is known to be gone.
      if (call.found && code === 'SubscriptionNotFound')
        return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy: grantCommand(call, message) };
      if (call.found && SAYS_NOTHING.includes(code)) {
        const remedy = `This ARM (${call.host}) does not know the type, or this version of its API: nothing is known of the resource. Look at what it offers: az provider show --namespace ${call.action.split('/')[0] ?? ''} --query "resourceTypes[].{type:resourceType,versions:apiVersions}"`;
        return { code: 'CONFIG_INVALID', recovery: 'reconfigure', remedy };
      }
      const look = `az resource show --ids "${call.scope}"`;
      const remedy = call.found
        ? `Look whether it is there still: ${look}`
        : `Correct the tag ${call.tag ?? 'ProviderAddress'}, or look for the resource: ${look}`;
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
      // Microsoft.Network's word for two changes at once (azure-cli #28615): who only repeats his undoes the other.
      if (code === 'RetryableError') return { code: 'CONFLICT', recovery: 'retry' };
      return { code: 'THROTTLED', recovery: 'retry' };
    default:
      if (status >= 500) return { code: 'UNAVAILABLE', recovery: 'retry', effect: lost };
      return {
        code: 'CONFIG_INVALID',
        recovery: 'reconfigure',
        remedy: call.found
          ? `Look at the resource: az resource show --ids "${call.scope}"`
          : `Check the ${call.tag === undefined ? 'tags CredentialId and ProviderAddress' : `tag ${call.tag}`}.`,
      };
  }
}

function deniedRemedy(code: string, message: string, call: ArmCallFacts): string {
  if (code === 'RequestDisallowedByPolicy')
    return `An Azure Policy forbids it: az policy state list --resource "${call.scope}"`;
  return grantCommand(call, message);
}

/** No answer came: the connection failed, was cut, or the call's own signal ended it. */
export function armUnanswered(error: Error, call: ArmCallFacts, aborted: boolean): RotationError {
  return unanswered(error, askedOf(call), aborted);
}

/** The same facts, as every REST service's errors tell them. */
export function askedOf({ action, scope, host, mutates }: ArmCallFacts): Asked {
  return { what: `${action} on ${scope}`, host, mutates };
}
