import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { HttpClient, Pipeline, PipelineResponse } from '@azure/core-rest-pipeline';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock } from '../../rotation/ports.ts';
import type { ArmCallFacts } from './arm-errors.ts';
import { armRefusal, armUnanswered, parseJson, retryAfterMs, saysGone, tokenRefused } from './arm-errors.ts';

export interface ArmClientDeps {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** ARM's origin: `https://management.azure.com` in the public cloud. */
  readonly armEndpoint: string;
  /** Waits between the polls of an operation that ARM finishes later. */
  readonly clock: Clock;
}

export interface ArmRequest extends Omit<ArmCallFacts, 'host'> {
  /** From `/subscriptions/` on, percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** A resource that does not exist counts as success, with no body. */
  readonly goneIsSuccess?: boolean;
}

export interface ArmClient {
  /** `host` or `host:port`. */
  readonly host: string;
  /**
   * One POST, one wire call, never repeated: the engine repeats. A 202 is followed until the operation has ended.
   * @returns the answer's body, or undefined where it has none
   * @throws RotationError; the effect is `unknown` only if the request mutates and its answer was lost or is a 5xx
   */
  post(request: ArmRequest, call: Call): Promise<unknown>;
}

interface Wire {
  readonly http: HttpClient;
  readonly pipeline: Pipeline;
  readonly rest: typeof import('@azure/core-rest-pipeline');
}

const POLL_MS = 2_000;

/** The generic ARM client: bearer token and nothing else. No retry, no redirect, no log of bodies. */
export function createArmClient(deps: ArmClientDeps): ArmClient {
  const endpoint = new URL(deps.armEndpoint);
  let wire: Promise<Wire> | undefined;

  async function send(method: 'GET' | 'POST', url: URL, request: ArmRequest, call: Call): Promise<PipelineResponse> {
    wire ??= connect(deps, endpoint);
    const facts = { ...request, host: endpoint.host };
    // Nothing has been sent yet, so whatever the request would have done, it has not.
    if (call.signal.aborted) throw armUnanswered(new Error('aborted'), { ...facts, mutates: false }, true);
    try {
      const { http, pipeline, rest } = await wire;
      const headers = rest.createHttpHeaders({ accept: 'application/json' });
      const message = rest.createPipelineRequest({ url: url.href, method, headers, abortSignal: call.signal });
      if (method === 'POST' && request.body !== undefined) {
        headers.set('content-type', 'application/json');
        message.body = JSON.stringify(request.body);
      }
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

  /** ARM's asynchronous operations: learn.microsoft.com/azure/azure-resource-manager/management/async-operations. */
  async function follow(accepted: PipelineResponse, request: ArmRequest, call: Call): Promise<unknown> {
    const polled = accepted.headers.get('azure-asyncoperation') ?? accepted.headers.get('location');
    // Only ARM itself may name the next address, and only its own: the token goes there.
    if (polled === undefined || new URL(polled, endpoint).origin !== endpoint.origin) {
      throw lost(request, 'the answer 202 names no operation of this ARM');
    }
    let response = accepted;
    for (;;) {
      const wait = retryAfterMs(response.headers.get('retry-after'), call.now()) ?? POLL_MS;
      await pause(deps.clock, wait, { ...request, host: endpoint.host }, call);
      response = await send('GET', new URL(polled, endpoint), request, call);
      if (response.status >= 400) throw refusal(response, request, call);
      if (response.status === 202) continue;
      const body = parseJson(text(response));
      const status = typeof body === 'object' && body !== null && 'status' in body ? body.status : 'Succeeded';
      if (status === 'Succeeded') return undefined;
      if (status === 'Failed' || status === 'Canceled') throw lost(request, `the operation ended as ${status}`);
    }
  }

  return {
    host: endpoint.host,
    async post(request, call) {
      const url = new URL(request.path, endpoint);
      for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
      const response = await send('POST', url, request, call);
      if (response.status === 202) return follow(response, request, call);
      if (request.goneIsSuccess === true && saysGone(response.status, text(response))) return undefined;
      if (response.status < 200 || response.status > 299) throw refusal(response, request, call);
      return parseJson(text(response));
    },
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
