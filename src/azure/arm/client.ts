import type { TokenCredential } from '@azure/core-auth';
import { createRestClient, pause, type RestAnswer } from '../rest.ts';
import { errorBody, parseJson, retryAfterMs } from '../rest-errors.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock } from '../../rotation/ports.ts';
import type { ArmCallFacts } from './errors.ts';
import { armRefusal, askedOf, quotaSeconds, saidOf, saysGone } from './errors.ts';

export interface ArmClientDeps {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** ARM's origin: `https://management.azure.com` in the public cloud. */
  readonly armEndpoint: string;
  /** Waits between the polls of an operation that ARM finishes later. */
  readonly clock: Clock;
}

export interface ArmRequest extends Omit<ArmCallFacts, 'host'> {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';
  /** From `/subscriptions/` on, percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Only if the resource still has this ETag. */
  readonly ifMatch?: string;
  /** A resource that does not exist counts as success, with no body. */
  readonly goneIsSuccess?: boolean;
}

/** An operation that ARM has accepted and not ended yet. */
export interface Unfinished {
  readonly request: ArmRequest;
  /** Where its state can be asked for. */
  readonly poll: URL;
}

export type ArmOutcome =
  | { readonly body: unknown }
  | { readonly unfinished: Unfinished }
  /** The resource does not exist, and the request said that this is as good. */
  | { readonly gone: true };

/** Where an operation stands that was kept as text. */
export type OperationState =
  | { readonly is: 'running' | 'succeeded' }
  /** ARM forgets operations after a while; that says nothing about the resource. */
  | { readonly is: 'forgotten' }
  | { readonly is: 'failed' | 'canceled'; readonly code: string; readonly message: string };

export interface ArmClient {
  /** `host` or `host:port`. */
  readonly host: string;
  /**
   * One wire call, never repeated: the engine repeats. An operation that ARM ends later is followed for a while.
   * @returns the answer's body (undefined where it has none), or the operation that goes on
   * @throws RotationError; the effect is `unknown` only if the request mutates and its answer was lost, is a 5xx, or accepted it
   */
  send(request: ArmRequest, call: Call): Promise<ArmOutcome>;
  /** Goes on following an operation. Throws as `send` does. */
  follow(operation: Unfinished, call: Call): Promise<ArmOutcome>;
  /**
   * One wire call, and no waiting: what ARM ends later is returned as text, its own URL, which `stateOf` finds again after a crash.
   * Throws as `send` does.
   */
  start(request: ArmRequest, call: Call): Promise<{ readonly body: unknown } | { readonly operation: string }>;
  /**
   * Asks once for the operation. @param request what it was about, for the words of errors
   * @throws JOURNAL_INVALID when the text is no operation of this ARM; else as a read does
   */
  stateOf(operation: string, request: ArmRequest, call: Call): Promise<OperationState>;
}

const POLL_MS = 2_000;
/** How long an operation is followed in one go: less than the engine gives one call (60 s), with time left to read the key. */
const PATIENCE_MS = 30_000;

