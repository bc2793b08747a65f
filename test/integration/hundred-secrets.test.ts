/**
 * A hundred managed secrets, two processes of the built app on one Azurite, every event five times in random order, and
 * readers that log in without pause. Each secret is rotated exactly once, nobody is refused, nothing is left over.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { FleetReaders, seedFleet } from '../support/fleet.ts';
import { DAY, OVERLAP_MS, valuesOf, type ManagedObject } from '../support/managed.ts';
import { retired, rotated, Runbook, type ShownRun } from '../support/runbook.ts';
import { until } from '../support/until.ts';

const COUNTS = { postgres: 40, sqlServer: 40, storage: 20 };
const ALL = COUNTS.postgres + COUNTS.sqlServer + COUNTS.storage;
const READERS = 4;
const LIMIT_MS = 600_000;

let app: BuiltApp;
let sandbox: Sandbox;
let hosts: readonly Host[];

beforeAll(async () => {
  app = await startBuiltApp();
  ({ sandbox } = app);
  hosts = [await app.startHost(), await app.startHost({ 'AzureWebJobs.sweep.Disabled': 'true' })];
  await deliver('near', 'Microsoft.KeyVault.SecretNearExpiry');
});

afterAll(() => sandbox.stop());

/** Three deliveries of each event to the one process and two to the other, out of order within two seconds. */
async function deliver(name: string, type: string): Promise<void> {
  for (const [n, host] of hosts.entries()) {
    await sandbox.subscribe(host, {
      name: `${name}-${n}`,
      includedEventTypes: [type],
      duplicates: n === 0 ? 3 : 2,
      disorder: { windowMs: 2000 },
    });
  }
}

const runbook = new Runbook(() => {
  const [first] = hosts;
  if (first === undefined) throw new Error('no host runs');
  return first;
});

/** Waits for so many runs, all of them as wanted. */
async function allRuns(what: string, wanted: (run: ShownRun) => boolean): Promise<readonly ShownRun[]> {
  let seen: readonly ShownRun[] = [];
  return until(
    `${ALL} runs ${what}`,
    async () => {
      seen = await runbook.runs();
      const bad = seen.find(({ state }) => state === 'blocked' || state === 'cancelled');
      if (bad !== undefined) throw new Error(`${bad.object.name} is ${bad.state}: ${JSON.stringify(bad.blocked)}`);
      return seen.length >= ALL && seen.every(wanted) ? seen : undefined;
    },
    { timeoutMs: LIMIT_MS, everyMs: 1000, state: () => tally(seen.map(({ state, step }) => `${state} ${step}`)) },
  );
}

