/**
 * Measures the half of a cold start that an app can do something about: from the start of the process until the
 * app's functions are indexed. Nothing is triggered, and nothing but the app's own entry is loaded.
 */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { spawnHost } from './host.ts';
import { createKeys } from './keys.ts';
import type { HostMessage } from './messages.ts';
import { RunningHost } from './running.ts';

export interface ColdStart {
  readonly functions: readonly string[];
  /** From spawn until the names are known. */
  readonly totalMs: number;
  /** The app's own share of it: running its entry. */
  readonly loadMs: number;
}

/** One start. Rejects with what the process wrote when the app cannot be loaded or registers nothing. */
export async function indexApp(appDir: string): Promise<ColdStart> {
  const began = performance.now();
  const options = {
    appDir: resolve(appDir),
    port: 0,
    pollMs: 0,
    keys: createKeys(),
    tellAnswers: false,
    indexOnly: true,
  };
  const child = spawnHost(options, {});
  const running = new RunningHost(child);
  const indexed = once(child, 'message').then(([message]) => ({
    message: message as HostMessage,
    totalMs: performance.now() - began,
  }));
  const first = await Promise.race([indexed, running.exited]);
  await running.exited;
  if (first?.message.type !== 'indexed') throw new Error(`${appDir} could not be loaded:\n${running.output}`);
  const { functions, loadMs } = first.message;
  return { functions, loadMs, totalMs: first.totalMs };
}

/** Medians of `runs` starts of each app, taken in turns so that a busy machine disturbs them all alike. */
export async function measureColdStarts(appDirs: readonly string[], runs: number): Promise<readonly ColdStart[]> {
  const taken: ColdStart[][] = appDirs.map(() => []);
  for (let run = 0; run < runs; run += 1) {
    for (const [i, appDir] of appDirs.entries()) taken[i]?.push(await indexApp(appDir));
  }
  return taken.map((starts) => ({
    functions: starts[0]?.functions ?? [],
    totalMs: median(starts.map((start) => start.totalMs)),
    loadMs: median(starts.map((start) => start.loadMs)),
  }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
