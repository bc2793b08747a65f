/**
 * `npm run demo`: three secrets near their expiry are rotated while readers log in without pause; then the overlap passes
 * and the old credentials are refused. Exits 0 only when every promise held. `-- --json` prints one JSON object instead.
 */
import { parseArgs } from 'node:util';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { TrafficEntry } from '../traffic.ts';
import { seedObjects, READER, type DemoObject, type Held } from './objects.ts';
import { Readers } from './readers.ts';
import { Watch, type ShownRun } from './watch.ts';

const HALF_OVERLAP_MS = 12.5 * 3600_000;
const FEWEST_LOGINS = 200;

const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } });

interface Report {
  readonly rotations: readonly Row[];
  /** All that the service called, journal and queues included, until the retirements were scheduled. */
  readonly remoteCalls: number;
  readonly reader: { readonly ok: number; readonly failed: number };
  readonly promises: Readonly<Record<string, boolean>>;
}

interface Row {
  readonly object: string;
  readonly rotator: string;
  readonly credential: string;
  readonly version: string;
  readonly durationMs: number;
  readonly remoteCalls: number;
  readonly readerOk: number;
  readonly readerFailed: number;
}

const say = (line = ''): void => {
  if (!flags.json) console.log(line);
};

if (flags.help) {
  console.log(
    'npm run demo              rotates three secrets on real servers, live\nnpm run demo -- --json    prints one JSON object: {rotations, reader, promises}',
  );
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  say('Starting PostgreSQL, Azurite, Key Vault, ARM, SQL Server (TDS), Event Grid and the Functions host …');
  const sandbox = await startSandbox();
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
  const host = await sandbox.startHost({ appDir: 'package' });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
  sandbox.ctx.traffic.clear();
  const objects = await seedObjects(sandbox);
  const readers = new Readers(sandbox);
  const before = new Map<string, Held>();
  for (const { name } of objects) before.set(name, await readers.read(name));
  readers.start(objects);
  say(
    `Three secrets expire in 20 days. Key Vault's events arrive twice and out of order; ${objects.length * 2} readers log in without pause.\n`,
  );
  const watch = new Watch(host, say);
  const all = (runs: readonly ShownRun[], test: (run: ShownRun) => boolean): boolean =>
    runs.length >= objects.length && runs.every(test);
  const rotated = await watch.until((runs) => all(runs, (run) => run.step === 'confirm'));
  await sandbox.postgres.settled();
  const calls = callsPerObject(sandbox, objects);
  const remoteCalls = sandbox.ctx.traffic.entries.filter(isService).length;
  const oldStillWork = await every(objects, (object) => logsIn(object, before.get(object.name)));
  say('\nAll three are rotated. The old credentials are still valid: their overlap of 24 hours has begun.');
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
  const oldRefused = await every(objects, async (object) => !(await logsIn(object, before.get(object.name))));
  const currentWork = await every(objects, async (object) => logsIn(object, await readers.read(object.name)));
  const { ok, failed } = readers.total;
  for (const [, tally] of readers.tallies) for (const failure of tally.failures.slice(0, 3)) say(`failed: ${failure}`);
  return {
    rotations: objects.map((object) => row(object, rotated, calls, readers)),
    remoteCalls,
    reader: { ok, failed },
    promises: {
      'the current version logs in at every moment': failed === 0 && ok >= FEWEST_LOGINS,
      'the current version logs in at the end': currentWork,
      'the old credential is valid until its overlap is over': oldStillWork,
      'the old credential is refused at the end': oldRefused,
      'each version is rotated once, though every event came twice': objects.every(
        ({ name }) =>
          sandbox.vault.peek('kv', name).length === 2 && retired.filter((r) => r.object.name === name).length === 1,
      ),
      'no value is in log, ledger or announcement': await silent(sandbox, host.output(), retired),
    },
  };
}

function row(object: DemoObject, runs: readonly ShownRun[], calls: ReadonlyMap<string, number>, readers: Readers): Row {
  const run = runs.find((one) => one.object.name === object.name);
  const tally = readers.tallies.get(object.name);
  const finish = run?.steps.find((step) => step.step === 'finish');
  const end = finish === undefined ? 0 : Date.parse(finish.at) + finish.ms;
  return {
    object: object.name,
    rotator: object.rotator,
    credential: `${run?.from?.slot ?? '?'} → ${run?.to?.slot ?? '?'}`,
    version: `${(run?.from?.version ?? '?').slice(0, 8)} → ${(run?.to?.version ?? '?').slice(0, 8)}`,
    durationMs: end - Date.parse(run?.startedAt ?? ''),
    remoteCalls: calls.get(object.name) ?? 0,
    readerOk: tally?.ok ?? 0,
    readerFailed: tally?.failed ?? 0,
  };
}

/** Not a reader's, not Event Grid's, not the platform's own polling of its queues. */
function isService({ system, operation, client }: TrafficEntry): boolean {
  if (client?.includes(READER) || operation.includes(READER)) return false;
  if (system === 'eventgrid' || system === 'identity') return false;
  return system !== 'queues' || operation.startsWith('POST');
}

/** What the service called in the vault and in the system for each object, until its retirement was scheduled, counted there. */
function callsPerObject(sandbox: Sandbox, objects: readonly DemoObject[]): ReadonlyMap<string, number> {
  const systems: Readonly<Record<string, readonly string[]>> = {
    postgres: ['postgres'],
    'sql-server': ['tds'],
    'storage-account': ['arm', 'blob'],
  };
  return new Map(
    objects.map(({ name, rotator }) => {
      const own = sandbox.ctx.traffic.entries.filter((entry) => {
        if (!isService(entry)) return false;
        return (
          (systems[rotator]?.includes(entry.system) ?? false) ||
          (entry.system === 'vault' && entry.operation.includes(name))
        );
      });
      return [name, own.length];
    }),
  );
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
  say(
    '\nobject        rotator          credential              version              ms to new version  calls*  log-ins ok/failed',
  );
  for (const r of report.rotations) {
    say(
      `${r.object.padEnd(13)} ${r.rotator.padEnd(16)} ${r.credential.padEnd(23)} ${r.version.padEnd(20)} ${String(r.durationMs).padStart(17)}  ${String(r.remoteCalls).padStart(6)}  ${r.readerOk}/${r.readerFailed}`,
    );
  }
  say('* to the vault and the system, first calls of a fresh process included');
  say(`\n${report.remoteCalls} remote calls in all, journal and queues included.`);
  say(`${report.reader.ok} log-ins by readers, ${report.reader.failed} failed.`);
  for (const [promise, kept] of Object.entries(report.promises)) say(`${kept ? 'kept  ' : 'BROKEN'}  ${promise}`);
}
