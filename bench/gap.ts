/** How long a single account's readers have nothing that works: from the change of its password to the new version. */
import type { TrafficEntry } from '../sandbox/traffic.ts';
import { SINGLE } from './seed.ts';
import type { Stage } from './stage.ts';
import { spread, type Spread } from './statistics.ts';

const WARM_UP = 3;

export interface Gap {
  readonly rotator: (typeof SINGLE)[number];
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
  for (const rotator of SINGLE) gaps.push(await gapOf(stage, rotator, rounds));
  return gaps;
}

async function gapOf(stage: Stage, rotator: Gap['rotator'], rounds: number): Promise<Gap> {
  const object = await stage.secret(rotator, `gap-${rotator}`);
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
      if (run >= WARM_UP) seen.push({ entries: gapIn(entries, object.name), wholeMs });
    });
  }
  const gapMs = spread(seen.map(({ entries }) => timeOf(entries.at(-1)) - timeOf(entries[0])));
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
  const from = own.findIndex(({ operation }) => /^ALTER (?:ROLE|LOGIN)/.test(operation));
  const to = own.findIndex(({ operation }) => operation === `PUT /secrets/${name}`);
  if (from < 0 || to < from) throw new Error('a rotation changed no password, or wrote no version after it');
  return own.slice(from, to + 1);
}

function timeOf(entry: TrafficEntry | undefined): number {
  return Date.parse(entry?.at ?? '');
}
