/** How long a single account's readers have nothing that works: from the change of its password to the new version. */
import type { TrafficEntry } from '../sandbox/traffic.ts';
import type { ObjectRef } from '../src/rotation/ports.ts';
import type { MysqlService } from '../sandbox/mysql/mysql.ts';
import type { Stage } from './stage.ts';
import { spread, type Spread } from './statistics.ts';

const WARM_UP = 3;

export interface Gap {
  readonly rotator: string;
  /** After the password was changed, up to and including the vault's write; the most of all rounds. */
  readonly calls: number;
  readonly operations: readonly string[];
  /** Between the two, as the servers' side saw them, to the millisecond. */
  readonly gapMs: Spread;
  /** The gap's part of the whole rotation, median by median. */
  readonly share: number;
}

export async function measureGaps(stage: Stage, rounds: number): Promise<readonly Gap[]> {
  const gaps: Gap[] = [];
  for (const rotator of ['postgres-single', 'sql-server-single'] as const) {
    gaps.push(await gapOf(stage, { rotator, object: await stage.secret(rotator, `gap-${rotator}`) }, rounds));
  }
  const { mariaDb, mysql8 } = stage;
  if (mariaDb !== undefined) {
    const object = await stage.secret('mysql-single', 'gap-mariadb');
    gaps.push(await gapOf(stage, { rotator: 'mysql-single', object, server: mariaDb }, rounds));
  }
  if (mysql8 !== undefined) {
    const object = await stage.secretOnMysql8(mysql8, 'gap-mysql');
    gaps.push(await gapOf(stage, { rotator: '… on MySQL 8', object, server: mysql8 }, rounds));
  }
  return gaps;
}

interface Subject {
  readonly rotator: string;
  readonly object: ObjectRef;
  /** Where the value before may log in through the whole rotation. */
  readonly server?: MysqlService;
}

async function gapOf(stage: Stage, { rotator, object, server }: Subject, rounds: number): Promise<Gap> {
  const seen: { readonly entries: readonly TrafficEntry[]; readonly wholeMs: number }[] = [];
  for (let run = 0; run < WARM_UP + rounds; run += 1) {
    await stage.run(object, async (phase, work) => {
      if (phase !== 'rotation') return work();
      const began = performance.now();
      let wholeMs = 0;
      const entries = await stage.traffic(async () => {
        await work();
        wholeMs = performance.now() - began;
      });
      const none = server !== undefined && (await logsIn(server, stage.valueBefore(object.name)));
      if (run >= WARM_UP) seen.push({ entries: none ? [] : gapIn(entries, object.name), wholeMs });
    });
  }
  const gapMs = spread(
    seen.map(({ entries }) => (entries.length === 0 ? 0 : timeOf(entries.at(-1)) - timeOf(entries[0]))),
  );
  const [longest = []] = seen.map(({ entries }) => entries.slice(1)).toSorted((a, b) => b.length - a.length);
  return {
    rotator,
    calls: longest.length,
    operations: longest.map(({ system, operation, outcome }) => `${system} ${operation} → ${outcome}`),
    gapMs,
    share: gapMs.median / spread(seen.map(({ wholeMs }) => wholeMs)).median,
  };
}

/** From the statement that changes the password to the write of the version, both included. */
function gapIn(entries: readonly TrafficEntry[], name: string): readonly TrafficEntry[] {
  const own = entries.filter(({ system }) => system !== 'identity');
  const from = own.findIndex(({ operation }) => /^ALTER (?:ROLE|LOGIN|USER)/.test(operation));
  const to = own.findIndex(({ operation }) => operation === `PUT /secrets/${name}`);
  if (from < 0 || to < from) throw new Error('a rotation changed no password, or wrote no version after it');
  return own.slice(from, to + 1);
}

/** Nothing in the system tells whether a password was kept; a log-in with it does. */
function logsIn(server: MysqlService, value: string): Promise<boolean> {
  const { username, password } = new URL(value);
  return server.authenticates(username, decodeURIComponent(password));
}

function timeOf(entry: TrafficEntry | undefined): number {
  return Date.parse(entry?.at ?? '');
}
