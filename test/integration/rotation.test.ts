/** The built app in the sandbox's host: from an event to the retired credential. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GridEvent } from '../../sandbox/eventgrid/eventgrid.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import {
  DAY,
  OVERLAP_MS,
  seedPostgres,
  seedSqlServer,
  seedStorage,
  valuesOf,
  type ManagedObject,
} from '../support/managed.ts';
import { blocked, retired, rotated, Runbook } from '../support/runbook.ts';
import { until } from '../support/until.ts';

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp();
  ({ sandbox } = app);
  host = await app.startHost();
});

afterAll(async () => {
  await sandbox.stop();
  expect(failuresOf(host)).toEqual([]);
});

/** Each test has the events for itself. */
beforeEach(async () => {
  for (const name of ['grid', 'cloud', 'queue']) sandbox.eventgrid.unsubscribe(name);
});

const STEPS: readonly string[] = ['claim', 'create', 'set', 'test', 'finish', 'refresh', 'confirm', 'revoke'];

const webhook = (): { kind: 'webhook'; url: string } => ({ kind: 'webhook', url: host.webhook('onVaultEvent') });
const subscribe = (how: object = {}): Promise<void> =>
  sandbox.eventgrid.subscribe({ name: 'grid', destination: webhook(), ...how });

async function accepts(object: ManagedObject, which: number): Promise<boolean[]> {
  const value = valuesOf(sandbox, object)[which] ?? '';
  return Promise.all(object.slots.map((slot) => object.accepts(slot, object.secretOf(value))));
}

/** What must hold once it is rotated, and what once the overlap has passed. */
async function seeThrough(objects: readonly ManagedObject[], steps = STEPS): Promise<void> {
  for (const object of objects) {
    await runbook.newest(object.name, rotated);
    expect(await accepts(object, 0), `${object.name}: the old value still logs in`).toEqual([true, false]);
    expect(await accepts(object, 1), `${object.name}: the new value logs in`).toEqual([false, true]);
    await object.login(valuesOf(sandbox, object).at(-1) ?? '');
  }
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  for (const object of objects) {
    const run = await runbook.newest(object.name, retired);
    expect([...new Set(run.steps.map(({ step, outcome }) => `${step} ${outcome}`))]).toEqual(
      steps.map((step) => `${step} ok`),
    );
    expect(await accepts(object, 0), `${object.name}: the old value is refused`).toEqual([false, false]);
    expect(await accepts(object, 1), `${object.name}: the new value goes on`).toEqual([false, true]);
    expect(valuesOf(sandbox, object), `${object.name}: one new version`).toHaveLength(2);
  }
}

/** The event of this secret's type, as the vault sent it. */
function eventOf(object: ManagedObject, type: string): GridEvent {
  const event = sandbox.eventgrid
    .events()
    .find(({ subject, eventType }) => subject === object.name && eventType === `Microsoft.KeyVault.${type}`);
  if (event === undefined) throw new Error(`there was no ${type} of ${object.name}`);
  return event;
}

const notes = async (): Promise<string[]> =>
  (await app.rows())
    .filter((row) => row['partitionKey'] === 'notes')
    .map((row) => `${String(row['code'])} ${String(row['message'])}`);

test('an event ends in a rotated, later a retired credential: PostgreSQL, SQL Server and storage', async () => {
  await subscribe({ duplicates: 2, disorder: true });
  const objects = [
    await seedPostgres(sandbox, 'plain-pg', { expiresInMs: 20 * DAY }),
    seedSqlServer(sandbox, 'plain-sql', { expiresInMs: 20 * DAY }),
    seedStorage(sandbox, 'plain-st', { expiresInMs: 20 * DAY }),
  ];
  await seeThrough(objects);
  const topic = sandbox.topic.received.map(({ subject }) => String(subject));
  for (const { name } of objects)
    expect(topic.filter((subject) => subject.includes(name)).length, name).toBeGreaterThan(0);
  for (const { name, slots } of objects) {
    const [before, after] = sandbox.vault.peek('kv', name);
    expect(before?.tags?.['CredentialId']).toBe(slots[0]);
    expect(after?.tags).toMatchObject({
      CredentialId: slots[1],
      RotationId: expect.stringMatching(/^[0-9a-f]{20}-/) as string,
    });
    expect(after?.exp ?? 0).toBeGreaterThan(before?.exp ?? 0);
  }
});

