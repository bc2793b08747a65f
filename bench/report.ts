/** The figures as text, a line for each. bench/README.md says what each of them means. */
import type { Calls } from './calls.ts';
import type { ColdStart } from './cold-start.ts';
import type { Gap } from './gap.ts';
import type { Memory } from './memory.ts';
import type { RotationCost } from './rotation.ts';
import type { Spread } from './statistics.ts';

export const LIMITS = { coldStart: 1.5, rotation: 1.5, calls: 10, gapCalls: 3 } as const;

export interface Report {
  readonly node: string;
  readonly quick: boolean;
  readonly limits: typeof LIMITS;
  readonly coldStart: ColdStart;
  readonly rotation: RotationCost;
  readonly calls: readonly Calls[];
  readonly gaps: readonly Gap[];
  readonly memory: Memory;
}

export function coldStartText(cost: ColdStart): string {
  const { noAppMs, bareMs, builtMs, bareEntryMs, builtEntryMs, ratio, entryRatio } = cost;
  return text('Cold start: from the start of the process until the functions are indexed', [
    ['no app', ms(noAppMs)],
    ['bare app', ms(bareMs)],
    ['built app', ms(builtMs)],
    ['built / bare', `${times(ratio)}${limit(ratio, LIMITS.coldStart)}`],
    ['bare entry alone', ms(bareEntryMs)],
    ['built entry alone', ms(builtEntryMs)],
    ['built / bare', times(entryRatio)],
  ]);
}

export function rotationText(cost: RotationCost): string {
  const { engineMs, floorMs, ratio, pairRatio, engineCalls, floorCalls } = cost;
  return text('PostgreSQL rotation: warm, in one process', [
    ['engine', `${ms(engineMs)}, ${engineCalls} remote calls`],
    ['floor', `${ms(floorMs)}, ${floorCalls} remote calls`],
    ['engine / floor', `${times(ratio)}${limit(ratio, LIMITS.rotation)}`],
    ['pair by pair', `${times(pairRatio.median)}   (${times(pairRatio.low)} to ${times(pairRatio.high)})`],
  ]);
}

export function callsText(calls: readonly Calls[]): string {
  return text(
    'Remote calls, counted at the servers',
    calls.map(({ rotator, rotation, firstRotation, refresh, retirement }) => [
      rotator,
      `rotation ${rotation}${limit(rotation, LIMITS.calls)}, the very first ${firstRotation}, refresh ${refresh}, retirement ${retirement}`,
    ]),
  );
}

export function gapsText(gaps: readonly Gap[], missing: readonly string[]): string {
  return text('The gap of a single account: from the change of its password to the new version in the vault', [
    ...gaps.map(({ rotator, calls, gapMs, share }): [string, string] => [
      rotator,
      `${calls} remote calls${limit(calls, LIMITS.gapCalls)}, ${ms(gapMs)}, ${(share * 100).toFixed(0)}% of the rotation`,
    ]),
    ...missing.map((what): [string, string] => [what, 'NOT MEASURED: this machine has none']),
  ]);
}

export function memoryText(memory: Memory): string {
  const { bareMb, bareQueueMb, idleMb, afterMb, rotations, ...ratio } = memory;
  const line = (mb: number, whole: number, own: number): string =>
    `${mb.toFixed(0)} MB, ${times(whole)} the bare app, ${times(own)} the one with a queue trigger`;
  return text("Memory: resident set of the host's process", [
    ['bare app', `${bareMb.toFixed(0)} MB`],
    ['with a queue trigger', `${bareQueueMb.toFixed(0)} MB`],
    ['built app, idle', line(idleMb, ratio.idleRatio, ratio.idleOwnRatio)],
    [`after ${rotations} rotations`, line(afterMb, ratio.afterRatio, ratio.afterOwnRatio)],
  ]);
}

function text(title: string, lines: readonly (readonly [string, string])[]): string {
  return `\n${title}\n${lines.map(([name, value]) => `  ${name.padEnd(20)} ${value}`).join('\n')}`;
}

function ms({ median, low, high, samples }: Spread): string {
  return `${median.toFixed(1)} ms   (${low.toFixed(1)} to ${high.toFixed(1)} in half of ${samples})`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

function limit(value: number, most: number): string {
  return value <= most ? ` (at most ${most})` : ` ABOVE ${most}`;
}
