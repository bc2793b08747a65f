/**
 * Microsoft Graph's applications, their client secrets and certificates as `graph.sandbox.test`, and Entra's token endpoint as
 * `login.sandbox.test`, both over HTTPS.
 *
 *     const graph = await startGraph(ctx, { identity });
 *     graph.origin; graph.loginOrigin; graph.tenantId;
 *     const { app, secret } = graph.createApplication('orders');   // with one client secret, a year old
 *     graph.applications.propagationMs = 18_000;    // until every replica of the token endpoint knows a new secret
 *     const mend = graph.deny(app);                 // 403 until mend(); likewise throttle(app, 7)
 *     graph.applications.register(app, der, { name: 'made by hand', agoMs: 86_400_000 });   // a certificate; app.keys lists them
 *     graph.keys.takesProofs = false;               // addKey and removeKey refuse every proof: PATCH is left
 *     app.maxPasswords = 2; app.passwordsForbidden = true; app.maxLifetimeDays = 90;  // 400, by Graph's codes
 *
 * Requests to the token endpoint go round three replicas, which come to know a new secret one after the other: so a log-in
 * may succeed, and the next one fail. A removed secret is refused at once. Graph's own reads do not lag here.
 */
import { randomUUID } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import { HttpProblem, startHttps, type SandboxRequest, type SandboxResponse } from '../http.ts';
import type { IdentityService } from '../identity/identity.ts';
import { Applications, type Application, type ClientSecret } from './applications.ts';
import * as refuse from './errors.ts';
import { addKey, removeKey, replaceKeys, type KeyHabits } from './key-requests.ts';
import { TokenEndpoint } from './log-in.ts';
import { keyIdOf, parse, resourceOf, told, wantedPassword } from './requests.ts';

export const GRAPH_HOST = 'graph.sandbox.test';
export const LOGIN_HOST = 'login.sandbox.test';
const AUDIENCES = [`https://${GRAPH_HOST}`, 'https://graph.microsoft.com'];
const YEAR_MS = 365 * 86_400_000;

export interface GraphOptions {
  readonly identity: Pick<IdentityService, 'verifyRequest' | 'principal'>;
  /** Graph's port; the token endpoint has the next one. */
  readonly port?: number;
  /** 4 s when absent: the shortest that was seen of Entra (facts C). */
  readonly propagationMs?: number;
}

export interface GraphService {
  readonly port: number;
  readonly origin: string;
  readonly loginOrigin: string;
  readonly tenantId: string;
  readonly applications: Applications;
  readonly keys: KeyHabits;
  /** With one client secret that is known everywhere. */
  createApplication(name: string): { readonly app: Application; readonly secret: ClientSecret };
  /** Each of these holds until the returned function is called. */
  deny(app: Application): () => void;
  throttle(app: Application, retryAfterSeconds?: number): () => void;
  stop(): Promise<void>;
}

export async function startGraph(ctx: SandboxContext, options: GraphOptions): Promise<GraphService> {
  const now = (): Date => ctx.clock.now();
  const { port } = options;
  const applications = new Applications(
    now,
    (text) => ctx.transcript.secret('a client secret of an application', text),
    options.propagationMs ?? 4_000,
  );
  const keys: KeyHabits = { takesProofs: true, keepsNames: true };
  const tenantId = options.identity.principal.tenantId;
  const onToken = (token: string): void => ctx.transcript.secret('a token', token);
  const loginOrigin = (): string => login.origin(LOGIN_HOST);
  const tokens = new TokenEndpoint({ applications, tenantId, now, onToken, origin: loginOrigin });

  const graph = await startHttps(ctx, {
    names: [GRAPH_HOST],
    system: 'graph',
    ...(port === undefined ? {} : { port }),
    handler: (request) => dated(() => answer(request), now()),
  });
  const login = await startHttps(ctx, {
    names: [LOGIN_HOST],
    system: 'login',
    ...(port === undefined ? {} : { port: port + 1 }),
    operation: (request) => TokenEndpoint.operation(request),
    handler: (request) => dated(() => tokens.answer(request), now()),
  });

  function answer(request: SandboxRequest): SandboxResponse {
    const check = options.identity.verifyRequest(request, AUDIENCES);
    if (!check.ok) throw refuse.unauthenticated(check, now());
    const ask = parse(request, applications, now());
    const { app, verb } = ask;
    if (app.throttled !== undefined) throw refuse.throttled(app.throttled.seconds, now());
    if (app.denied) throw refuse.denied(now());
    if (verb === '' && request.method === 'PATCH') return replaceKeys(app, request, now());
    if (verb === '') return { status: 200, body: resourceOf(app, request) };
    if (verb === 'addKey') return addKey(app, request, { applications, habits: keys, now: now() });
    if (verb === 'removeKey') return removeKey(app, request, keys, now());
    if (verb === 'addPassword') {
      return { status: 200, body: told(applications.add(app, wantedPassword(ask, request, now()))) };
    }
    const keyId = keyIdOf(request, now());
    if (!applications.removeSecret(app, keyId)) throw refuse.noCredential(keyId, now());
    return { status: 204 };
  }

  return {
    port: graph.port,
    origin: graph.origin(GRAPH_HOST),
    loginOrigin: login.origin(LOGIN_HOST),
    tenantId,
    applications,
    keys,
    createApplication(name) {
      const app = applications.create(name);
      const endDateTime = new Date(now().getTime() + 20 * YEAR_MS);
      return { app, secret: applications.add(app, { name: 'made by hand', endDateTime, agoMs: YEAR_MS }) };
    },
    deny(app) {
      app.denied = true;
      return () => void (app.denied = false);
    },
    throttle(app, seconds) {
      app.throttled = { seconds };
      return () => void (app.throttled = undefined);
    },
    stop: async () => {
      await Promise.all([graph.stop(), login.stop()]);
    },
  };
}

/** Dated by the sandbox's clock, as both services date their answers by theirs. */
function dated(work: () => SandboxResponse, now: Date): SandboxResponse {
  const headers = {
    date: now.toUTCString(),
    'request-id': randomUUID(),
    'strict-transport-security': 'max-age=31536000',
  };
  try {
    const response = work();
    return { ...response, headers: { ...headers, ...response.headers } };
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    return { ...error.response, headers: { ...headers, ...error.response.headers } };
  }
}
