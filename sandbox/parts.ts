/** Starts the parts of a sandbox in the order in which they need one another, several at once where they do not. */
import type { SandboxContext } from './context.ts';
import type { ControlOptions } from './control/control.ts';
import { SQL_ENTRA_ADMIN } from './env.ts';
import type { EnvParts } from './env.ts';
import type { EventGridOptions, EventGridService } from './eventgrid/eventgrid.ts';
import type { GraphOptions } from './graph/graph.ts';
import { findMariaDb } from './mysql/binaries.ts';
import type { SandboxServer } from './http.ts';
import type { IdentityOptions, IdentityService } from './identity/identity.ts';
import { loadWithoutListeners } from './listeners.ts';
import type { TdsOptions } from './tds/tds.ts';
import type { VaultOptions } from './vault/vault.ts';

export const PARTS = [
  'identity',
  'vault',
  'eventgrid',
  'topic',
  'azurite',
  'arm',
  'graph',
  'blob',
  'tls',
  'services',
  'postgres',
  'mysql',
  'tds',
  'keys',
  'endpoint',
  'receiver',
  'control',
] as const;
export type Part = (typeof PARTS)[number];

/**
 * Started only when they are named: `mysql` needs a MariaDB on the machine, which the sandbox does not bring, and with `tls` the app looks
 * for consumers of all that is rotated.
 */
export const OPTIONAL_PARTS: readonly Part[] = ['mysql', 'tls'];

/** With the databases that the machine has. */
export function partsHere(): readonly Part[] {
  return PARTS.filter((part) => !OPTIONAL_PARTS.includes(part) || (part === 'mysql' && findMariaDb() !== undefined));
}

/** What else must run for a part to run. */
const NEEDS: Partial<Record<Part, readonly Part[]>> = {
  vault: ['identity'],
  eventgrid: ['vault'],
  topic: ['identity'],
  azurite: ['identity'],
  arm: ['identity'],
  graph: ['identity'],
  blob: ['arm'],
  tls: ['arm', 'vault'],
  services: ['arm'],
};

export interface PartOptions {
  /** All but the optional ones when absent; what those named need is started too. */
  readonly parts?: readonly Part[];
  /**
   * Fixed ports; any free one where absent, and for every one of `services`. `azurite` is the queues', the tables' is the next;
   * likewise `graph` and its log-in's.
   */
  readonly ports?: Partial<Record<Part, number>>;
  readonly identity?: Omit<IdentityOptions, 'port'>;
  readonly vault?: Omit<VaultOptions, 'port' | 'identity'>;
  readonly eventGrid?: Omit<EventGridOptions, 'vault'>;
  readonly graph?: Omit<GraphOptions, 'port' | 'identity'>;
  readonly tds?: Omit<TdsOptions, 'port' | 'verifyToken' | 'entraAdmin'>;
}

export interface StartedParts extends EnvParts {
  readonly eventgrid?: EventGridService;
  readonly control?: SandboxServer;
}

interface Stoppable {
  stop(): Promise<void> | void;
}