/** The generic ARM client: bearer token and nothing else. No retry, no redirect, no log of bodies. */
export function createArmClient(deps: ArmClientDeps): ArmClient {
  const endpoint = new URL(deps.armEndpoint);
  const scope = `https://${endpoint.hostname}/.default`;
  const rest = createRestClient({ credential: deps.credential, scope });

  function wired(method: ArmRequest['method'], url: URL, request: ArmRequest, call: Call): Promise<RestAnswer> {
    const asked = askedOf({ ...request, host: endpoint.host });
    const { body, ifMatch } = method === 'GET' ? {} : request;
    const given = { ...(body === undefined ? {} : { json: body }), ...(ifMatch === undefined ? {} : { ifMatch }) };
    return rest.send({ method, url, ...given, ...asked }, call);
  }

  function refusal({ status, text, header }: RestAnswer, request: ArmRequest, call: Call): RotationError {
    const retryAfter = header('retry-after') ?? quotaSeconds(header('x-ms-user-quota-resets-after'));
    const answer = { status, text, retryAfter };
    return armRefusal(answer, { ...request, host: endpoint.host }, call.now());
  }

  /** Where ARM says that the state of an operation can be asked for; undefined when it has ended with this answer. */
  function operationOf(answer: RestAnswer, request: ArmRequest): Unfinished | undefined {
    const named = answer.header('azure-asyncoperation');
    if (answer.status !== 202 && named === undefined) return undefined;
    const polled = named ?? answer.header('location');
    const poll = polled !== undefined && URL.canParse(polled, endpoint.href) ? new URL(polled, endpoint) : undefined;
    // Only ARM itself may name the next address, and only its own: the token goes there.
    if (poll?.origin !== endpoint.origin)
      throw lost(request, `the answer ${answer.status} names no operation of this ARM`);
    // What was sent may hold keys (IoT Hub), and is not needed any more.
    return { request: { ...request, body: undefined }, poll };
  }

  /** ARM's asynchronous operations: learn.microsoft.com/azure/azure-resource-manager/management/async-operations. */
  async function follow({ request, poll }: Unfinished, call: Call, first: RestAnswer | undefined): Promise<ArmOutcome> {
    let waited = 0;
    let response = first;
    for (;;) {
      const asked = response?.header('retry-after');
      const wait = response === undefined ? 0 : (retryAfterMs(asked, call.now()) ?? POLL_MS);
      if (waited + wait > PATIENCE_MS) return { unfinished: { request, poll } };
      waited += wait;
      await pause(deps.clock, wait, askedOf({ ...request, host: endpoint.host }), call);
      response = await wired('GET', poll, request, call);
      if (response.status >= 400) throw afterAccepting(refusal(response, request, call), request);
      if (response.status === 202) continue;
      const body = parseJson(response.text);
      const status = typeof body === 'object' && body !== null && 'status' in body ? body.status : 'Succeeded';
      if (status === 'Succeeded') return { body: undefined };
      if (status === 'Failed' || status === 'Canceled')
        throw lost(request, `the operation ended as ${status}${saidOf(response.text)}`);
    }
  }

  /** One wire call. @returns the answer, unless it says that the resource is gone and that is as good @throws for every refusal */
  async function sendOnce(request: ArmRequest, call: Call): Promise<RestAnswer | undefined> {
    const url = new URL(request.path, endpoint);
    for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
    const response = await wired(request.method, url, request, call);
    if (request.goneIsSuccess === true && saysGone(response.status, response.text)) return undefined;
    if (response.status < 200 || response.status > 299) throw refusal(response, request, call);
    return response;
  }

  return {
    host: endpoint.host,
    async send(request, call) {
      const response = await sendOnce(request, call);
      if (response === undefined) return { gone: true };
      const operation = operationOf(response, request);
      return operation === undefined ? { body: parseJson(response.text) } : follow(operation, call, response);
    },
    follow: (operation, call) => follow(operation, call, undefined),
    async start(request, call) {
      const response = await sendOnce(request, call);
      const operation = response === undefined ? undefined : operationOf(response, request);
      if (operation !== undefined) return { operation: operation.poll.href };
      return { body: response === undefined ? undefined : parseJson(response.text) };
    },
    async stateOf(operation, request, call) {
      const poll = URL.canParse(operation) ? new URL(operation) : undefined;
      // The token goes there: a row that somebody else has written must not send it elsewhere.
      if (poll?.origin !== endpoint.origin) throw notOurs(operation, request);
      const answer = await wired('GET', poll, { ...request, mutates: false, body: undefined }, call);
      if (answer.status === 404) return { is: 'forgotten' };
      if (answer.status >= 400) throw refusal(answer, { ...request, mutates: false }, call);
      return answer.status === 202 ? { is: 'running' } : stateIn(answer.text);
    },
  };
}

/** Of `Azure-AsyncOperation`: `{"status":…,"error":{…}}`; the answer at a `Location` is the resource, once the operation has ended. */
function stateIn(text: string): OperationState {
  const body = parseJson(text);
  const status = typeof body === 'object' && body !== null && 'status' in body ? body.status : 'Succeeded';
  if (status === 'Succeeded') return { is: 'succeeded' };
  if (status === 'Failed') return { is: 'failed', ...errorBody(text) };
  if (status === 'Canceled') return { is: 'canceled', ...errorBody(text) };
  return { is: 'running' };
}

function notOurs(operation: string, { action, scope }: ArmRequest): RotationError {
  const where = URL.canParse(operation) ? new URL(operation).host : 'a text that is no URL';
  return new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `${action} on ${scope}: its operation is recorded as one of ${where}, which is not this app's ARM`,
    remedy: 'See who has written to the table keyturn; then push again: POST /api/propagations.',
  });
}

/** Whatever the question about an accepted operation was answered: what the operation does, it may do or have done. */
function afterAccepting(error: RotationError, request: ArmRequest): RotationError {
  // ARM forgets operations after a while: that says nothing about the resource.
  if (error.code === 'TARGET_NOT_FOUND') return lost(request, `its operation is not known any more: ${error.message}`);
  const { code, recovery, message, remedy, retryAfterMs: wait } = error;
  const effect = request.mutates ? 'unknown' : 'none';
  const given = { ...(remedy === undefined ? {} : { remedy }), ...(wait === undefined ? {} : { retryAfterMs: wait }) };
  return new RotationError({ code, recovery, message, effect, ...given });
}

function lost(request: ArmRequest, why: string): RotationError {
  const message = `${request.action} on ${request.scope}: ${why}`;
  return new RotationError({
    code: 'UNAVAILABLE',
    recovery: 'retry',
    effect: request.mutates ? 'unknown' : 'none',
    message,
  });
}
