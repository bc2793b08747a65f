import type { TokenCredential } from '@azure/core-auth';
import { createRestClient, pause, type RestAnswer } from '../rest.ts';
import { parseJson, retryAfterMs } from '../rest-errors.ts';
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
  readonly method: 'GET' | 'PATCH' | 'POST' | 'PUT';
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

  return {
    host: endpoint.host,
    async send(request, call) {
      const url = new URL(request.path, endpoint);
      for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
      const response = await wired(request.method, url, request, call);
      if (request.goneIsSuccess === true && saysGone(response.status, response.text)) return { gone: true };
      if (response.status < 200 || response.status > 299) throw refusal(response, request, call);
      const operation = operationOf(response, request);
      return operation === undefined ? { body: parseJson(response.text) } : follow(operation, call, response);
    },
    follow: (operation, call) => follow(operation, call, undefined),
  };
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