/** Puts what was started on `running` as soon as it runs, so that a failure later on can stop it. */
export async function startParts(
  ctx: SandboxContext,
  options: PartOptions,
  running: Stoppable[],
  addresses: ControlOptions['addresses'],
): Promise<StartedParts> {
  const wanted = withNeeds(options.parts ?? PARTS.filter((part) => !OPTIONAL_PARTS.includes(part)));
  const port = (part: Part): { port?: number } => {
    const fixed = options.ports?.[part];
    return fixed === undefined ? {} : { port: fixed };
  };
  const when = async <T extends Stoppable>(part: Part, start: () => Promise<T>): Promise<T | undefined> => {
    if (!wanted.has(part)) return undefined;
    const service = await start();
    running.push(service);
    return service;
  };
  // Imported as needed: a test that wants a vault does not load PostgreSQL's driver.
  const identity = await when('identity', async () =>
    (await import('./identity/identity.ts')).startIdentity(ctx, { ...options.identity, ...port('identity') }),
  );
  const known = (): IdentityService => must(identity, 'identity');

  const first = await allStarted({
    vault: when('vault', async () =>
      (await import('./vault/vault.ts')).startVault(ctx, { ...options.vault, identity: known(), ...port('vault') }),
    ),
    topic: when('topic', async () =>
      (await import('./eventgrid/topic.ts')).startTopic(ctx, { identity: known(), ...port('topic') }),
    ),
    arm: when('arm', async () => (await import('./arm/arm.ts')).startArm(ctx, { identity: known(), ...port('arm') })),
    graph: when('graph', async () =>
      (await import('./graph/graph.ts')).startGraph(ctx, { ...options.graph, identity: known(), ...port('graph') }),
    ),
    azurite: when('azurite', async () => {
      const queuePort = options.ports?.azurite;
      const ports = queuePort === undefined ? {} : { queuePort, tablePort: queuePort + 1 };
      return (await import('./azurite/azurite.ts')).startAzurite(ctx, { identity: known(), ...ports });
    }),
    postgres: when('postgres', () => postgresOf(ctx, identity, port('postgres'))),
    mysql: when('mysql', () => mysqlOf(ctx, identity, port('mysql'))),
    tds: when('tds', () => tdsOf(ctx, identity, { ...options.tds, ...port('tds') })),
    keys: when('keys', async () => {
      const [{ startProvider }, { sendgrid }] = await Promise.all([
        import('./http-api/http-api.ts'),
        import('./http-api/providers/sendgrid.ts'),
      ]);
      return startProvider(ctx, sendgrid, port('keys'));
    }),
    endpoint: when('endpoint', async () =>
      (await import('./external/external.ts')).startEndpoint(ctx, port('endpoint')),
    ),
    receiver: when('receiver', async () =>
      (await import('./receiver/receiver.ts')).startReceiver(ctx, port('receiver')),
    ),
  });
  if (first.vault !== undefined) {
    first.arm?.attachKeys(first.vault.keys);
    first.arm?.attachVault((await import('./vault-directories.ts')).directoriesOf(first.vault));
  }
  const blob = await when('blob', async () =>
    (await import('./blob/blob.ts')).startBlob(ctx, { accounts: must(first.arm, 'arm').accounts, ...port('blob') }),
  );
  const tls = await when('tls', async () => {
    const arm = must(first.arm, 'arm');
    return (await import('./tls-front.ts')).startTlsFront(ctx, { serves: (host) => arm.serves(host), ...port('tls') });
  });
  const services = await when('services', async () =>
    (await import('./services.ts')).startServices(ctx, {
      resources: must(first.arm, 'arm').resources,
      entra: { identity: known(), arm: must(first.arm, 'arm') },
    }),
  );
  const eventgrid = await when('eventgrid', async () =>
    (await import('./eventgrid/eventgrid.ts')).startEventGrid(ctx, {
      ...options.eventGrid,
      vault: must(first.vault, 'vault'),
    }),
  );
  const control = await when('control', async () =>
    (await import('./control/control.ts')).startControl(ctx, {
      addresses,
      vault: first.vault,
      topic: first.topic,
      eventGrid: eventgrid,
      ...port('control'),
    }),
  );
  return present({ identity, ...first, blob, tls, services, eventgrid, control });
}

async function postgresOf(ctx: SandboxContext, identity: IdentityService | undefined, options: { port?: number }) {
  const { startPostgres, ENTRA_RESOURCE } = await loadWithoutListeners(() => import('./postgres/postgres.ts'));
  const postgres = await startPostgres(ctx, options);
  takeTokens(identity, ENTRA_RESOURCE, postgres);
  return postgres;
}

async function mysqlOf(ctx: SandboxContext, identity: IdentityService | undefined, options: { port?: number }) {
  const { startMysql, ENTRA_RESOURCE } = await import('./mysql/mysql.ts');
  const mysql = await startMysql(ctx, options);
  takeTokens(identity, ENTRA_RESOURCE, mysql);
  return mysql;
}

/** An Entra token is the password of the account that stands for the app's identity. */
function takeTokens(
  identity: IdentityService | undefined,
  database: string,
  service: { acceptToken(token: string): Promise<void> },
): void {
  identity?.onIssue((resource, token) =>
    resource.replace(/\/$/, '') === database ? service.acceptToken(token) : undefined,
  );
}

async function tdsOf(ctx: SandboxContext, identity: IdentityService | undefined, options: TdsOptions) {
  const { startTds } = await import('./tds/tds.ts');
  if (identity === undefined) return startTds(ctx, options);
  return startTds(ctx, {
    ...options,
    entraAdmin: { name: SQL_ENTRA_ADMIN, id: identity.principal.objectId },
    verifyToken: (token, audience) => {
      const check = identity.verifyToken(token, audience);
      return check.ok ? check.claims : undefined;
    },
  });
}

function withNeeds(parts: readonly Part[]): ReadonlySet<Part> {
  const wanted = new Set<Part>();
  const add = (part: Part): void => {
    wanted.add(part);
    for (const need of NEEDS[part] ?? []) add(need);
  };
  for (const part of parts) add(part);
  return wanted;
}

/** Waits for all of them to have started or failed before it throws the first failure: nothing starts behind its back. */
async function allStarted<T extends Record<string, Promise<unknown>>>(
  starts: T,
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(Object.values(starts));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const values = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  const names = Object.keys(starts);
  return Object.fromEntries(names.map((name, n) => [name, values[n]])) as { [K in keyof T]: Awaited<T[K]> };
}

function must<T>(service: T | undefined, part: Part): T {
  if (service === undefined) throw new Error(`the part '${part}' does not run`);
  return service;
}

/** Without the parts that were not started. */
function present(parts: { readonly [K in keyof StartedParts]: StartedParts[K] | undefined }): StartedParts {
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}
