/** Remote calls of a whole run, counted at the servers: each request, each log-in and each SQL statement is one. */
import type { TrafficEntry } from '../sandbox/traffic.ts';
import { ROTATORS, type RotatorKind } from './seed.ts';
import type { Phase, Stage } from './stage.ts';

/** The third run is like every later one: slots are owned, and there is an old version to disable. */
const STEADY_RUN = 3;

export interface Calls {
  readonly rotator: RotatorKind;
  /** From the claim to the journaled finish. */
  readonly rotation: number;
  /** The same for a secret's very first run, which has to claim its slots. */
  readonly firstRotation: number;
  /** Announcing the version and scheduling the retirement. */
  readonly refresh: number;
  readonly retirement: number;
  /** What they were, in order. */
  readonly operations: Readonly<Record<Phase, readonly string[]>>;
}

export async function countCalls(stage: Stage): Promise<readonly Calls[]> {
  const all: Calls[] = [];
  for (const rotator of ROTATORS) all.push(await countOf(stage, rotator));
  return all;
}

async function countOf(stage: Stage, rotator: RotatorKind): Promise<Calls> {
  const object = await stage.secret(rotator, `calls-${rotator.split('-', 1)[0] ?? ''}`);
  const operations: Record<Phase, readonly string[]> = { rotation: [], refresh: [], retirement: [] };
  let firstRotation = 0;
  for (let run = 1; run <= STEADY_RUN; run += 1) {
    await stage.run(object, async (phase, work) => {
      const entries = await stage.traffic(work);
      operations[phase] = entries.filter((entry) => entry.system !== 'identity').map(shown);
    });
    // Tokens, challenges and tables are a process's first business, so the first rotation is that of a warm process.
    if (run === 1) firstRotation = operations.rotation.length;
  }
  return {
    ...{ rotator, firstRotation, operations },
    rotation: operations.rotation.length,
    refresh: operations.refresh.length,
    retirement: operations.retirement.length,
  };
}

function shown({ system, operation, outcome }: TrafficEntry): string {
  return `${system} ${operation} → ${outcome}`;
}
