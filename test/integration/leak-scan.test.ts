/**
 * Rotations that succeed and rotations that fail in every way, through the built app; then everything that anybody wrote
 * meanwhile is searched for every value that the vault ever held, every administrator's password and every token.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { LOG_EVENTS, type LogEvent } from '../../src/rotation/log-events.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { guisesOf, LeakScanner } from '../support/leaks.ts';
import { MINTED } from '../support/scan/search.ts';
import { DAY, OVERLAP_MS, seedPostgres, seedSqlServer, seedStorage, type ManagedObject } from '../support/managed.ts';
import { retired, rotated, Runbook, type ShownRun } from '../support/runbook.ts';
import { startTap, type Tap } from '../support/tap.ts';
import { until } from '../support/until.ts';

/** Not of a rotator's making: what a careless person typed. */
const TYPED = 'typed-into-a-request-4711';
const NO_JSON = '{"user": "no_json_a", "password": "half-a-value-4712';
const ALIAS = { sql: 'wrong.database.sandbox.test', sqlRight: 'right.database.sandbox.test', pg: 'localhost' };

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
let queues: Tap;
let tables: Tap;
const tokens: string[] = [];
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp();
  ({ sandbox } = app);
  const { ctx, azurite, identity, env, tds, postgres, vault } = sandbox;
  identity.onIssue((_resource, token) => void tokens.push(token));
  [queues, tables] = await Promise.all([
    startTap(ctx, 'queues', azurite.queueUrl),
    startTap(ctx, 'tables', azurite.tableUrl),
  ]);
  const secret = (name: string): string => `${vault.url('kv')}/secrets/${name}`;
  vault.seed('kv', 'admin-wrong', { value: 'Not-the-administrators-1!' });
  vault.seed('kv', 'admin-pg-wrong', {
    value: JSON.stringify({ user: postgres.admin.user, password: 'Not-it-either-2!' }),
  });
  vault.seed('kv', 'admin-right', { value: tds.admin.password });
  host = await app.startHost({
    KeyturnStorage__queueServiceUri: queues.url,
    KeyturnStorage__tableServiceUri: tables.url,
    KEYTURN_ALLOWED_HOSTS: [env['KEYTURN_ALLOWED_HOSTS'], ...Object.values(ALIAS)].join(','),
    KEYTURN_ADMINISTRATORS: JSON.stringify({
      ...(JSON.parse(env['KEYTURN_ADMINISTRATORS'] ?? '{}') as object),
      [ALIAS.sql]: { user: tds.admin.user, secret: secret('admin-wrong') },
      [ALIAS.sqlRight]: { user: tds.admin.user, secret: secret('admin-right') },
      [ALIAS.pg]: { secret: secret('admin-pg-wrong') },
    }),
  });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
});

afterAll(async () => {
  await sandbox.stop();
  await Promise.all([queues.stop(), tables.stop()]);
});

interface Cast {
  /** Rotated and retired in the end. */
  readonly good: readonly ManagedObject[];
  /** The code of what blocks each. */
  readonly stuck: Readonly<Record<string, string>>;
}

async function seedAll(): Promise<Cast> {
  const json = (user: string, password: string): string =>
    JSON.stringify({ user, password, note: 'kept' }, undefined, 2);
  const libpq = (user: string, password: string): string =>
    `host=pg dbname=postgres user=${user} password='${password}'`;
  const drifted = { stored: 'Somebody-changed-it-3!' };
  const good = [
    await seedPostgres(sandbox, 'good-pg'),
    await seedPostgres(sandbox, 'good-libpq', { value: libpq }),
    seedSqlServer(sandbox, 'good-sql'),
    seedSqlServer(sandbox, 'good-json', { value: json }),
    seedSqlServer(sandbox, 'good-bare', { value: (_, password) => password }),
    seedSqlServer(sandbox, 'good-admin', { host: ALIAS.sqlRight }),
    seedStorage(sandbox, 'good-st'),
    // Refused once each, and served when they come again.
    seedStorage(sandbox, 'busy-arm'),
    seedSqlServer(sandbox, 'busy-vault'),
    seedSqlServer(sandbox, 'lost-answer'),
  ];
  await seedPostgres(sandbox, 'drift-pg', drifted);
  seedSqlServer(sandbox, 'drift-sql', drifted);
  seedStorage(sandbox, 'drift-st', {
    stored: Buffer.from('a key of nobody, and 64 bytes long, as those of storage are ..').toString('base64'),
  });
  const pg = await seedPostgres(sandbox, 'grants-pg');
  await sandbox.postgres.query(`GRANT pg_monitor TO ${pg.slots[0]}`);
  const sql = seedSqlServer(sandbox, 'grants-sql');
  sandbox.tds.run(`ALTER ROLE db_owner ADD MEMBER ${sql.slots[0]}`, 'appdb');
  await seedPostgres(sandbox, 'admin-pg', { host: ALIAS.pg });
  seedSqlServer(sandbox, 'admin-sql', { host: ALIAS.sql });
  seedSqlServer(sandbox, 'no-json', { value: () => NO_JSON, tags: { ValueFormat: 'json' } });
  seedSqlServer(sandbox, 'denied-get');
  seedSqlServer(sandbox, 'denied-set');
  seedStorage(sandbox, 'denied-arm');
  return {
    good,
    stuck: {
      ...{ 'drift-pg': 'DRIFTED', 'drift-sql': 'DRIFTED', 'drift-st': 'DRIFTED' },
      ...{ 'grants-pg': 'GRANTS_DIFFER', 'grants-sql': 'GRANTS_DIFFER' },
      ...{ 'admin-pg': 'ACCESS_DENIED', 'admin-sql': 'ACCESS_DENIED', 'no-json': 'CONFIG_INVALID' },
      ...{ 'denied-get': 'ACCESS_DENIED', 'denied-set': 'ACCESS_DENIED', 'denied-arm': 'ACCESS_DENIED' },
    },
  };
}

