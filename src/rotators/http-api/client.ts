import { RotationError } from '../../rotation/errors.ts';
import type { Call, Issued, NamedSecrets } from '../../rotation/ports.ts';
import { jsonOf } from '../../https/answer.ts';
import { send, type HttpsAnswer, type HttpsRequest } from '../../https/client.ts';
import type { HttpApi } from './config.ts';
import type { Operation } from './description.ts';
import { codeIn, meaningIn, refusal } from './failures.ts';
import { holds } from './pointer.ts';
import { lineOf, needsAdministrator, requestOf, withoutEcho } from './requests.ts';
import type { Values } from './template.ts';

export interface HttpApiDeps {
  readonly secrets: NamedSecrets;
}

/** An answer with a good status, in which no error hides. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Asking {
  /** `creating a key`, for errors. */
  readonly what: string;
  readonly writes: boolean;
  readonly values?: Values;
  /** Statuses that are a success whatever the answer says: what was to go is gone. */
  readonly absent?: readonly number[];
  /** What is put into the address by paging: a whole address on the same host, or one more parameter. */
  readonly page?: { readonly url: URL } | { readonly query: string; readonly value: string };
}

/**
 * One operation of the description as the administrator: one request, never repeated.
 * @throws RotationError; its effect is `unknown` only if the operation writes and its answer was lost or is a 5xx
 */
export async function ask(
  deps: HttpApiDeps,
  api: HttpApi,
  operation: Operation,
  asking: Asking,
  call: Call,
): Promise<Answered> {
  const { authentication } = api.description;
  const administrator = await deps.secrets.read(api.secret, call);
  const request = requestOf(api, operation, {
    authentication,
    secrets: { administrator },
    ...(asking.values === undefined ? {} : { values: asking.values }),
  });
  const paged = { ...request, url: pageUrl(request.url, asking.page) };
  const what = `${asking.what} at ${api.name} (${lineOf(api, operation, asking.values)})`;
  const answer = await send(paged, { what, writes: asking.writes, setting: api.setting }, call);
  const body = jsonOf(answer);
  const gone = asking.absent?.includes(answer.status) === true;
  const failed = gone ? undefined : meaningIn(api.description, operation, answer.status, body);
  if (failed === undefined) return { status: answer.status, headers: answer.headers, body };
  // It may have been changed since it was read last: the next attempt reads it again.
  if (failed === 'refused-login' || failed === 'denied') deps.secrets.forget(api.secret);
  const shown = withoutEcho(body, { administrator });
  throw refusal(api, { what, failed, answer, body: shown, writes: asking.writes }, call);
}

function pageUrl(url: URL, page: Asking['page']): URL {
  if (page === undefined) return url;
  if ('url' in page) return page.url;
  const paged = new URL(url);
  paged.searchParams.set(page.query, page.value);
  return paged;
}

/**
 * Uses the key itself.
 * @returns what the service answered
 * @throws CREDENTIAL_REJECTED when the service says that the key is not valid; anything else: it could not be asked
 */
export async function tryKey(deps: HttpApiDeps, api: HttpApi, issued: Issued, call: Call): Promise<Answered> {
  const { test } = api.description;
  const host = test.host ?? api.host;
  const administrator = needsAdministrator(test.authentication) ? await deps.secrets.read(api.secret, call) : undefined;
  const values = { 'credential.id': issued.credentialId };
  const secrets = { credential: issued, ...(administrator === undefined ? {} : { administrator }) };
  const request: HttpsRequest = requestOf(api, test, {
    authentication: test.authentication,
    secrets,
    values,
    host,
  });
  const what = `testing the key ${issued.credentialId} at ${api.name} (${lineOf(api, test, values, host)})`;
  const answer = await send(request, { what, writes: false, setting: api.setting }, call);
  const body = jsonOf(answer);
  const answered = { status: answer.status, headers: answer.headers, body };
  if (test.known?.status === answer.status && holds(body, test.known.when)) return answered;
  const failed = meaningIn(api.description, test, answer.status, body);
  const valid = (test.where ?? []).every((condition) => holds(body, condition));
  if (failed === undefined && valid) return answered;
  const shown = withoutEcho(body, secrets);
  if (failed === undefined || failed === 'rejected' || test.rejected.includes(answer.status))
    throw rejected(api, what, answer, shown);
  throw refusal(api, { what, failed, answer, body: shown, writes: false }, call);
}

/** A service may need a while until it knows a key that it has just made: so the question may be asked again. */
function rejected(api: HttpApi, what: string, answer: HttpsAnswer, body: unknown): RotationError {
  const code = codeIn(api.description, body);
  return new RotationError({
    code: 'CREDENTIAL_REJECTED',
    recovery: 'retry',
    message: `${what}: it is not accepted (${answer.status}${code === undefined ? '' : ` ${code}`})`,
  });
}