function tally(items: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

/** How often the systems were told to change a credential; each once so far if nothing was done twice. */
function changes(): Record<string, number> {
  return tally(
    sandbox.ctx.traffic.entries
      .filter(({ operation }) => /^ALTER (LOGIN|ROLE)|regenerateKey$/.test(operation))
      .map(({ system }) => system),
  );
}

async function checkRotated(objects: readonly ManagedObject[], runs: readonly ShownRun[]): Promise<void> {
  const journal = await app.journal();
  expect(runs).toHaveLength(ALL);
  for (const object of objects) {
    const { name, slots } = object;
    const [before, after, ...more] = sandbox.vault.peek('kv', name);
    expect(more, `${name}: one new version`).toEqual([]);
    expect(after, `${name}: a new version`).toBeDefined();
    expect(
      runs.filter((run) => run.object.name === name),
      `${name}: one run`,
    ).toHaveLength(1);
    const row = journal.get(name);
    expect([...(row?.owns?.slots ?? [])].sort(), `${name}: the journal names both slots`).toEqual([...slots].sort());
    expect(row?.run, name).toMatchObject({
      from: { version: before?.id, slot: slots[0] },
      to: { version: after?.id, slot: slots[1] },
    });
    expect(await accepted(object), `${name}: old and new value log in`).toEqual([`0 ${slots[0]}`, `1 ${slots[1]}`]);
  }
}

/** Which of the values that were ever in the vault are accepted, and as whom. */
async function accepted(object: ManagedObject): Promise<string[]> {
  const found: string[] = [];
  for (const [n, value] of valuesOf(sandbox, object).entries()) {
    for (const slot of object.slots) if (await object.accepts(slot, object.secretOf(value))) found.push(`${n} ${slot}`);
  }
  return found;
}

async function queuesAreEmpty(): Promise<void> {
  await until(
    'the end of all messages',
    async () => {
      // What was put back behind a lease comes when that has lapsed.
      sandbox.ctx.clock.advance(6 * 60_000);
      const left = (await app.queued('rotation')) + (await app.queued('propagation'));
      return left === 0 || undefined;
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
  for (const queue of ['rotation', 'propagation', 'vault-events']) expect(await app.queued(`${queue}-poison`)).toBe(0);
}

test(
  'a hundred secrets, two processes, every event five times: each is rotated exactly once',
  { timeout: LIMIT_MS },
  async () => {
    const began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);
    const objects = await seedFleet(sandbox, COUNTS);
    const readers = new FleetReaders(sandbox, objects);
    readers.start(READERS);
    // What seeding wrote is older than this subscription, which is to bring the versions that the app writes.
    await deliver('new', 'Microsoft.KeyVault.SecretNewVersionCreated');
    await readers.round();
    const quietAt = seconds();

    sandbox.ctx.traffic.clear();
    sandbox.ctx.clock.advance(2 * DAY);
    const runs = await allRuns('with an overlap', rotated);
    await sandbox.eventgrid.idle();
    await sandbox.postgres.settled();
    const rotatedAt = seconds();
    const delivered = sandbox.eventgrid.deliveries().map(({ eventTypes }) => eventTypes.join());
    expect(tally(delivered), 'each event was delivered five times').toEqual({
      'Microsoft.KeyVault.SecretNearExpiry': 5 * ALL,
      'Microsoft.KeyVault.SecretNewVersionCreated': 5 * ALL,
    });
    await checkRotated(objects, runs);
    expect(changes(), 'each idle credential was set once').toEqual({ postgres: 40, tds: 40, arm: 20 });

    await readers.round();
    sandbox.ctx.clock.advance(OVERLAP_MS / 2 + 60_000);
    // Readers that keep a value for half the overlap have let go of the old one when it is over.
    await readers.another();
    sandbox.ctx.clock.advance(OVERLAP_MS / 2);
    await allRuns('retired', retired);
    const retiredAt = seconds();
    await readers.round();
    await readers.stop();
    await queuesAreEmpty();
    await sandbox.postgres.settled();

    expect(changes(), 'each old credential was revoked once').toEqual({ postgres: 80, tds: 80, arm: 40 });
    expect(await runbook.runs()).toHaveLength(ALL);
    for (const object of objects) {
      expect(valuesOf(sandbox, object), `${object.name}: no further version`).toHaveLength(2);
      expect(await accepted(object), `${object.name}: only the current value logs in`).toEqual([
        `1 ${object.slots[1]}`,
      ]);
    }
    expect(hosts.flatMap(failuresOf)).toEqual([]);
    const workers = hosts.map(
      ({ invocations }) => invocations.filter(({ functionName }) => functionName === 'rotate').length,
    );
    console.log(
      `${ALL} secrets, ${runs.length} rotations; ${readers.ok} log-ins of ${READERS} readers, ${readers.failures.length} failed; ` +
        `${workers.join(' + ')} messages worked on by two processes; ` +
        `quiet after ${quietAt} s, rotated after ${rotatedAt} s, retired after ${retiredAt} s, over after ${seconds()} s`,
    );
    expect(readers.failures, 'failed log-ins of readers').toEqual([]);
    expect(readers.ok).toBeGreaterThan(READERS * ALL);
  },
);
