/** The simulated Azure and, in this process, the engine on its real adapters: what the timed and counted parts share. */
import { setTimeout as pause } from 'node:timers/promises';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import type { TrafficEntry } from '../sandbox/traffic.ts';
import { readSettings } from '../src/config/settings.ts';
import { createEngine } from '../src/main.ts';
import type { Engine, Outcome } from '../src/rotation/engine.ts';
import type { ObjectRef } from '../src/rotation/ports.ts';
import { handlePropagate } from '../src/rotation/propagate.ts';
import { SERVICE_SUFFIXES } from '../src/rotators/arm-key/rows.ts';
import { handleRotate } from '../src/rotation/runner.ts';
import { seed, type RotatorKind } from './seed.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
export const VAULT = 'kv';

/** The three times that a run is worked on; in between it waits. */
export type Phase = 'rotation' | 'refresh' | 'retirement';
/** Runs the work of a phase; whoever times or counts, does it around `work`. */
export type Around = (phase: Phase, work: () => Promise<void>) => Promise<void>;

export class Stage {
  readonly sandbox: Sandbox;
  readonly #engine: Engine;

  private constructor(sandbox: Sandbox, engine: Engine) {
    this.sandbox = sandbox;
    this.#engine = engine;
  }

  static async set(): Promise<Stage> {
    const sandbox = await startSandbox({
      parts: ['eventgrid', 'topic', 'azurite', 'blob', 'postgres', 'tds'],
      vault: { rateLimit: false },
    });
    const clock = {
      now: () => sandbox.ctx.clock.now(),
      after: (ms: number, callback: () => void) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    };
    return new Stage(
      sandbox,
      createEngine(readSettings(sandbox.env, SERVICE_SUFFIXES), clock, () => undefined),
    );
  }

  /** A managed secret whose version is older than any overlap. */
  async secret(rotator: RotatorKind, name: string): Promise<ObjectRef> {
    await seed(this.sandbox, rotator, name, { vault: VAULT, expiresInMs: 60 * DAY_MS });
    this.sandbox.ctx.clock.advance(2 * DAY_MS);
    return { kind: 'secret', vault: this.sandbox.vault.url(VAULT), name };
  }

  /** One whole run, from the near-expiry event to the old credential's retirement. @throws when it ends otherwise */
  async run(object: ObjectRef, around: Around): Promise<void> {
    const { sandbox } = this;
    const old = this.#current(object.name);
    const exp = Math.floor((sandbox.ctx.clock.now().getTime() + 20 * DAY_MS) / 1000);
    sandbox.vault.amend(VAULT, object.name, { exp });
    let rotationId = '';
    await around('rotation', async () => {
      const outcome = await handleRotate(this.#engine, { object, trigger: 'near-expiry', version: old });
      rotationId = expected(outcome, 'rotated');
    });
    await around('refresh', async () => {
      expected(await handlePropagate(this.#engine, { object, version: this.#current(object.name) }), 'waiting');
    });
    sandbox.ctx.clock.advance(25 * HOUR_MS);
    await this.#loggedOut();
    await around('retirement', async () => {
      expected(await handleRotate(this.#engine, { object, trigger: 'resume', rotationId }), 'retired');
    });
  }

  /** What crossed the wire during the work. */
  async traffic(work: () => Promise<void>): Promise<readonly TrafficEntry[]> {
    await this.sandbox.postgres.settled();
    const from = this.sandbox.ctx.traffic.entries.length;
    await work();
    await this.sandbox.postgres.settled();
    return this.sandbox.ctx.traffic.entries.slice(from);
  }

  stop(): Promise<void> {
    return this.sandbox.stop();
  }

  #current(name: string): string {
    return this.sandbox.vault.peek(VAULT, name).at(-1)?.id ?? '';
  }

  /** A day has passed for the clock, not for the server: its sessions of a moment ago may still be ending. */
  async #loggedOut(): Promise<void> {
    while ((await this.sandbox.postgres.sessions()).some(({ application }) => application === 'keyturn')) {
      await pause(5);
    }
  }
}

function expected(outcome: Outcome, wanted: Outcome['outcome']): string {
  if (outcome.outcome === wanted && 'rotationId' in outcome) return outcome.rotationId;
  throw new Error(`a run ended as '${outcome.outcome}' and not as '${wanted}': ${outcome.detail}`);
}