test.each(['CloudEventSchemaV1_0', 'EventGridSchema'] as const)(
  'takes a batch of events in the schema %s',
  async (schema) => {
    await subscribe({ name: 'cloud', schema, maxEventsPerBatch: 5 });
    const tag = schema === 'EventGridSchema' ? 'grid' : 'cloud';
    await seeThrough([
      seedSqlServer(sandbox, `batch-${tag}-1`, { expiresInMs: 20 * DAY }),
      seedSqlServer(sandbox, `batch-${tag}-2`, { expiresInMs: 20 * DAY }),
    ]);
  },
);

test('takes events from a storage queue, where Event Grid cannot reach the app', async () => {
  const destination = { kind: 'queue', put: (text: string) => app.enqueue('vault-events', text) } as const;
  await sandbox.eventgrid.subscribe({ name: 'queue', destination });
  await seeThrough([seedStorage(sandbox, 'from-queue', { expiresInMs: 20 * DAY })]);
});

test('a version is rotated once: duplicates, and events of the version before, change nothing', async () => {
  await subscribe({ duplicates: 5, disorder: true });
  const object = seedSqlServer(sandbox, 'stale', { expiresInMs: 20 * DAY });
  await runbook.newest(object.name, rotated);
  const before = eventOf(object, 'SecretNearExpiry');
  sandbox.eventgrid.replay(before.id, 3);
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  await runbook.newest(object.name, retired);
  sandbox.eventgrid.replay(before.id, 3);
  sandbox.eventgrid.inject({ ...before, id: crypto.randomUUID(), eventType: 'Microsoft.KeyVault.SecretExpired' });
  await sandbox.eventgrid.idle();
  // Whatever waits behind a lease that has lapsed comes back after five minutes.
  const moveOn = async (): Promise<true | undefined> => {
    sandbox.ctx.clock.advance(6 * 60_000);
    return (await app.queued('rotation')) === 0 || undefined;
  };
  await until('the end of all messages', moveOn, { everyMs: 500 });
  expect(valuesOf(sandbox, object)).toHaveLength(2);
  expect(await runbook.runs(`name=${object.name}`)).toHaveLength(1);
  expect(await accepts(object, 1)).toEqual([false, true]);
});

test('what is foreign or malformed is noted with a reason and delivered only once', async () => {
  const deadLetter: never[] = [];
  await subscribe({ deadLetter });
  const object = seedSqlServer(sandbox, 'quiet', { expiresInMs: 90 * DAY });
  const event = eventOf(object, 'SecretNewVersionCreated');
  const data = event.data as { Id: string; Version: string };
  const foreign = {
    ...data,
    Id: `https://other.vault.sandbox.test/secrets/theirs/${data.Version}`,
    VaultName: 'other',
    ObjectName: 'theirs',
  };
  const made = (id: string, change: Partial<GridEvent>): GridEvent => ({
    ...event,
    eventType: 'Microsoft.KeyVault.SecretNearExpiry',
    id,
    ...change,
  });
  sandbox.eventgrid.inject(made('not-ours', { data: foreign }));
  sandbox.eventgrid.inject(made('no-data', { data: null }));
  sandbox.eventgrid.inject(made('no-vault-event', { eventType: 'Contoso.Something' }));
  sandbox.eventgrid.inject(made('contradicts', { data: { ...data, ObjectName: 'another' } }));
  await sandbox.eventgrid.idle();
  const found = (await notes()).join('\n');
  expect(found).toContain('NOT_SERVED');
  for (const part of [
    'the vault is not served',
    'has no data',
    '"Contoso.Something" is not an event of Key Vault',
    'ObjectName "another"',
  ])
    expect(found).toContain(part);
  expect(deadLetter).toEqual([]);
  expect(sandbox.eventgrid.deliveries().filter(({ eventIds }) => eventIds.includes('no-data'))).toHaveLength(1);
  expect(valuesOf(sandbox, object)).toHaveLength(1);
});

