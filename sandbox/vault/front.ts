/** What stands before every request to a vault: the challenge, the token, and the headers of every answer (A1, A2, A5). */
import { randomUUID } from 'node:crypto';
import { HttpProblem } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import type { IdentityService, Principal, TokenFault } from '../identity/identity.ts';
import { kvError } from './errors.ts';
import { VAULT_RESOURCE } from './ids.ts';

/** Throws 401 with the challenge unless the request carries a good token for this vault's resource. */
export function authenticate(request: SandboxRequest, identity: IdentityService): Principal {
  const check = identity.verifyRequest(request, VAULT_RESOURCE);
  if (check.ok) return { tenantId: check.claims.tid, clientId: check.claims.appid, objectId: check.claims.oid };
  // The space after the comma and the quotes are part of the contract: the SDK's parser splits on them.
  const challenge = `Bearer authorization="https://login.microsoftonline.com/${identity.principal.tenantId}", resource="${VAULT_RESOURCE}"`;
  throw kvError(401, 'Unauthorized', reason(check.fault, check.found, identity.issuer), undefined, {
    'www-authenticate': challenge,
  });
}

/** The first three are recorded texts; those of the others are unverified. */
function reason(fault: TokenFault, found: string | undefined, issuer: string): string {
  switch (fault) {
    case 'missing':
      return 'AKV10000: Request is missing a Bearer or PoP token.';
    case 'audience':
      return `AKV10022: Invalid audience. Expected ${VAULT_RESOURCE}, found: ${found ?? ''}.`;
    case 'issuer':
      return `AKV10032: Invalid issuer. Expected one of ${issuer}, found ${found ?? ''}.`;
    case 'expired':
      return 'Error validating token: Lifetime validation failed. The token is expired.';
    case 'malformed':
    case 'signature':
    case 'revoked':
      return `Error validating token: the token is not valid (${fault}).`;
  }
}

export function responseHeaders(request: SandboxRequest): Record<string, string> {
  const id = request.headers['x-ms-client-request-id'];
  return {
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    expires: '-1',
    'x-ms-keyvault-region': 'eastus',
    ...(typeof id === 'string' ? { 'x-ms-client-request-id': id } : {}),
    'x-ms-request-id': randomUUID(),
    'x-ms-keyvault-service-version': '1.9.1652.1',
    'x-ms-keyvault-network-info': 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;',
    'strict-transport-security': 'max-age=31536000;includeSubDomains',
    'x-content-type-options': 'nosniff',
  };
}

/** Runs the work and puts the headers on its answer, also when that is a refusal. */
export async function withHeaders(
  headers: Readonly<Record<string, string>>,
  work: () => SandboxResponse | Promise<SandboxResponse>,
): Promise<SandboxResponse> {
  const dress = (response: SandboxResponse): SandboxResponse => ({
    ...response,
    headers: { ...headers, ...response.headers },
  });
  try {
    return dress(await work());
  } catch (error) {
    if (error instanceof HttpProblem) return dress(error.response);
    throw error;
  }
}
