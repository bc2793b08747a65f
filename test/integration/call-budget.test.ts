/**
 * What a rotation calls, counted at the servers: each vault, table and queue request, each log-in and each SQL statement
 * is one. The platform's own handling of the message (taking, renewing, deleting it) is not the app's.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SQL_ENTRA_ADMIN } from '../../sandbox/env.ts';
import { HOST_USER_AGENT, type Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { startTds, type Tds } from '../../sandbox/tds/tds.ts';
import type { System } from '../../sandbox/traffic.ts';
import { startBuiltApp, TEST_AGENT, type BuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS, seedPostgres, seedSqlServer, seedStorage, type ManagedObject } from '../support/managed.ts';

/** At most so many for a plain dual-account rotation; AWS's rotation function makes 22 to 25, counted so. */
const BUDGET = 10;
const COUNTED: readonly System[] = ['vault', 'tables', 'queues', 'postgres', 'tds', 'topic', 'arm', 'blob'];

let app: BuiltApp;
let sandbox: Sandbox;
let azure: Tds;
let host: Host;

beforeAll(async () => {
  app = await startBuiltApp();
  ({ sandbox } = app);
  const { ctx, identity, env } = sandbox;
  azure = await startTds(ctx, {
    edition: 'azure',
    entraAdmin: { name: SQL_ENTRA_ADMIN, id: identity.principal.objectId },
    verifyToken: (token, audience) => {
      const check = identity.verifyToken(token, audience);
      return check.ok ? check.claims : undefined;
    },
  });
  host = await app.startHost({
    'AzureWebJobs.sweep.Disabled': 'true',
    KEYTURN_ALLOWED_HOSTS: `${env['KEYTURN_ALLOWED_HOSTS'] ?? ''},${azure.name}:${azure.port}`,
  });
});

afterAll(async () => {
  await azure.stop();
  await sandbox.stop();
});

/** Gives the app one message, waits for the end of its function, and tells what that called. */
async function callsOf(queue: 'rotation' | 'propagation', message: unknown): Promise<string[]> {
  const functionName = queue === 'rotation' ? 'rotate' : 'propagate';
  await sandbox.postgres.settled();
  sandbox.ctx.traffic.clear();
  const ended = host.next((run) => run.functionName === functionName);
  await app.enqueue(queue, message);
  expect(await ended).toMatchObject({ succeeded: true });
  await sandbox.postgres.settled();
  return counted();
}

/** The same for a message that the app has put into the queue itself, for later. */
async function callsAfter(ms: number): Promise<string[]> {
  sandbox.ctx.traffic.clear();
  const ended = host.next((run) => run.functionName === 'rotate');
  sandbox.ctx.clock.advance(ms);
  expect(await ended).toMatchObject({ succeeded: true });
  await sandbox.postgres.settled();
  return counted();
}

function counted(): string[] {
  return sandbox.ctx.traffic.entries
    .filter(({ client = '' }) => !client.includes(HOST_USER_AGENT) && !client.includes(TEST_AGENT))
    .filter(({ system }) => COUNTED.includes(system))
    .map(({ system, operation, outcome }) => `${system} ${operation.replace(/[0-9a-f]{20,}/g, '…')} → ${outcome}`);
}

interface Calls {
  readonly rotation: readonly string[];
  readonly refresh: readonly string[];
  readonly retirement: readonly string[];
}

/** One whole rotation of this secret, due by now. */
async function rotate({ name }: ManagedObject): Promise<Calls> {
  const object = { kind: 'secret', vault: sandbox.vault.url('kv'), name };
  const version = (): string => sandbox.vault.peek('kv', name).at(-1)?.id ?? '';
  const before = version();
  const rotation = await callsOf('rotation', { object, trigger: 'near-expiry', version: before });
  expect(version(), `${name} has a new version`).not.toBe(before);
  const refresh = await callsOf('propagation', { object, version: version() });
  const retirement = await callsAfter(OVERLAP_MS + 60_000);
  expect((await app.journal()).get(name)?.run?.state).toBe('done');
  return { rotation, refresh, retirement };
}

function tell(what: string, { rotation, refresh, retirement }: Calls): void {
  const list = (calls: readonly string[]): string =>
    calls.map((call, n) => `\n  ${String(n + 1).padStart(2)}  ${call}`).join('');
  console.log(
    `${what}: ${rotation.length} calls from the message to the journaled finish${list(rotation)}\n` +
      `later, for refresh: ${refresh.length}${list(refresh)}\n` +
      `after the overlap, for confirm and revoke: ${retirement.length}${list(retirement)}`,
  );
}

const ON_AZURE = (): Pick<Sandbox, 'vault' | 'tds'> => ({ vault: sandbox.vault, tds: azure });

test.each([
  { what: 'SQL Server', budget: BUDGET, seed: (name: string) => seedSqlServer(sandbox, name) },
  {
    what: 'Azure SQL users',
    budget: BUDGET,
    seed: (name: string) => seedSqlServer(ON_AZURE(), name, { contained: true }),
  },
  // The logins of Azure SQL Database are changed in master, which is a log-in more.
  { what: 'Azure SQL logins', budget: BUDGET + 1, seed: (name: string) => seedSqlServer(ON_AZURE(), name) },
  { what: 'PostgreSQL', budget: BUDGET, seed: (name: string) => seedPostgres(sandbox, name) },
  { what: 'storage', budget: BUDGET, seed: (name: string) => seedStorage(sandbox, name) },
])('a plain rotation of $what keeps to $budget calls', async ({ what, budget, seed }) => {
  const object = await seed(what.toLowerCase().replaceAll(' ', '-'));
  // The secret is older than the overlap, and near its expiry.
  sandbox.ctx.clock.advance(3 * DAY);
  const first = await rotate(object);
  sandbox.ctx.clock.advance(61 * DAY);
  const plain = await rotate(object);
  tell(`${what}, a plain rotation`, plain);
  console.log(
    `${what}, its first rotation of all, which also claims the slots and learns what kind of server it is: ${first.rotation.length} calls`,
  );
  expect(plain.rotation.length).toBeLessThanOrEqual(budget);
});