function breakThings(): void {
  const { vault, arm, ctx } = sandbox;
  vault.setAccess('kv', [
    { deny: 'ForbiddenByRbac', actions: ['get'], secrets: ['denied-get'] },
    { deny: 'AccessDenied', actions: ['set'], secrets: ['denied-set'] },
    { deny: 'Throttled', actions: ['set'], secrets: ['busy-vault'], times: 1, retryAfterSeconds: 5 },
  ]);
  const id = (name: string): string => arm.accounts.find(name)?.id ?? '';
  arm.deny('Microsoft.Storage/storageAccounts/regenerateKey/action', id('deniedarm'));
  const settle = arm.throttle(id('busyarm'), 7);
  const stop = vault.onVersion(() => {
    settle();
    stop();
  });
  ctx.faults.add({ system: 'vault', match: '^PUT /secrets/lost-answer', times: 1, action: { drop: 'after' } });
  ctx.faults.add({ system: 'tds', match: '^ALTER LOGIN good_bare', times: 1, action: { status: 10928 } });
}

/** Everything that a person may ask, also wrongly. */
async function askAround(): Promise<void> {
  for (const name of [
    'good-pg',
    'drift-pg',
    'no-json',
    'admin-sql',
    'admin-pg',
    'denied-arm',
    'good-st',
    'grants-pg',
  ]) {
    await runbook.ask('POST', 'rotations', { vault: 'kv', name, dryRun: true });
    await runbook.ask('POST', 'bootstrap', { vault: 'kv', name });
  }
  await runbook.ask('POST', 'rotations', { vault: 'kv', name: 'good-pg', password: TYPED, [TYPED]: 1 });
  await runbook.ask('POST', 'rotations', `{"vault":"kv","password":"${TYPED}`);
  for (const path of ['inventory', 'health', 'rotations?limit=1000', 'rotations/absent'])
    await runbook.ask('GET', path);
  for (const { rotationId } of await runbook.runs()) await runbook.ask('GET', `rotations/${rotationId}`);
}

/** Everything that was written, by the place where it is to be found. */
async function places(): Promise<Record<string, string>> {
  const { topic, eventgrid, postgres, tds, ctx, vault } = sandbox;
  await postgres.settled();
  return {
    'host output': host.output(),
    'failed functions': JSON.stringify(host.invocations),
    'requests to tables': tables.sent.join('\n'),
    'requests to queues': queues.sent.join('\n'),
    'rows of the table': JSON.stringify(await app.rows()),
    'the topic': JSON.stringify(topic.received),
    'events and deliveries': JSON.stringify([eventgrid.events(), eventgrid.deliveries()]),
    'answers of the runbook': runbook.answers.join('\n'),
    'log of PostgreSQL': postgres.log(),
    'log of SQL Server': tds.log.join('\n'),
    'tags of the secrets': JSON.stringify(
      vault.secrets('kv').map(({ name, versions }) => [name, versions.map(({ tags }) => tags)]),
    ),
    'operations on the wire': JSON.stringify(ctx.traffic.entries),
  };
}