test('a secret whose event never came is found by the sweep', async () => {
  const objects = [
    seedSqlServer(sandbox, 'unheard', { expiresInMs: 20 * DAY }),
    // Key Vault warns 30 days ahead, which is not when this one wants it.
    seedStorage(sandbox, 'early', { expiresInMs: 40 * DAY, tags: { LeadTimeDays: '45' } }),
  ];
  await subscribe({ includedEventTypes: ['Microsoft.KeyVault.SecretNewVersionCreated'] });
  await host.invoke('sweep');
  await seeThrough(objects);
});

test('a credential that was changed behind the vault stops the run, and force repairs it', async () => {
  await subscribe();
  const object = seedSqlServer(sandbox, 'drift', { expiresInMs: 20 * DAY, stored: 'Somebody-else-1' });
  const run = await runbook.newest(object.name, blocked);
  expect(run.blocked).toMatchObject({ code: 'DRIFTED', remedy: expect.stringContaining('"force":true') as string });
  expect(valuesOf(sandbox, object)).toHaveLength(1);
  expect(await runbook.start(object.name, { force: true })).toBe(run.rotationId);
  await until('the repair', async () => rotated(await runbook.run(run.rotationId)) || undefined);
  expect(await accepts(object, 1)).toEqual([false, true]);
});

test('compromised: the old credential is refused at once', async () => {
  await subscribe();
  const objects = [
    await seedPostgres(sandbox, 'stolen-pg', { expiresInMs: 90 * DAY }),
    seedSqlServer(sandbox, 'stolen-sql', { expiresInMs: 90 * DAY }),
    seedStorage(sandbox, 'stolen-st', { expiresInMs: 90 * DAY }),
  ];
  for (const { name } of objects) await runbook.start(name, { reason: 'compromised' });
  for (const object of objects) {
    await runbook.newest(object.name, retired);
    expect(await accepts(object, 0), object.name).toEqual([false, false]);
    expect(await accepts(object, 1), object.name).toEqual([false, true]);
  }
});

/** Another host in the place of the killed one. */
async function takeOver(object: ManagedObject, id: string, steps: readonly string[]): Promise<void> {
  await host.exited;
  host = await app.startHost();
  await subscribe();
  // The platform gives the message back after ten minutes; the lease has lapsed after five.
  sandbox.ctx.clock.advance(11 * 60_000);
  await until('the new version', async () => (await runbook.run(id)).to?.version);
  // The vault's event may have met nobody: then the sweep goes on with the run.
  sandbox.ctx.clock.advance(10 * 60_000);
  await until('the end of the run', async () => rotated(await runbook.run(id)) || undefined);
  await seeThrough([object], steps);
}

test('a host that is killed while it sets the password is followed by one that finishes', async () => {
  const object = seedSqlServer(sandbox, 'killed-set', { expiresInMs: 90 * DAY });
  sandbox.ctx.traffic.clear();
  sandbox.ctx.faults.add({ system: 'tds', match: '^ALTER LOGIN', times: 1, action: { delayMs: 1000 } });
  const id = await runbook.start(object.name);
  await until('the log-in of the administrator', async () => {
    return sandbox.ctx.traffic.entries.some(({ operation }) => operation === 'LOGIN <token>') || undefined;
  });
  host.kill();
  await takeOver(object, id, STEPS);
});

test('a host that is killed by its write of the new version is followed by one that takes it over', async () => {
  const object = seedSqlServer(sandbox, 'killed-finish', { expiresInMs: 90 * DAY });
  // The write comes true, and nobody hears of it.
  sandbox.ctx.faults.add({
    system: 'vault',
    match: `^PUT /secrets/${object.name}`,
    times: 1,
    action: { drop: 'after' },
  });
  const stop = sandbox.vault.onVersion(({ secret }) => {
    if (secret.name === object.name) host.kill();
  });
  const id = await runbook.start(object.name);
  await host.exited;
  stop();
  await takeOver(
    object,
    id,
    STEPS.filter((step) => step !== 'set' && step !== 'test'),
  );
  const finish = (await runbook.run(id)).steps.find(({ step }) => step === 'finish');
  expect(finish?.detail).toContain('interruption');
});
