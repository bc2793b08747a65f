/** Memory of a host's process: with a bare app, with the built app idle, and after it has rotated. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Host } from '../sandbox/host/host.ts';
import { ROTATORS, seed } from './seed.ts';
import { VAULT, type Stage } from './stage.ts';
import { spread } from './statistics.ts';

const ROOT = resolve(import.meta.dirname, '..');
const NEAR_EXPIRY_MS = 20 * 24 * 3600_000;
const SETTLE_MS = 2_000;
const LOOKS = 5;
const LONGEST_MS = 180_000;
const MB = 1024 * 1024;

export interface Memory {
  readonly bareMb: number;
  /** A bare app with one queue trigger: in the sandbox the host's own storage client runs in the same process. */
  readonly bareQueueMb: number;
  readonly idleMb: number;
  readonly afterMb: number;
  readonly rotations: number;
  /** By the bare app's. */
  readonly idleRatio: number;
  readonly afterRatio: number;
  /** By the bare app's with a queue trigger: what is the app's own doing. */
  readonly idleOwnRatio: number;
  readonly afterOwnRatio: number;
}

export async function measureMemory(stage: Stage, builtDir: string, rotations: number): Promise<Memory> {
  const bareMb = await alone(stage, join(ROOT, 'test/fixtures/bare-app'));
  const bareQueueMb = await alone(stage, join(ROOT, 'bench/queue-app'));
  const host = await stage.sandbox.startHost({ appDir: builtDir });
  try {
    const idleMb = await settled(host);
    await rotateMany(stage, host, rotations);
    const afterMb = await settled(host);
    return {
      ...{ bareMb, bareQueueMb, idleMb, afterMb, rotations },
      idleRatio: idleMb / bareMb,
      afterRatio: afterMb / bareMb,
      idleOwnRatio: idleMb / bareQueueMb,
      afterOwnRatio: afterMb / bareQueueMb,
    };
  } finally {
    await host.stop();
  }
}

async function alone(stage: Stage, appDir: string): Promise<number> {
  const host = await stage.sandbox.startHost({ appDir });
  try {
    return await settled(host);
  } finally {
    await host.stop();
  }
}

/** All kinds in turn; the events come as they come in Azure. Resolves when each rotation is announced, too. */
async function rotateMany(stage: Stage, host: Host, rotations: number): Promise<void> {
  const { sandbox } = stage;
  sandbox.topic.clear();
  const announced = (): number =>
    sandbox.topic.received.filter(({ data }) => (data as { rotationId?: string }).rotationId !== undefined).length;
  const all = host.next(() => announced() >= rotations);
  const late = new AbortController();
  const tooLate = pause(LONGEST_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`only ${announced()} of ${rotations} rotations ended within ${LONGEST_MS / 1000} s`);
  });
  try {
    await sandbox.subscribe(host);
    for (let n = 0; n < rotations; n += 1) {
      const rotator = ROTATORS[n % ROTATORS.length] ?? 'postgres';
      await seed(sandbox, rotator, `memory-${n}`, { vault: VAULT, expiresInMs: NEAR_EXPIRY_MS });
    }
    await Promise.race([all, tooLate]);
  } finally {
    late.abort();
    await tooLate.catch(() => undefined);
  }
}

/** The median of some looks, after the process had time to give back what it does not need. */
async function settled(host: Host): Promise<number> {
  await pause(SETTLE_MS);
  const looks: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    looks.push(await residentMb(host.pid));
    await pause(200);
  }
  return spread(looks).median;
}

async function residentMb(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / MB;
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return (Number(stdout) * 1024) / MB;
}
