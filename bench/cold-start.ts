/**
 * Cold start: from the start of the process until the app's functions are indexed, the built app against the least app
 * that there can be, and both against the same process without an app.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'rolldown';
import { Samples, type Spread } from './statistics.ts';

const ROOT = resolve(import.meta.dirname, '..');
const BARE = join(ROOT, 'test/fixtures/bare-app');

export interface ColdStart {
  /** Node and the loader, no app. In both of the others, too. */
  readonly noAppMs: Spread;
  readonly bareMs: Spread;
  readonly builtMs: Spread;
  /** Built by bare, from the start of the process. */
  readonly ratio: number;
  /** Loading the entry alone, timed inside the process: nothing that both share is in it. */
  readonly bareEntryMs: Spread;
  readonly builtEntryMs: Spread;
  readonly entryRatio: number;
}

/** Starts each of the three `runs` times, in turns, so that a busy machine disturbs them all alike. */
export async function measureColdStart(builtDir: string, runs: number): Promise<ColdStart> {
  const dir = await mkdtemp(join(tmpdir(), 'keyturn-bench-'));
  try {
    const loader = await bundleLoader(dir);
    const apps = { noApp: undefined, bare: BARE, built: resolve(builtDir) } as const;
    const names = Object.keys(apps) as (keyof typeof apps)[];
    const samples = new Samples<keyof typeof apps>();
    const entries = new Samples<keyof typeof apps>();
    // Once unmeasured: the files are in the page cache of the system from then on.
    for (const name of names) await startOnce(loader, apps[name]);
    for (let run = 0; run < runs; run += 1) {
      for (const name of run % 2 === 0 ? names : names.toReversed()) {
        const start = await startOnce(loader, apps[name]);
        samples.add(name, start.ms);
        entries.add(name, start.entryMs);
      }
    }
    const [bareMs, builtMs] = [samples.spread('bare'), samples.spread('built')];
    const [bareEntryMs, builtEntryMs] = [entries.spread('bare'), entries.spread('built')];
    return {
      ...{ noAppMs: samples.spread('noApp'), bareMs, builtMs, bareEntryMs, builtEntryMs },
      ratio: builtMs.median / bareMs.median,
      entryRatio: builtEntryMs.median / bareEntryMs.median,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function bundleLoader(dir: string): Promise<string> {
  await build({
    input: join(import.meta.dirname, 'loader.ts'),
    platform: 'node',
    output: { dir, format: 'esm', entryFileNames: 'loader.mjs' },
    logLevel: 'warn',
  });
  return join(dir, 'loader.mjs');
}

interface Start {
  /** From the spawn to the message. */
  readonly ms: number;
  /** Of that, loading the app. */
  readonly entryMs: number;
}

/** @throws with what the process wrote when it ends without one */
async function startOnce(loader: string, appDir: string | undefined): Promise<Start> {
  const began = performance.now();
  const child = spawn(process.execPath, [loader, ...(appDir === undefined ? [] : [appDir])], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let wrote = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (wrote += text));
  const closed = once(child, 'close').then(() => undefined);
  const told = once(child, 'message').then(([message]) => ({
    entryMs: (message as Start).entryMs,
    ms: performance.now() - began,
  }));
  const first = await Promise.race([told, closed]);
  await closed;
  if (first === undefined) throw new Error(`${appDir ?? 'the loader'} could not be started:\n${wrote}`);
  return first;
}
