import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { HttpClient, Pipeline, PipelineResponse } from '@azure/core-rest-pipeline';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock } from '../../rotation/ports.ts';
import type { ArmCallFacts } from './errors.ts';
import { armRefusal, armUnanswered, parseJson, retryAfterMs, saidOf, saysGone, tokenRefused } from './errors.ts';

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
   * @throws RotationError; the effect is `unknown` only if the request mutates and its answer was lost or is a 5xx
   */
  send(request: ArmRequest, call: Call): Promise<ArmOutcome>;
  /** Goes on following an operation. Throws as `send` does. */
  follow(operation: Unfinished, call: Call): Promise<ArmOutcome>;
}

interface Wire {
  readonly http: HttpClient;
  readonly pipeline: Pipeline;
  readonly rest: typeof import('@azure/core-rest-pipeline');
}

const POLL_MS = 2_000;
/** How long an operation is followed in one go: less than the engine gives one call (60 s), with time left to read the key. */
const PATIENCE_MS = 30_000;

/** The generic ARM client: bearer token and nothing else. No retry, no redirect, no log of bodies. */
export function createArmClient(deps: ArmClientDeps): ArmClient {
  const endpoint = new URL(deps.armEndpoint);
  let wire: Promise<Wire> | undefined;

  async function wired(
    method: ArmRequest['method'],
    url: URL,
    request: ArmRequest,
    call: Call,
  ): Promise<PipelineResponse> {
    wire ??= connect(deps, endpoint);
    const facts = { ...request, host: endpoint.host };
    // Nothing has been sent yet, so whatever the request would have done, it has not.
    if (call.signal.aborted) throw armUnanswered(new Error('aborted'), { ...facts, mutates: false }, true);
    try {
      const { http, pipeline, rest } = await wire;
      const headers = rest.createHttpHeaders({ accept: 'application/json' });
      const message = rest.createPipelineRequest({ url: url.href, method, headers, abortSignal: call.signal });
      if (method !== 'GET' && request.body !== undefined) {
        headers.set('content-type', 'application/json');
        message.body = JSON.stringify(request.body);
      }
      if (method !== 'GET' && request.ifMatch !== undefined) headers.set('if-match', request.ifMatch);
      return await pipeline.sendRequest(http, message);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
      if (error instanceof RotationError) throw error;
      throw armUnanswered(error, facts, call.signal.aborted);
    }
  }

  function refusal(response: PipelineResponse, request: ArmRequest, call: Call): RotationError {
    const answer = { status: response.status, retryAfter: response.headers.get('retry-after'), text: text(response) };
    return armRefusal(answer, { ...request, host: endpoint.host }, call.now());
  }

  /** Where ARM says that the state of an operation can be asked for; undefined when it has ended with this answer. */
  function operationOf(answer: PipelineResponse, request: ArmRequest): Unfinished | undefined {
    const named = answer.headers.get('azure-asyncoperation');
    if (answer.status !== 202 && named === undefined) return undefined;
    const polled = named ?? answer.headers.get('location');
    const poll = polled !== undefined && URL.canParse(polled, endpoint.href) ? new URL(polled, endpoint) : undefined;
    // Only ARM itself may name the next address, and only its own: the token goes there.
    if (poll?.origin !== endpoint.origin)
      throw lost(request, `the answer ${answer.status} names no operation of this ARM`);
    return { request, poll };
  }

  /** ARM's asynchronous operations: learn.microsoft.com/azure/azure-resource-manager/management/async-operations. */
  async function follow(
    { request, poll }: Unfinished,
    call: Call,
    first: PipelineResponse | undefined,
  ): Promise<ArmOutcome> {
    let waited = 0;
    let response = first;
    for (;;) {
      const asked = response?.headers.get('retry-after');
      const wait = response === undefined ? 0 : (retryAfterMs(asked, call.now()) ?? POLL_MS);
      if (waited + wait > PATIENCE_MS) return { unfinished: { request, poll } };
      waited += wait;
      await pause(deps.clock, wait, { ...request, host: endpoint.host }, call);
      response = await wired('GET', poll, request, call);
      if (response.status >= 400) throw afterAccepting(refusal(response, request, call), request);
      if (response.status === 202) continue;
      const body = parseJson(text(response));
      const status = typeof body === 'object' && body !== null && 'status' in body ? body.status : 'Succeeded';
      if (status === 'Succeeded') return { body: undefined };
      if (status === 'Failed' || status === 'Canceled')
        throw lost(request, `the operation ended as ${status}${saidOf(text(response))}`);
    }
  }

  return {
    host: endpoint.host,
    async send(request, call) {
      const url = new URL(request.path, endpoint);
      for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
      const response = await wired(request.method, url, request, call);
      if (request.goneIsSuccess === true && saysGone(response.status, text(response))) return { gone: true };
      if (response.status < 200 || response.status > 299) throw refusal(response, request, call);
      const operation = operationOf(response, request);
      return operation === undefined ? { body: parseJson(text(response)) } : follow(operation, call, response);
    },
    follow: (operation, call) => follow(operation, call, undefined),
  };
}

async function connect(deps: ArmClientDeps, endpoint: URL): Promise<Wire> {
  const rest = await import('@azure/core-rest-pipeline');
  const pipeline = rest.createEmptyPipeline();
  const credential = {
    async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
      try {
        return await (await deps.credential()).getToken(scopes, options);
      } catch (error) {
        if (!(error instanceof Error) || error instanceof TypeError || error instanceof RotationError) throw error;
        throw tokenRefused(error, String(scopes), options?.abortSignal?.aborted === true);
      }
    },
  };
  pipeline.addPolicy(rest.proxyPolicy());
  pipeline.addPolicy(rest.setClientRequestIdPolicy());
  pipeline.addPolicy(
    rest.bearerTokenAuthenticationPolicy({ credential, scopes: `https://${endpoint.hostname}/.default` }),
  );
  return { rest, pipeline, http: rest.createDefaultHttpClient() };
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

function text(response: PipelineResponse): string {
  return response.bodyAsText ?? '';
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

function pause(clock: Clock, ms: number, facts: ArmCallFacts, call: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(armUnanswered(new Error('aborted'), facts, true));
    };
    const cancel = clock.after(ms, () => {
      call.signal.removeEventListener('abort', stop);
      resolve();
    });
    if (call.signal.aborted) stop();
    else call.signal.addEventListener('abort', stop, { once: true });
  });
}
