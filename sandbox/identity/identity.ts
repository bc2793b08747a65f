/**
 * The managed-identity endpoint of App Service (facts B5), over plain http as the platform serves it.
 *
 *     const identity = await startIdentity(ctx, {});
 *     Object.assign(process.env, identity.env);     // an unmodified DefaultAzureCredential now gets its tokens here
 *     identity.verifyToken(token, 'https://management.azure.com'); // { ok: true, claims } | { ok: false, fault, found? }
 *     identity.verifyRequest(request, 'https://vault.sandbox.test'); // the same for an `Authorization: Bearer` header
 *     identity.onIssue(async (resource, token) => { ... });   // awaited before the token is handed out
 *     identity.revokeAll();                          // every token so far is refused from now on; new ones are issued
 *
 * Like the platform it hands out one cached token per resource until that comes near its end. Tokens live for 400 days,
 * not for the platform's 24 hours: a process whose own clock is not moved along with the sandbox's (a test, a reader)
 * keeps its token by its own clock and could not know that a jump of a month has ended it. `tokenLifetimeMs` shortens it.
 */
import { randomUUID } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import { startHttp } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { TokenMint } from './tokens.ts';
import type { Principal, TokenCheck } from './tokens.ts';

export type { Principal, TokenCheck, TokenClaims, TokenFault } from './tokens.ts';

export interface IdentityOptions {
  readonly port?: number;
  readonly principal?: Partial<Principal>;
  /** 400 days when absent, see above; the platform's is 24 hours. */
  readonly tokenLifetimeMs?: number;
}

export interface IdentityService {
  readonly principal: Principal;
  /** IDENTITY_ENDPOINT and IDENTITY_HEADER for the app's process. */
  readonly env: Readonly<Record<'IDENTITY_ENDPOINT' | 'IDENTITY_HEADER', string>>;
  /** The issuer of its tokens: `https://sts.windows.net/<tenant>/`. */
  readonly issuer: string;
  readonly port: number;
  /** A valid token for the audience, from the cache if there is one; what the endpoint hands out. */
  issue(resource: string): Promise<string>;
  verifyToken(token: string | undefined, audience: string | readonly string[]): TokenCheck;
  verifyRequest(request: Pick<SandboxRequest, 'headers'>, audience: string | readonly string[]): TokenCheck;
  /** Called, and awaited, for each new token before anyone gets it; returns how to stop listening. */
  onIssue(listener: (resource: string, token: string) => void | Promise<void>): () => void;
  revoke(token: string): void;
  /** Refuses every token issued so far. */
  revokeAll(): void;
  stop(): Promise<void>;
}

const DEFAULT_PRINCIPAL: Principal = {
  tenantId: '7a1f6f3e-0c55-4f7b-9d3e-5a0d0c0ffee0',
  clientId: '2f8c3a4e-9f0b-4c0e-8a4b-1d2e3f405060',
  objectId: '9b3d7c52-6a1e-4d8f-b7c6-0a1b2c3d4e5f',
};

interface Cached {
  readonly token: string;
  readonly exp: number;
  readonly ready: Promise<void>;
}

export async function startIdentity(ctx: SandboxContext, options: IdentityOptions = {}): Promise<IdentityService> {
  const principal: Principal = { ...DEFAULT_PRINCIPAL, ...options.principal };
  const mint = await TokenMint.create(principal, () => ctx.clock.now());
  const lifetimeMs = options.tokenLifetimeMs ?? 400 * 86_400_000;
  const secretHeader = randomUUID();
  const cache = new Map<string, Cached>();
  const issued: string[] = [];
  const listeners = new Set<(resource: string, token: string) => void | Promise<void>>();

  const cached = async (resource: string): Promise<Cached> => {
    const found = cache.get(resource);
    const margin = Math.min(3600_000, lifetimeMs / 2);
    if (found !== undefined && found.exp * 1000 - ctx.clock.now().getTime() > margin) {
      await found.ready;
      return found;
    }
    const { token, claims } = mint.issue(resource, lifetimeMs);
    const ready = Promise.all([...listeners].map(async (listener) => listener(resource, token))).then(() => undefined);
    const entry: Cached = { token, exp: claims.exp, ready };
    cache.set(resource, entry);
    issued.push(token);
    ctx.transcript.secret('a token', token);
    await ready;
    return entry;
  };

  const server = await startHttp(ctx, {
    system: 'identity',
    ...(options.port === undefined ? {} : { port: options.port }),
    operation: (request) => `${request.method} ${request.path} ${request.query.get('resource') ?? ''}`.trim(),
    handler: (request) => answer(request, { secretHeader, principal, cached }),
  });
  const verifyToken = (token: string | undefined, audience: string | readonly string[]): TokenCheck =>
    mint.verify(token, typeof audience === 'string' ? [audience] : audience);
  return {
    principal,
    env: { IDENTITY_ENDPOINT: `${server.origin()}/msi/token`, IDENTITY_HEADER: secretHeader },
    issuer: mint.issuer,
    port: server.port,
    issue: async (resource) => (await cached(resource)).token,
    verifyToken,
    verifyRequest: (request, audience) =>
      verifyToken(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1], audience),
    onIssue(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    revoke(token) {
      mint.revoke(token);
      for (const [resource, entry] of cache) if (entry.token === token) cache.delete(resource);
    },
    revokeAll() {
      for (const token of issued) mint.revoke(token);
      cache.clear();
    },
    stop: () => server.stop(),
  };
}

interface Endpoint {
  readonly secretHeader: string;
  readonly principal: Principal;
  cached(resource: string): Promise<Cached>;
}

async function answer(request: SandboxRequest, endpoint: Endpoint): Promise<SandboxResponse> {
  const refuse = (status: number, message: string): SandboxResponse => ({
    status,
    body: { statusCode: status, message, correlationId: randomUUID() },
  });
  if (request.method !== 'GET' || request.path !== '/msi/token')
    return refuse(404, 'There is only GET /msi/token here.');
  const header = request.headers['x-identity-header'];
  if (header === undefined) return refuse(400, 'The header X-IDENTITY-HEADER is missing.');
  if (header !== endpoint.secretHeader) return refuse(403, 'The header X-IDENTITY-HEADER is not the one of this app.');
  const resource = request.query.get('resource') ?? '';
  if (resource === '') return refuse(400, 'The parameter resource is missing.');
  const clientId = request.query.get('client_id');
  if (clientId !== null && clientId.toLowerCase() !== endpoint.principal.clientId) {
    return refuse(
      400,
      'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.',
    );
  }
  const { token, exp } = await endpoint.cached(resource);
  return {
    status: 200,
    body: {
      access_token: token,
      expires_on: String(exp),
      resource,
      token_type: 'Bearer',
      client_id: endpoint.principal.clientId,
    },
  };
}
