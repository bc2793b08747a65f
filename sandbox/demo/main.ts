/**
 * `npm run demo`: three secrets near their expiry are rotated while readers log in without pause; then the overlap passes
 * and the old credentials are refused. Exits 0 only when every promise held. `-- --json` prints one JSON object instead.
 */
import { parseArgs } from 'node:util';
import { partsHere } from '../parts.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { TrafficEntry } from '../traffic.ts';
import { seedTheOthers } from './all.ts';
import { certificates } from './certificates.ts';
import { bringKeyNearExpiry, seedVaultKey } from './key.ts';
import { seedObjects, READER, type DemoObject, type Held } from './objects.ts';
import { Readers } from './readers.ts';
import { Watch, type ShownRun } from './watch.ts';

const HALF_OVERLAP_MS = 12.5 * 3600_000;
const FEWEST_LOGINS = 200;

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean' },
    all: { type: 'boolean' },
    certificates: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

interface Report {
  readonly rotations: readonly Row[];
  /** All that the service called, journal and queues included, until the retirements were scheduled. */
  readonly remoteCalls: number;
  /** `inGap`: refused between the change of a single account's password and its new version, and let in with that. */
  readonly reader: { readonly ok: number; readonly failed: number; readonly inGap: number };
  readonly promises: Readonly<Record<string, boolean>>;
}

interface Row {
  readonly object: string;
  readonly rotator: string;
  readonly credential: string;
  readonly version: string;
  readonly durationMs: number;
  /** Absent where several objects share the system. */
  readonly remoteCalls?: number;
  readonly readerOk: number;
  readonly readerFailed: number;
}

const say = (line = ''): void => {
  if (!flags.json) console.log(line);
};

if (flags.help) {
  console.log(
    'npm run demo                    rotates three secrets on real servers, live\n' +
      'npm run demo -- --all           rotates one secret of every kind, and a key\n' +
      'npm run demo -- --certificates  renews two certificates, and everybody serves the new ones\n' +
      'npm run demo -- --json          prints one JSON object: {rotations, reader, promises}, or {consumers, client, promises}',
  );
} else {
  process.exitCode = flags.certificates ? await certificates(say, flags.json === true) : await main();
}

async function main(): Promise<number> {
  say('Starting PostgreSQL, Azurite, Key Vault, ARM, SQL Server (TDS), Event Grid and the Functions host …');
  const sandbox = await startSandbox(flags.all ? { parts: partsHere() } : {});
  try {
    const report = await demonstrate(sandbox);
    if (flags.json) console.log(JSON.stringify(report, undefined, 2));
    else tell(report);
    return Object.values(report.promises).every(Boolean) ? 0 : 1;
  } finally {
    await sandbox.stop();
  }
}

