/**
 * Azure Resource Manager for resources with keys, over HTTPS as `management.sandbox.test`.
 *
 *     const arm = await startArm(ctx, { identity });
 *     arm.origin;                                   // https://management.sandbox.test:<port>
 *     const { id, keys } = arm.createAccount('ordersdata');
 *     arm.create('Microsoft.Cache/redis/{name}', { name: 'orders' });   // every other service: services/*.ts
 *     const mend = arm.deny('Microsoft.Storage/storageAccounts/regenerateKey/action', id);  // 403 until mend()
 *     arm.encrypt(id, vault.keys.url('kv', 'cmk'));                     // with a key of the vault that is attached
 *     arm.throttle(id, 7); arm.busy(id); arm.lock(id); arm.later(id, 'location');           // 429, 409, 409, 202
 *
 * Serves GET account, POST listKeys, POST regenerateKey, and their like of the other services (facts C), in ARM's order of
 * refusal: token, api-version, permission, throttling, subscription, resource group, resource, lock, body.
 */
import { randomUUID } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import { HttpProblem, startHttps } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import type { IdentityService, TokenClaims } from '../identity/identity.ts';
import { StorageAccounts } from './accounts.ts';
import type { KeyName } from './accounts.ts';
import { follow, inUse, versionIn, versionOf } from './cmk.ts';
import type { Cmk, KeyDirectory } from './cmk.ts';
import * as refuse from './errors.ts';
import { Operations } from './operations.ts';
import type { LaterStyle } from './operations.ts';
import { listIn } from './collections.ts';
import { keyName, keysOf, lookUp, lookUpGroup, parse, plainKeys, resourceOf } from './requests.ts';
import type { Ask } from './requests.ts';
import { ResourceGraph } from './resource-graph.ts';
import { Resources } from './resources.ts';
import type { Key, Resource, Serves, VaultDirectories } from './service.ts';
import { patchEncryption } from './storage-encryption.ts';

export const ARM_HOST = 'management.sandbox.test';
const AUDIENCES = [`https://${ARM_HOST}`, 'https://management.azure.com'];

export interface ArmOptions {
  readonly identity: Pick<IdentityService, 'verifyRequest'>;
  readonly port?: number;
}

export interface ArmService {
  readonly port: number;
  readonly origin: string;
  readonly subscriptionId: string;
  readonly accounts: StorageAccounts;
  readonly resources: Resources;
  readonly graph: ResourceGraph;
  /** A new resource with its keys. @param address as in the service's description, `Microsoft.Cache/redis/{name}` */
  create(address: string, names: Readonly<Record<string, string>>): Resource;
  createAccount(name: string, resourceGroup?: string): { readonly id: string; readonly keys: Record<KeyName, string> };
  /** @throws when there is no such account */
  keys(name: string): Record<KeyName, string>;
  /** Each of these holds until the returned function is called. The scope is a resource's id. `*` is every action. */
  deny(action: string, scope: string): () => void;
  /** Whether that was denied or throttled: what data planes ask that go by the same roles. */
  refusal(action: string, scope: string, claims: TokenClaims): HttpProblem | undefined;
  throttle(scope: string, retryAfterSeconds?: number): () => void;
  busy(scope: string): () => void;
  lock(scope: string): () => void;
  /** regenerateKey answers 202 and is done at the second poll. */
  later(scope: string, style: LaterStyle): () => void;
  /** From now on the keys that resources encrypt with are looked up here. */
  attachKeys(keys: KeyDirectory): void;
  /** From now on services look up certificates and secrets here. */
  attachVault(vault: VaultDirectories): void;
  /** Another subscription. @returns its id */
  subscribe(): string;
  /** What is served under a host name by whichever resource has it. */
  serves(host: string): Serves | undefined;
  /** Somebody else changes the resource: what is under way on it ends as superseded. */
  supersede(scope: string): void;
  /** Lets the resource encrypt with a key. An address with a version pins it, unless `follows` says otherwise. */
  encrypt(id: string, url: string, follows?: boolean): void;
  /** The address of the key version that the resource encrypts with now. */
  encryptedWith(id: string): string | undefined;
  /** What is accepted does not end. */
  slow(scope: string): () => void;
  stop(): Promise<void>;
}