function scannerFor(): LeakScanner {
  const scanner = new LeakScanner();
  for (const [n, value] of sandbox.vault.writtenValues().entries()) {
    scanner.add(`value ${n}`, value);
    if (value !== NO_JSON) scanner.add(`credential ${n}`, parseValue(new SecretValue(value)).secret.reveal());
  }
  scanner.add('half a value', 'half-a-value-4712');
  scanner.add('administrator of PostgreSQL', sandbox.postgres.admin.password);
  scanner.add('administrator of SQL Server', sandbox.tds.admin.password);
  for (const [n, token] of tokens.entries()) {
    scanner.add(`token ${n}`, token);
    scanner.add(`signature of token ${n}`, token.split('.').at(-1) ?? '');
  }
  return scanner;
}

test('no value is in anything that was written', { timeout: 120_000 }, async () => {
  const { good, stuck } = await seedAll();
  breakThings();
  await app.enqueue('rotation', 'no message of ours');
  await app.enqueue('propagation', { object: { kind: 'secret', vault: 'nowhere', name: '?' } });
  sandbox.ctx.clock.advance(2 * DAY);
  const names = good.map(({ name }) => name);
  const all = (wanted: (run: ShownRun) => boolean) => async (): Promise<true | undefined> => {
    // What was put off comes again in minutes; what is at work is left in peace.
    const runs = await runbook.runs();
    if (!runs.some(({ state }) => state === 'running')) sandbox.ctx.clock.advance(20_000);
    return names.every((name) => runs.some((run) => run.object.name === name && wanted(run))) || undefined;
  };
  await until('the overlap of all', all(rotated), { everyMs: 200 });
  const stop = Object.keys(stuck).length;
  await until('what blocks', async () => (await runbook.runs('state=blocked')).length === stop || undefined);
  await askAround();
  const blocked = (await runbook.runs('state=blocked')).map((run) => [run.object.name, run.blocked?.code]);
  expect(Object.fromEntries(blocked)).toEqual(stuck);
  for (const name of ['drift-pg', 'drift-sql']) await runbook.start(name, { force: true });
  await runbook.start('good-st', { reason: 'compromised' });
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  await until('the retirement of all', all(retired), { everyMs: 200 });
  await until(
    'the poisoned messages',
    async () => {
      sandbox.ctx.clock.advance(31_000);
      return (await app.rows()).filter(({ kind }) => kind === 'poisoned').length === 2 || undefined;
    },
    { everyMs: 400 },
  );
  await askAround();

  const written = await places();
  const sizes = Object.entries(written).map(([place, text]) => `${place} ${(text.length / 1024).toFixed(0)} kB`);
  const scanner = scannerFor();
  console.log(`searched for ${scanner.size} values in ${sizes.join(', ')}`);
  expect(scanner.scan(written)).toEqual([]);
  expect(MINTED.test(mintPassword().reveal())).toBe(true);
  for (const [place, text] of Object.entries(written))
    expect(MINTED.test(text), `a minted password in ${place}`).toBe(false);
  // Neither is what a caller typed where it did not belong; a field's name is repeated to the caller, and nowhere else.
  const typed = new LeakScanner();
  typed.add('what was typed', TYPED);
  const { 'answers of the runbook': _, ...rest } = written;
  expect(typed.scan(rest)).toEqual([]);

  // Each place was searched in earnest: it holds what it should, and a value that is planted there is found in any guise.
  for (const [place, text] of Object.entries(written)) {
    expect(text, place).toMatch(place === 'failed functions' ? /EVENT_INVALID/ : /good[-_]sql|good[-_]pg/);
  }
  const value = sandbox.vault.peek('kv', 'good-bare').at(-1)?.value ?? '';
  for (const [guise, text] of guisesOf(value)) {
    const output = `${written['host output'] ?? ''}{"level":"info","message":"logged in with ${text}"}\n`;
    expect(scanner.scan({ ...written, 'host output': output }).join(), guise).toContain('host output holds');
  }
  const aligned = Buffer.from(`{"x":"${value}"}`).toString('base64');
  expect(scanner.scan({ queue: aligned })).toHaveLength(1);
});

/** Of the same run: what alerts wait for (docs/operations.md) is written by the app as it is deployed, one line of JSON each. */
test('the entries that alerts wait for are in the output, with their fields', () => {
  const entries = host
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  // Nobody is looked for here, and no vault is left out.
  const others: readonly LogEvent[] = ['consumers.settled', 'sweep.problem'];
  for (const [event, fields] of Object.entries(LOG_EVENTS)) {
    if (others.includes(event as LogEvent)) continue;
    const written = new Set(entries.filter((entry) => entry['event'] === event).flatMap((entry) => Object.keys(entry)));
    expect([...written], event).toEqual(expect.arrayContaining([...fields]));
  }
});