async function demonstrate(sandbox: Sandbox): Promise<Report> {
  const keys = flags.all ? [seedVaultKey(sandbox)] : [];
  const host = await sandbox.startHost({ appDir: 'package' });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
  sandbox.ctx.traffic.clear();
  if (keys.length > 0) bringKeyNearExpiry(sandbox);
  const three = await seedObjects(sandbox);
  const objects = flags.all ? [...three, ...(await seedTheOthers(sandbox)), ...keys] : three;
  const readers = new Readers(sandbox);
  const before = new Map<string, Held>();
  for (const object of objects) before.set(object.name, await readers.read(object));
  readers.start(objects);
  say(
    `${flags.all ? `${objects.length - 1} secrets and a key come near their expiry` : 'Three secrets expire in 20 days'}. Key Vault's events arrive twice and out of order; ${readers.count} readers log in without pause.\n`,
  );
  const watch = new Watch(
    host,
    say,
    objects.map(({ name }) => name),
  );
  const all = (runs: readonly ShownRun[], test: (run: ShownRun) => boolean, of = objects): boolean =>
    of.every(({ name }) => runs.some((run) => run.object.name === name)) && runs.every(test);
  const isRotated = ({ step }: ShownRun): boolean => step === 'confirm' || step === 'done';
  const first = objects.filter((object) => !object.follows);
  await watch.until((runs) => all(runs, isRotated, first));
  // What is computed from others is found by the sweep, which comes by itself every five minutes.
  if (first.length < objects.length) await host.invoke('sweep');
  const rotated = await watch.until((runs) => all(runs, isRotated));
  await sandbox.postgres.settled();
  const calls = callsPerObject(sandbox, objects);
  const remoteCalls = sandbox.ctx.traffic.entries.filter(isService).length;
  const overlapping = objects.filter((object) => !object.inPlace);
  const oldStillWork = await every(overlapping, (object) => logsIn(object, before.get(object.name)));
  say(
    `\nAll ${flags.all ? objects.length : 'three'} are rotated. The old credentials are still valid: their overlap of 24 hours has begun.`,
  );
  await readers.another();
  sandbox.ctx.clock.advance(HALF_OVERLAP_MS);
  say('The clock moves on by half the overlap; readers that kept the old value ask the vault again.');
  await readers.another();
  sandbox.ctx.clock.advance(HALF_OVERLAP_MS);
  say('The overlap is over.\n');
  const retired = await watch.until((runs) => all(runs, (run) => run.state === 'done'));
  while (readers.total.ok + readers.total.failed < FEWEST_LOGINS) await readers.another();
  await readers.another();
  await readers.stop();
  const revoked = objects.filter((object) => !object.notRevoked);
  const oldRefused = await every(revoked, async (object) => !(await logsIn(object, before.get(object.name))));
  const currentWork = await every(objects, async (object) => logsIn(object, await readers.read(object)));
  const { ok, failed, inGap } = readers.total;
  for (const [, tally] of readers.tallies) for (const failure of tally.failures.slice(0, 3)) say(`failed: ${failure}`);
  return {
    rotations: objects.map((object) => row(object, rotated, calls, readers)),
    remoteCalls,
    reader: { ok, failed, inGap },
    promises: {
      'the current version logs in at every moment': failed === 0 && ok >= FEWEST_LOGINS,
      'the current version logs in at the end': currentWork,
      'the old credential is valid until its overlap is over': oldStillWork,
      'the old credential is refused at the end': oldRefused,
      'each version is rotated once, though every event came twice': objects.every(
        (object) =>
          versionsOf(sandbox, object) === 2 && retired.filter((r) => r.object.name === object.name).length === 1,
      ),
      ...(await promisesOfKeys(objects, before)),
      'no value is in log, ledger or announcement': await silent(sandbox, host.output(), retired),
    },
  };
}

/** Nothing where there is no key: the plain demo is about secrets. */
async function promisesOfKeys(
  objects: readonly DemoObject[],
  before: ReadonlyMap<string, Held>,
): Promise<Record<string, boolean>> {
  const keys = objects.filter(({ key }) => key !== undefined);
  if (keys.length === 0) return {};
  const opens = await every(keys, (object) => logsIn(object, before.get(object.name)));
  return {
    'every resource encrypts with the new version of its key': keys.every(({ key }) => key?.areOnNewest()),
    'what the old version of a key has wrapped is unwrapped at the end': opens,
  };
}

function versionsOf({ vault }: Sandbox, { name, key }: DemoObject): number {
  return (key === undefined ? vault.peek('kv', name) : vault.keys.peek('kv', name)).length;
}

function row(object: DemoObject, runs: readonly ShownRun[], calls: ReadonlyMap<string, number>, readers: Readers): Row {
  const run = runs.find((one) => one.object.name === object.name);
  const tally = readers.tallies.get(object.name);
  const finish = run?.steps.find((step) => step.step === 'finish');
  const end = finish === undefined ? 0 : Date.parse(finish.at) + finish.ms;
  return {
    object: object.name,
    rotator: object.rotator,
    credential: object.key ? `${object.key.users} users` : `${short(run?.from?.slot)} → ${short(run?.to?.slot)}`,
    version: `${(run?.from?.version ?? '?').slice(0, 8)} → ${(run?.to?.version ?? '?').slice(0, 8)}`,
    durationMs: end - Date.parse(run?.startedAt ?? ''),
    ...(calls.has(object.name) ? { remoteCalls: calls.get(object.name) ?? 0 } : {}),
    readerOk: tally?.ok ?? 0,
    readerFailed: tally?.failed ?? 0,
  };
}

