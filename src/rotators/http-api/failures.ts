import { RotationError, type RotationErrorInit } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { retryAfterMs, shownCode } from '../../https/answer.ts';
import type { HttpsAnswer } from '../../https/client.ts';
import { meaningOf, outcomeOf, type Meaning } from '../../https/failures.ts';
import type { HttpApi } from './config.ts';
import type { Description, Errors, Operation } from './description.ts';
import { at, holds } from './pointer.ts';

/** What is wrong with an answer, in the description's words or the usual ones. */
export type Failed = Meaning | 'quota' | 'rejected';

/** The service's own code, where the description says that it is; nothing else of an answer is ever shown. Pure. */
export function codeIn({ errors }: Description, body: unknown): string | undefined {
  for (const pointer of errors?.code ?? []) {
    const code = shownCode(at(body, pointer));
    if (code !== undefined) return code;
  }
  return undefined;
}

/** Undefined when the answer is a success: a good status, and none of the conditions that make it an error. Pure. */
export function meaningIn(
  description: Description,
  operation: Operation,
  status: number,
  body: unknown,
): Failed | undefined {
  const errors: Errors = description.errors ?? {};
  const good = operation.success.includes(status);
  if (good && !(errors.when ?? []).some((condition) => holds(body, condition))) return undefined;
  const code = codeIn(description, body);
  // A code may be any word, `constructor` too.
  const means = errors.means ?? {};
  const meant = code !== undefined && Object.hasOwn(means, code) ? means[code] : undefined;
  // A good status says nothing about what is wrong.
  return meant ?? errors.statuses?.[String(status)] ?? (good ? 'invalid' : meaningOf(status));
}

export interface Refused {
  readonly what: string;
  readonly failed: Failed;
  readonly answer: HttpsAnswer;
  readonly body: unknown;
  readonly writes: boolean;
}

/** An answer that is no success, as the one error class. */
export function refusal(api: HttpApi, refused: Refused, call: Call): RotationError {
  const { what, failed, answer, body, writes } = refused;
  const code = codeIn(api.description, body);
  const wait = waitOf(api.description.errors, answer, call.now());
  return new RotationError({
    message: `${what} was answered ${answer.status}${code === undefined ? '' : ` ${code}`}${nuanceOf(failed)}`,
    ...outcome(failed, writes),
    remedy: remedyOf(api, failed),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function outcome(failed: Failed, writes: boolean): Pick<RotationErrorInit, 'code' | 'recovery' | 'effect'> {
  if (failed === 'quota') return { code: 'CONFLICT', recovery: 'human' };
  // Only the test of a key asks whether a key is valid; of the administrator's calls it is a refusal like others.
  return outcomeOf(failed === 'rejected' ? 'refused-login' : failed, writes);
}

function nuanceOf(failed: Failed): string {
  if (failed === 'redirect' || failed === 'see-other')
    return ': redirects are not followed, for they would take the credential along';
  return failed === 'quota' ? ': there may be no more keys' : '';
}

function remedyOf(api: HttpApi, failed: Failed): string {
  const { secret, setting, description } = api;
  const stored = `${secret.vault}/secrets/${secret.name}`;
  const vault = new URL(secret.vault).hostname.split('.', 1)[0] ?? secret.vault;
  switch (failed) {
    case 'refused-login':
    case 'rejected':
      return `Put a valid credential of an administrator into ${stored}: az keyvault secret set --vault-name ${vault} --name ${secret.name} --value <credential>`;
    case 'denied':
      return `Give the credential in ${stored} what it needs: ${description.permissions}`;
    case 'absent':
      return `Correct the host and the variables in ${setting} (it asks ${api.host}); see ${description.documentation}`;
    case 'quota':
      return `Remove a key that nobody needs at ${api.host}; see ${description.documentation}`;
    case 'redirect':
    case 'see-other':
      return `Name the host that the answer points to in ${setting}, if it is the service's own: curl -sI https://${api.host}/`;
    case 'invalid':
    case 'unexpected':
      return `Compare the description and the variables in ${setting} with ${description.documentation}`;
    case 'conflict':
    case 'throttled':
    case 'unavailable':
    case 'timed-out':
      return `It is tried again. If it goes on, ask the operator of ${api.host}.`;
  }
}

function waitOf(errors: Errors | undefined, answer: HttpsAnswer, now: Date): number | undefined {
  const own = errors?.retryAfter;
  const text = own === undefined ? undefined : answer.headers[own.header];
  if (own === undefined || text === undefined || !/^\d+(?:\.\d+)?$/.test(text)) {
    return retryAfterMs(answer.headers['retry-after'], now);
  }
  if (own.unit === 'seconds') return Math.ceil(Number(text) * 1000);
  return Math.max(0, Number(text) * 1000 - now.getTime());
}