type Condition = (ask: Ask, claims: TokenClaims) => HttpProblem | undefined;

export async function startArm(ctx: SandboxContext, options: ArmOptions): Promise<ArmService> {
  const accounts = new StorageAccounts(
    () => ctx.clock.now(),
    (value) => ctx.transcript.secret('a key of a storage account', value),
  );
  const resources = new Resources(
    () => ctx.clock.now(),
    (value) => ctx.transcript.secret('a key that ARM regenerates', value),
  );
  const operations = new Operations(() => ctx.clock.now());
  const graph = new ResourceGraph({
    resources: () => resources.all(),
    subscriptions: () => [...accounts.subscriptions],
  });
  let keys: KeyDirectory | undefined;
  let vault: VaultDirectories = {};
  /** By its id: a storage account, or anything else. @throws when there is neither */
  const encryptable = (id: string): { cmk?: Cmk } => {
    const found = resources.find(id) ?? accounts.find(id.split('/').at(-1) ?? '');
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  };
  /** In ARM's order: what authorization and throttling refuse before, and a busy or locked account after look-up. */
  const conditions = { before: new Set<Condition>(), after: new Set<Condition>() };
  const hold = (when: keyof typeof conditions, condition: Condition): (() => void) => {
    conditions[when].add(condition);
    return () => conditions[when].delete(condition);
  };
  const on = (scope: string, ask: Ask): boolean => ask.scope.toLowerCase() === scope.toLowerCase();

  const server = await startHttps(ctx, {
    names: [ARM_HOST],
    system: 'arm',
    ...(options.port === undefined ? {} : { port: options.port }),
    handler: (request) => {
      try {
        const claims = authenticate(request, options.identity, ctx.clock.now());
        operations.pass();
        const response =
          operations.poll(request) ??
          (ResourceGraph.asks(request) ? graph.answer(request) : (list(request, claims) ?? answer(request, claims)));
        return { ...response, headers: { ...armHeaders(request), ...response.headers } };
      } catch (error) {
        if (!(error instanceof HttpProblem)) throw error;
        return { ...error.response, headers: { ...armHeaders(request), ...error.response.headers } };
      }
    },
  });

  /** The resources of one type in a group; undefined when the request asks for something else. */
  function list(request: SandboxRequest, claims: TokenClaims): SandboxResponse | undefined {
    const listing = listIn(request, resources.all());
    if (listing === undefined) return undefined;
    for (const condition of conditions.before) raise(condition(listing.ask, claims));
    lookUpGroup(accounts, listing.ask);
    return { status: 200, body: listing.body() };
  }

  function answer(request: SandboxRequest, claims: TokenClaims): SandboxResponse {
    const ask = parse(request);
    for (const condition of conditions.before) raise(condition(ask, claims));
    const later = { scope: ask.scope, origin: server.origin(ARM_HOST), namespace: namespaceOf(ask.scope) };
    const { found } = ask;
    if (found === undefined) return answerStorage(ask, request, claims, later);
    const group = lookUpGroup(accounts, ask);
    const resource = resources.find(ask.scope);
    if (resource === undefined) throw refuse.resourceNotFound(found.type, found.name, group);
    for (const condition of conditions.after) raise(condition(ask, claims));
    const renew = (slot: string, value?: string): Key => resources.renew(resource, slot, value);
    if (resource.cmk !== undefined) follow(resource.cmk, keys, ctx.clock.now());
    const work = found.operation.begin({
      request,
      resource,
      match: found.match,
      renew,
      keys,
      vault,
      all: () => resources.all(),
      now: ctx.clock.now(),
    });
    const own = found.operation.later;
    return (own && operations.accept(later, () => work().body, own)) ?? work();
  }

  function answerStorage(
    ask: Ask,
    request: SandboxRequest,
    claims: TokenClaims,
    later: Parameters<Operations['accept']>[0],
  ): SandboxResponse {
    const account = lookUp(accounts, ask);
    for (const condition of conditions.after) raise(condition(ask, claims));
    if (account.cmk !== undefined) follow(account.cmk, keys, ctx.clock.now());
    if (ask.verb === 'patch') patchEncryption(account, request.json, keys);
    if (ask.verb === '' || ask.verb === 'patch') return { status: 200, body: resourceOf(account) };
    if (ask.verb === 'listkeys') return { status: 200, body: keysOf(account) };
    const wanted = keyName(request.json);
    const work = (): unknown => {
      accounts.regenerate(account, wanted);
      return keysOf(account);
    };
    return operations.accept(later, work) ?? { status: 200, body: work() };
  }

  return {
    port: server.port,
    origin: server.origin(ARM_HOST),
    subscriptionId: accounts.subscriptionId,
    accounts,
    resources,
    graph,
    subscribe() {
      const id = randomUUID();
      accounts.subscriptions.add(id);
      return id;
    },
    attachVault: (directories) => void (vault = directories),
    serves(host) {
      for (const one of resources.all()) {
        const served = one.service.serves?.(one, host, vault, ctx.clock.now());
        if (served !== undefined) return served;
      }
      return undefined;
    },
    supersede: (scope) => operations.supersede(scope),
    create: (address, names) =>
      resources.create(`/subscriptions/${accounts.subscriptionId}/resourceGroups/rg-sandbox`, address, names),
    createAccount: (name, group) => ({ id: accounts.create(name, group).id, keys: plainKeys(accounts, name) }),
    keys: (name) => plainKeys(accounts, name),
    deny: (action, scope) =>
      hold('before', (ask, claims) =>
        on(scope, ask) && (action === '*' || ask.action.toLowerCase() === action.toLowerCase())
          ? refuse.forbidden(claims.appid, claims.oid, ask.action, ask.scope)
          : undefined,
      ),
    refusal(action, scope, claims) {
      const ask: Ask = { subscriptionId: '', group: '', name: '', action, scope, reads: false };
      return [...conditions.before].map((condition) => condition(ask, claims)).find((one) => one !== undefined);
    },
    throttle: (scope, seconds) =>
      hold('before', (ask) => (on(scope, ask) ? refuse.throttled(ask.subscriptionId, seconds) : undefined)),
    busy: (scope) => hold('after', (ask) => (on(scope, ask) && !ask.reads ? busy(ask) : undefined)),
    lock: (scope) => hold('after', (ask) => (on(scope, ask) && !ask.reads ? refuse.locked(scope) : undefined)),
    later: (scope, style) => operations.later(scope, style),
    attachKeys: (directory) => void (keys = directory),
    encrypt: (id, url, follows = versionIn(url) === undefined) =>
      void (encryptable(id).cmk = { url, follows, version: versionOf(url, keys) }),
    encryptedWith(id) {
      const { cmk } = encryptable(id);
      return cmk === undefined ? undefined : inUse(cmk);
    },
    slow: (scope) => operations.slow(scope),
    stop: () => server.stop(),
  };
}

/** `Microsoft.Cache` of a resource's id. */
function namespaceOf(scope: string): string {
  return scope.split('/')[6] ?? '';
}

function busy({ found, name }: Ask): HttpProblem {
  if (found === undefined) return refuse.busy(name);
  return found.service.busy?.() ?? refuse.inProgress(name);
}

function raise(problem: HttpProblem | undefined): void {
  if (problem !== undefined) throw problem;
}

function authenticate(request: SandboxRequest, identity: ArmOptions['identity'], now: Date): TokenClaims {
  const check = identity.verifyRequest(request, AUDIENCES);
  if (!check.ok) throw refuse.unauthenticated(check, AUDIENCES.join("','"), now);
  return check.claims;
}

function armHeaders(request: SandboxRequest): Record<string, string> {
  const id = randomUUID();
  const limit = request.method === 'GET' ? 'reads' : 'writes';
  return {
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    expires: '-1',
    'x-ms-request-id': id,
    'x-ms-correlation-request-id': id,
    'x-ms-routing-request-id': `SANDBOX:${id}`,
    [`x-ms-ratelimit-remaining-subscription-${limit}`]: '199',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
  };
}
