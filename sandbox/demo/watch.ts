import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '../host/host.ts';

interface Step {
  readonly step: string;
  readonly at: string;
  readonly ms: number;
  readonly outcome: string;
  readonly detail?: string;
}

/** A run as the runbook shows it. */
export interface ShownRun {
  readonly rotationId: string;
  readonly object: { readonly name: string };
  readonly state: string;
  readonly step: string;
  readonly from?: { readonly version: string; readonly slot: string };
  readonly to?: { readonly slot: string; readonly version?: string };
  readonly startedAt: string;
  readonly steps: readonly Step[];
  readonly blocked?: { readonly code: string; readonly message: string };
}

/** Follows the runs through the HTTP runbook, and says each new step when it comes. */
export class Watch {
  readonly #host: Host;
  readonly #say: (line: string) => void;
  readonly #seen = new Map<string, number>();

  readonly #width: number;
  readonly #handedIn = new Set<string>();

  /** @param names of the objects, for the width of their column */
  constructor(host: Host, say: (line: string) => void, names: readonly string[]) {
    this.#host = host;
    this.#say = say;
    this.#width = Math.max(...names.map((name) => name.length));
  }

  /** Does what a person has to do whose value is waited for, once for each run. */
  async #handIn({ rotationId, object }: ShownRun): Promise<void> {
    if (this.#handedIn.has(rotationId)) return;
    this.#handedIn.add(rotationId);
    const answer = await fetch(this.#host.url(`/api/rotations/${rotationId}/value`), {
      method: 'PUT',
      headers: { 'x-functions-key': this.#host.keys.default, 'content-type': 'application/json' },
      body: JSON.stringify({ value: `made-by-hand-${randomBytes(12).toString('hex')}` }),
    });
    if (answer.status !== 202) throw new Error(`PUT value of ${object.name} answered ${answer.status}`);
    this.#say(`A person hands in the new value of ${object.name}.`);
  }

  /** Resolves with the runs when all of them have come so far. @throws when one is blocked, or nothing moves for 60 s */
  async until(done: (runs: readonly ShownRun[]) => boolean): Promise<readonly ShownRun[]> {
    const limit = performance.now() + 60_000;
    for (;;) {
      const runs = await this.runs();
      for (const run of runs) this.#tell(run);
      const blocked = runs.filter((run) => run.state === 'blocked');
      for (const run of blocked) if (run.blocked?.code === 'VALUE_AWAITED') await this.#handIn(run);
      const stuck = blocked.find((run) => run.blocked?.code !== 'VALUE_AWAITED');
      if (stuck) throw new Error(`${stuck.object.name} is blocked: ${stuck.blocked?.message ?? ''}`);
      if (done(runs)) return runs;
      if (performance.now() > limit) throw new Error(`nothing moves: ${JSON.stringify(runs)}`);
      await pause(150);
    }
  }

  async runs(): Promise<readonly ShownRun[]> {
    const answer = await fetch(this.#host.url('/api/rotations'), {
      headers: { 'x-functions-key': this.#host.keys.default },
    });
    if (!answer.ok) throw new Error(`GET /api/rotations answered ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { rotations: ShownRun[] }).rotations;
  }

  #tell(run: ShownRun): void {
    const from = this.#seen.get(run.rotationId) ?? 0;
    for (const step of run.steps.slice(from)) {
      const detail = step.detail === undefined ? '' : `  ${step.detail}`;
      this.#say(
        `${step.at.slice(0, 19)}Z  ${run.object.name.padEnd(this.#width)} ${step.step.padEnd(8)} ${step.outcome.padEnd(7)} ${String(step.ms).padStart(5)} ms${detail}`,
      );
    }
    this.#seen.set(run.rotationId, run.steps.length);
  }
}