/** The name of a credential, or the beginning of its id; a value with no name is just that. */
function short(slot: string | undefined): string {
  if (slot === '') return 'value';
  return slot === undefined ? '?' : slot.length > 20 ? `${slot.slice(0, 8)}…` : slot;
}

/** Not a reader's, not Event Grid's, not the platform's own polling of its queues. */
function isService({ system, operation, client }: TrafficEntry): boolean {
  if (client?.includes(READER) || operation.includes(READER)) return false;
  if (system === 'eventgrid' || system === 'identity') return false;
  return system !== 'queues' || operation.startsWith('POST');
}

/** What the service called in the vault and in the system for each object, until its retirement was scheduled, counted there. */
function callsPerObject(sandbox: Sandbox, objects: readonly DemoObject[]): ReadonlyMap<string, number> {
  const entries = sandbox.ctx.traffic.entries.filter(isService);
  const counted = new Map<string, number>();
  for (const { name, owns } of objects) {
    if (owns === undefined) continue;
    const inVault = ({ system, operation }: TrafficEntry): boolean =>
      system === 'vault' && new RegExp(`/(?:secrets|keys)/${name}(?:/|$)`).test(operation);
    counted.set(name, entries.filter((entry) => owns(entry) || inVault(entry)).length);
  }
  return counted;
}

async function logsIn(object: DemoObject, held: Held | undefined): Promise<boolean> {
  if (held === undefined) return false;
  try {
    await object.login(held);
    return true;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return false;
  }
}

async function every(objects: readonly DemoObject[], test: (object: DemoObject) => Promise<boolean>): Promise<boolean> {
  const results = await Promise.all(objects.map(test));
  return results.every(Boolean);
}

/** Searches what the service wrote for every value that the vault ever held. */
async function silent(sandbox: Sandbox, output: string, runs: readonly ShownRun[]): Promise<boolean> {
  const written = [
    output,
    JSON.stringify(runs),
    JSON.stringify(sandbox.topic.received),
    sandbox.postgres.log(),
    ...sandbox.tds.log,
  ].join('\n');
  return sandbox.vault.writtenValues().every((value) => !written.includes(value));
}

function tell(report: Report): void {
  const head = { object: 'object', rotator: 'rotator', credential: 'credential', version: 'version' };
  const rows = report.rotations.map((r) => ({
    ...{ object: r.object, rotator: r.rotator, credential: r.credential, version: r.version },
    ...{ ms: String(r.durationMs), calls: String(r.remoteCalls ?? '–'), logins: `${r.readerOk}/${r.readerFailed}` },
  }));
  const all = [{ ...head, ms: 'ms to new version', calls: 'calls*', logins: 'log-ins ok/failed' }, ...rows];
  const wide = (column: keyof (typeof all)[number]): number => Math.max(...all.map((row) => row[column].length));
  say();
  for (const row of all) {
    const left = (['object', 'rotator', 'credential', 'version'] as const).map((c) => row[c].padEnd(wide(c)));
    const right = (['ms', 'calls'] as const).map((c) => row[c].padStart(wide(c)));
    say([...left, ...right, row.logins].join('  '));
  }
  say('* to the vault and the system, first calls of a fresh process included');
  say(`\n${report.remoteCalls} remote calls in all, journal and queues included.`);
  const { ok, failed, inGap } = report.reader;
  say(`${ok} log-ins by readers, ${failed} failed.`);
  if (flags.all) {
    say(
      `${inGap} more were refused in the gap of a password that is replaced in place, and let in with the new version.`,
    );
  }
  for (const [promise, kept] of Object.entries(report.promises)) say(`${kept ? 'kept  ' : 'BROKEN'}  ${promise}`);
}
