import type { TokenCredential } from '@azure/core-auth';
import type { PipelineRequest, PipelineResponse, SendRequest } from '@azure/core-rest-pipeline';
import type { Call } from '../rotation/ports.ts';
import { vaultError, type VaultAction } from './errors.ts';

/* What the clients of secrets and of keys have in common. */

export interface VaultDeps {
  /** Asked for once, when the first vault is reached. */
  readonly credential: () => Promise<TokenCredential>;
}

/** One client for each vault; a failed start is not kept. */
export function perVault<T>(connect: (vault: string) => Promise<T>): (vault: string) => Promise<T> {
  const clients = new Map<string, Promise<T>>();
  return (vault) => {
    let found = clients.get(vault);
    if (found === undefined) {
      found = connect(vault);
      clients.set(vault, found);
      found.catch(() => clients.delete(vault));
    }
    return found;
  };
}

export type Calling<C> = <T>(action: VaultAction, call: Call, make: (on: C) => Promise<T>) => Promise<T>;

/** Does one thing with the client of the action's vault. @throws what `vaultError` makes of the SDK's error */
export function callingVault<C>(client: (vault: string) => Promise<C>): Calling<C> {
  return async (action, call, make) => {
    try {
      return await make(await client(action.vault));
    } catch (error) {
      throw vaultError(error, action, call.now());
    }
  };
}

/**
 * The SDK looks for `error` in the body of every refusal, and throws a TypeError where there is none to look into: a gateway's
 * 502 to 504 often come without a body.
 */
const ERROR_BODY = {
  name: 'keyturnErrorBody',
  async sendRequest(request: PipelineRequest, next: SendRequest): Promise<PipelineResponse> {
    const response = await next(request);
    const text = response.bodyAsText?.trim() ?? '';
    if (response.status >= 400 && (text === '' || text === 'null')) response.bodyAsText = '{}';
    return response;
  },
};

/** The SDK's own retries are off: when to repeat is the engine's decision, and a hidden repetition would be a second write. */
export const CLIENT_OPTIONS = {
  retryOptions: { maxRetries: 0 },
  additionalPolicies: [{ policy: ERROR_BODY, position: 'perCall' as const }],
};
