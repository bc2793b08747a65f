/**
 * A provider of keys over HTTPS, played from its script in `providers/`.
 *
 *     const provider = await startProvider(ctx, PROVIDERS.get('sendgrid'));
 *     provider.host;                          // api.sendgrid.sandbox.test:<port>
 *     provider.administrator.stored;          // what a vault holds
 *     const key = provider.make('by hand');   // a key as a person makes it
 *     const mend = provider.fail('denied');   // 403 to the administrator until mend()
 *
 * Refuses in the order in which such services do: throttling, credential, account, permission, route, request.
 */
import type { SandboxContext } from '../context.ts';
import { HttpProblem, startHttps, type SandboxRequest, type SandboxResponse } from '../http.ts';
import type { Administrator, Ask, Key, Provider, Route } from './provider.ts';

export type Trouble = 'denied' | 'absent' | 'throttled' | 'unavailable' | 'unauthenticated';

export interface ProviderService {
  readonly host: string;
  readonly administrator: Administrator;
  readonly keys: readonly Key[];
  make(name: string): Key;
  accepts(value: string): boolean;
  /** Every key is gone, as in a new account. */
  clear(): void;
  /** Until the returned function is called. `unavailable` hits what changes something, and reading goes on. */
  fail(trouble: Trouble): () => void;
  stop(): Promise<void>;
}

export async function startProvider(
  ctx: SandboxContext,
  provider: Provider,
  options: { readonly port?: number } = {},
): Promise<ProviderService> {
  const name = `${provider.host}.sandbox.test`;
  const administrator = provider.administrator();
  ctx.transcript.secret(`the administrator's credential at ${provider.name}`, administrator.stored);
  let keys: readonly Key[] = [];
  const troubles = new Set<Trouble>();

  function make(keyName: string, expiresAt?: Date): Key {
    if (provider.most !== undefined && keys.length >= provider.most) {
      const { status, body } = provider.problems.full ?? provider.problems.forbidden;
      throw new HttpProblem(status, body);
    }
    const { id, value } = provider.mint();
    ctx.transcript.secret(`a key at ${provider.name}`, value);
    const key = {
      id,
      value,
      name: keyName,
      createdAt: ctx.clock.now(),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    keys = [...keys, key];
    return key;
  }

  const reads = (request: SandboxRequest): boolean => request.method === 'GET' || provider.reads?.(request) === true;

  function remove(id: string): boolean {
    const before = keys.length;
    keys = keys.filter((key) => key.id !== id);
    return keys.length < before;
  }

  function answer(request: SandboxRequest): SandboxResponse {
    const { problems } = provider;
    if (troubles.has('throttled')) return problems.throttled;
    const presented = provider.presented(request);
    const isAdministrator = presented === administrator.presented && !troubles.has('unauthenticated');
    const live = keys.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > ctx.clock.now());
    const caller = live.find((key) => provider.presents(key, administrator) === presented);
    if (!isAdministrator && caller === undefined) return problems.unauthenticated;
    if (troubles.has('absent')) return problems.absent;
    const found = routeOf(provider.routes, request);
    if (found === undefined) return problems.absent;
    const forKey = found.route.as === 'key' && caller !== undefined;
    if (!forKey && (!isAdministrator || troubles.has('denied'))) return problems.forbidden;
    if (!reads(request) && troubles.has('unavailable')) return problems.unavailable;
    const ask: Ask = {
      request,
      params: found.params,
      json: isRecord(request.json) ? request.json : {},
      form: new URLSearchParams(request.body.toString('utf8')),
      now: ctx.clock.now(),
      keys: live,
      caller,
      make,
      remove,
    };
    return found.route.answer(ask);
  }

  const server = await startHttps(ctx, {
    ...options,
    names: [name],
    system: 'http-api',
    handler: answer,
    // Keys stand in bodies and headers only, never in a path.
    operation: (request) =>
      `${request.method !== 'GET' && reads(request) ? 'QUERY' : request.method} ${provider.name} ${request.path}`,
  });
  return {
    host: `${name}:${server.port}`,
    administrator,
    get keys() {
      return keys;
    },
    make: (keyName) => make(keyName),
    accepts: (value) => keys.some((key) => key.value === value),
    clear: () => (keys = []),
    fail(trouble) {
      troubles.add(trouble);
      return () => troubles.delete(trouble);
    },
    stop: () => server.stop(),
  };
}

function routeOf(
  routes: readonly Route[],
  request: SandboxRequest,
): { readonly route: Route; readonly params: Readonly<Record<string, string>> } | undefined {
  for (const route of routes) {
    const wanted = route.path.split('/').slice(1);
    if (route.method !== request.method || wanted.length !== request.segments.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const given = request.segments[index] ?? '';
      const [, name, rest = ''] = /^:(\w+)(.*)$/.exec(part) ?? [];
      if (name === undefined) return part === given;
      if (!given.endsWith(rest) || given.length === rest.length) return false;
      params[name] = given.slice(0, given.length - rest.length);
      return true;
    });
    if (fits) return { route, params };
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
