import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { HttpClient, Pipeline } from '@azure/core-rest-pipeline';
import { RotationError } from '../rotation/errors.ts';
import type { Call, Clock } from '../rotation/ports.ts';
import type { Asked } from './rest-errors.ts';
import { tokenRefused, unanswered } from './rest-errors.ts';

/** Whose token the requests carry. */
export interface RestIdentity {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** The Entra scope of the service: `https://management.azure.com/.default`. */
  readonly scope: string;
}

export interface RestRequest extends Asked {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';
  readonly url: URL;
  readonly json?: unknown;
  /** Only if the resource still has this ETag. */
  readonly ifMatch?: string;
  /** `*`: only if there is none yet. */
  readonly ifNoneMatch?: string;
  /** Sent form-encoded. It may hold a secret, and goes nowhere but into the body. */
  readonly form?: Readonly<Record<string, string>>;
}

export interface RestAnswer {
  readonly status: number;
  /** The body as it came; it may hold a secret. */
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

export interface RestClient {
  /**
   * One wire call, never repeated: the engine repeats. Whatever the service answers is returned, an error as well.
   * @throws RotationError when no answer came; its effect is `unknown` only if the request mutates and may have been sent
   */
  send(request: RestRequest, call: Call): Promise<RestAnswer>;
}

interface Wire {
  readonly http: HttpClient;
  readonly pipeline: Pipeline;
  readonly rest: typeof import('@azure/core-rest-pipeline');
}

/** Bearer token and nothing else. No retry, no redirect, no log of bodies. @param identity absent: no token */
export function createRestClient(identity?: RestIdentity): RestClient {
  let wire: Promise<Wire> | undefined;
  return {
    async send(request, call) {
      wire ??= connect(identity);
      // Nothing has been sent yet, so whatever the request would have done, it has not.
      if (call.signal.aborted) throw unanswered(new Error('aborted'), { ...request, mutates: false }, true);
      try {
        const { http, pipeline, rest } = await wire;
        const { method, url } = request;
        const headers = rest.createHttpHeaders({ accept: 'application/json' });
        const message = rest.createPipelineRequest({ url: url.href, method, headers, abortSignal: call.signal });
        if (request.json !== undefined) {
          headers.set('content-type', 'application/json');
          message.body = JSON.stringify(request.json);
        } else if (request.form !== undefined) {
          headers.set('content-type', 'application/x-www-form-urlencoded');
          message.body = new URLSearchParams(request.form).toString();
        }
        if (request.ifMatch !== undefined) headers.set('if-match', request.ifMatch);
        if (request.ifNoneMatch !== undefined) headers.set('if-none-match', request.ifNoneMatch);
        const response = await pipeline.sendRequest(http, message);
        const header = (name: string): string | undefined => response.headers.get(name);
        return { status: response.status, text: response.bodyAsText ?? '', header };
      } catch (error) {
        if (!(error instanceof Error) || error instanceof TypeError) throw error;
        if (error instanceof RotationError) throw error;
        // The SDK's error holds the request with its token and body, so it is not passed on as the cause.
        throw unanswered(error, request, call.signal.aborted);
      }
    },
  };
}

/**
 * A token of the app's own identity.
 * @throws ACCESS_DENIED when the identity gives none
 */
export async function ownToken({ credential, scope }: RestIdentity, options?: GetTokenOptions): Promise<AccessToken> {
  try {
    const token = await (await credential()).getToken(scope, options);
    if (token !== null) return token;
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RotationError) throw error;
    throw tokenRefused(error, scope, options?.abortSignal?.aborted === true);
  }
  throw tokenRefused(new Error('the identity has no token for it'), scope, false);
}

/** Resolves after `ms`. @throws TIMED_OUT when the call ends before; `asked` says what was waited for */
export function pause(clock: Clock, ms: number, asked: Asked, call: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(unanswered(new Error('aborted'), asked, true));
    };
    const cancel = clock.after(ms, () => {
      call.signal.removeEventListener('abort', stop);
      resolve();
    });
    if (call.signal.aborted) stop();
    else call.signal.addEventListener('abort', stop, { once: true });
  });
}

async function connect(identity: RestIdentity | undefined): Promise<Wire> {
  const rest = await import('@azure/core-rest-pipeline');
  const pipeline = rest.createEmptyPipeline();
  pipeline.addPolicy(rest.proxyPolicy());
  pipeline.addPolicy(rest.setClientRequestIdPolicy());
  if (identity !== undefined) {
    const credential = {
      getToken: (_scopes: string | string[], options?: GetTokenOptions) => ownToken(identity, options),
    };
    pipeline.addPolicy(rest.bearerTokenAuthenticationPolicy({ credential, scopes: identity.scope }));
  }
  return { rest, pipeline, http: rest.createDefaultHttpClient() };
}
