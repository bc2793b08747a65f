import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { HttpClient, Pipeline } from '@azure/core-rest-pipeline';
import { RotationError } from '../../rotation/errors.ts';
import type { Clock } from '../../rotation/ports.ts';
import { tokenRefused } from './arm-errors.ts';

export interface ArmClientDeps {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** ARM's origin: `https://management.azure.com` in the public cloud. */
  readonly armEndpoint: string;
  /** Waits between the polls of an operation that ARM finishes later. */
  readonly clock: Clock;
}

/** How requests go to ARM. */
export interface Wire {
  readonly http: HttpClient;
  readonly pipeline: Pipeline;
  readonly rest: typeof import('@azure/core-rest-pipeline');
}

/** A bearer token and nothing else. No retry, no redirect, no log of bodies. Loads the packages. */
export async function connect(deps: ArmClientDeps, endpoint: URL): Promise<Wire> {
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
