import { CallScope } from './rotation/calls.ts';
import type { Engine } from './rotation/engine.ts';
import { RotationError } from './rotation/errors.ts';
import type { Call } from './rotation/ports.ts';

export interface HealthReport {
  readonly healthy: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail?: string;
    readonly remedy?: string;
  }[];
  /** Runs that wait for a person. */
  readonly blocked: number;
}

const HEALTH_MS = 20_000;

/** Can the app reach what it needs: its journal, and every vault? Reads only. */
export async function health(engine: Engine): Promise<HealthReport> {
  const scope = new CallScope(engine.clock, HEALTH_MS);
  const checks: HealthReport['checks'][number][] = [];
  let blocked = 0;
  const check = async (name: string, work: (call: Call) => Promise<void>): Promise<void> => {
    try {
      await scope.run(`checking ${name}`, work);
      checks.push({ name, ok: true });
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      checks.push({
        name,
        ok: false,
        detail: error.message,
        ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      });
    }
  };
  await check('journal', async (call) => {
    blocked = (await engine.journal.runs({ state: 'blocked', limit: 1000 }, call)).length;
  });
  for (const vault of engine.configuration.vaults) {
    await check(vault, async (call) => {
      for await (const _first of engine.vault.list(vault, call)) break;
    });
  }
  return { healthy: checks.every((one) => one.ok), checks, blocked };
}
