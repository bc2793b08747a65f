import type { TokenCredential } from '@azure/core-auth';
import type { IdentityService } from '../../sandbox/identity/identity.ts';

/** Tokens of the sandbox's identity for whatever is asked for, without a request. */
export function credentialOf(identity: Pick<IdentityService, 'issue'>): TokenCredential {
  return {
    getToken: async (scopes) => {
      const scope = (Array.isArray(scopes) ? scopes[0] : scopes) ?? '';
      return {
        token: await identity.issue(scope.replace(/\/\.default$/, '')),
        expiresOnTimestamp: Date.now() + 3600_000,
      };
    },
  };
}
