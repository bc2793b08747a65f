import { RotationError, type Effect } from '../../rotation/errors.ts';
import type { Call, NamedSecrets } from '../../rotation/ports.ts';
import { jsonOf, retryAfterMs } from '../../https/answer.ts';
import { send, type HttpsAnswer } from '../../https/client.ts';
import { meaningOf, outcomeOf, type Doing, type Meaning } from '../../https/failures.ts';
import type { Endpoint } from './config.ts';
import { isSignedBy, signature, TOLERANCE_S } from '../../https/sign.ts';

export interface ExternalDeps {
  readonly secrets: NamedSecrets;
  /** A new one for every request, so that none can be played again. */
  readonly uniqueId: () => string;
}

export type Verb = 'check' | 'list' | 'set' | 'test' | 'revoke';

/** An object, as the endpoint answered it and signed it. */
export type Reply = Readonly<Record<string, unknown>>;

/**
 * One signed POST to the endpoint, never repeated. Its answer is taken only when it is signed with the same key, for this very
 * request, and just now.
 * @param more what the verb needs, beside what is always sent (docs/external.md)
 * @throws RotationError; its effect is `unknown` only for `set` and `revoke`, if an answer was lost, is a 5xx, or is not signed
 */
export async function post(
  deps: ExternalDeps,
  endpoint: Endpoint,
  verb: Verb,
  more: object,
  call: Call,
): Promise<Reply> {
  const key = await deps.secrets.read(endpoint.secret, call);
  const writes = verb === 'set' || verb === 'revoke';
  const doing: Doing = {
    what: `${verb} at ${endpoint.name} (POST ${endpoint.url.href})`,
    writes,
    setting: endpoint.setting,
  };
  const id = `msg_${deps.uniqueId()}`;
  const timestamp = Math.floor(call.now().getTime() / 1000);
  const body = JSON.stringify({ version: 1, verb, account: endpoint.account, ...more });
  const answer = await send(
    {
      method: 'POST',
      url: endpoint.url,
      allowPrivate: endpoint.allowPrivate,
      body,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': 'keyturn',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature(key, { id, timestamp, body }),
      },
    },
    doing,
    call,
  );
  if (answer.status !== 200) {
    if (answer.status === 401) deps.secrets.forget(endpoint.secret);
    throw refusal(endpoint, doing, answer, call);
  }
  const signedFor = { id: `reply_${id}`, timestamp: Number(answer.headers['webhook-timestamp']), body: answer.text };
  const age = Math.abs(call.now().getTime() / 1000 - signedFor.timestamp);
  const given = answer.headers['webhook-signature'] ?? '';
  if (!(age <= TOLERANCE_S) || !isSignedBy(key, signedFor, given)) {
    deps.secrets.forget(endpoint.secret);
    throw unsigned(endpoint, doing, age);
  }
  const reply = jsonOf(answer);
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply))
    throw misfit(endpoint, verb, 'is no JSON object');
  return reply as Reply;
}

/** Codes that an endpoint may answer with beside a status; the status alone will do. */
const CODES: ReadonlyMap<unknown, Meaning> = new Map<unknown, Meaning>([
  ['ACCESS_DENIED', 'denied'],
  ['TARGET_NOT_FOUND', 'absent'],
  ['CONFLICT', 'conflict'],
  ['THROTTLED', 'throttled'],
  ['UNAVAILABLE', 'unavailable'],
  ['CONFIG_INVALID', 'invalid'],
]);

function refusal(endpoint: Endpoint, doing: Doing, answer: HttpsAnswer, call: Call): RotationError {
  const body = jsonOf(answer) as { readonly error?: { readonly code?: unknown } | null } | null | undefined;
  const said = body?.error?.code;
  const known = CODES.get(said);
  const meaning = known ?? meaningOf(answer.status);
  const wait = retryAfterMs(answer.headers['retry-after'], call.now());
  return new RotationError({
    ...outcomeOf(meaning, doing.writes),
    message: `${doing.what} was answered ${answer.status}${known === undefined ? '' : ` ${String(said)}`}${isRedirect(meaning) ? ': redirects are not followed' : ''}`,
    remedy: remedyOf(endpoint, meaning),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function isRedirect(meaning: Meaning): boolean {
  return meaning === 'redirect' || meaning === 'see-other';
}

function remedyOf({ url, secret, setting }: Endpoint, meaning: Meaning): string {
  const stored = `${secret.vault}/secrets/${secret.name}`;
  if (meaning === 'refused-login') {
    return `The endpoint did not accept the signature: give it the key in ${stored}, and compare the clocks (date -u)`;
  }
  if (isRedirect(meaning)) return `Name the address that the answer points to in ${setting}: curl -sI ${url.href}`;
  return `The log of ${url.host} says more; see docs/external.md for what it may answer`;
}

/** Somebody else may have answered, or the request was played again: what is said is not believed. */
function unsigned(endpoint: Endpoint, doing: Doing, age: number): RotationError {
  const late = age > TOLERANCE_S;
  const effect: Effect = doing.writes ? 'unknown' : 'none';
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    effect,
    message: `${doing.what}: the answer ${late ? `is dated ${Math.round(age)} s off, more than the ${TOLERANCE_S} s allowed` : 'is not signed for this request with the key that both share'}`,
    remedy: late
      ? `Compare the clocks: date -u here and at ${endpoint.url.host}`
      : `Give ${endpoint.url.host} the key in ${endpoint.secret.vault}/secrets/${endpoint.secret.name}; docs/external.md says what to sign`,
  });
}

export function misfit(endpoint: Endpoint, verb: Verb, why: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    effect: verb === 'set' ? 'applied' : 'none',
    message: `the answer of ${endpoint.name} to ${verb} ${why}`,
    remedy: `Compare what ${endpoint.url.host} answers with docs/external.md`,
  });
}
