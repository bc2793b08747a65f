import { expect } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import { isOver } from '../../src/rotation/machine.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { handleRotate } from '../../src/rotation/runner.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Killed, Life, type Fate } from '../crash/killer.ts';
import type { KeyStage } from './key-stage.ts';

const MINUTE = 60_000;

/** One key or certificate that is due, lived through with as many processes as a test wants. */
export class KeyScene {
  readonly #stage: KeyStage;
  readonly #written: string[] = [];
  readonly first: string;

  constructor(stage: KeyStage) {
    this.#stage = stage;
    this.first = stage.versions()[0]?.version ?? '';
    this.redeliverEvent(1);
  }

  /** @param each looks on after every call that got through */
  life(fate: Fate = {}, each: (calls: number) => void = () => undefined): Life {
    const life: Life = new Life(fate, () => {
      this.#checkUsers();
      each(life.calls.length);
      return Promise.resolve();
    });
    return life;
  }

  redeliverEvent(times: number): void {
    for (let i = 0; i < times; i += 1) this.#stage.queue.put({ kind: 'rotate', message: this.#stage.event });
  }

  foreignVersion(): void {
    this.#stage.foreignVersion();
  }

  lapseLease(): void {
    this.#stage.advance(LEASE_MS + 1000);
  }

  /** Delivers one message, as the platform would; a failed one stays in the queue. */
  async deliverOnce(life: Life): Promise<boolean> {
    const taken = this.#stage.queue.take();
    if (taken === undefined) return false;
    const { item, finish } = taken;
    try {
      const engine = this.#stage.engine(life, (line) => void this.#written.push(line));
      const work = item.kind === 'rotate' ? handleRotate(engine, item.message) : handlePropagate(engine, item.message);
      this.#written.push(JSON.stringify(await work));
      if (!life.dead) finish();
    } catch (error) {
      if (error instanceof Killed || error instanceof TypeError) throw error;
      this.#written.push(String(error));
    }
    return true;
  }

  async deliverVisible(life: Life): Promise<void> {
    while (await this.deliverOnce(life));
  }

  /** Lives on until the run is over and nothing is left to deliver, moving the clock when nothing else moves. */
  async drive(life: Life): Promise<void> {
    const stage = this.#stage;
    for (let turn = 0; turn < 300; turn += 1) {
      const delivered = await this.deliverOnce(life);
      if (life.sleptCall !== undefined) return;
      if (delivered || (await stage.person?.(life)) === true) continue;
      const run = await stage.run();
      const { nextAt } = stage.queue;
      if (nextAt === undefined && run !== undefined && isOver(run)) return;
      stage.advance(nextAt === undefined ? 6 * MINUTE : Math.max(nextAt - stage.now().getTime(), 0) + 1);
      if (nextAt === undefined) await sweep(stage.engine(life, (line) => void this.#written.push(line)));
    }
    throw new Error(
      `the run does not end: ${JSON.stringify(await stage.run())}; ${this.#written.slice(-10).join(' | ')}`,
    );
  }

  get mutations(): number {
    return this.#stage.mutations;
  }

  /** How many versions there are beside the first. */
  get made(): number {
    return this.#stage.versions().length - 1;
  }

  end(): void {
    this.#stage.end();
  }

  /** @param foreign how many versions somebody else has made: with them, our own rotation may not be needed any more */
  async checkEnd(foreign = 0): Promise<void> {
    const versions = this.#stage.versions();
    const newest = versions[0];
    expect(this.made).toBeGreaterThanOrEqual(1);
    expect(this.made).toBeGreaterThanOrEqual(foreign);
    expect(this.made).toBeLessThanOrEqual(1 + foreign);
    expect(versions.every(({ enabled }) => enabled)).toBe(true);
    const used = Object.values(this.#stage.used());
    expect(used).toEqual(used.map(() => newest?.version));
    expect(newest?.tags).toHaveProperty(this.#stage.tag);
    expect(await this.#stage.run()).toMatchObject({ state: 'done', to: { version: newest?.version } });
    expect((await this.#stage.ledger()).filter((run) => !isOver(run))).toEqual([]);
    this.end();
  }

  /** Every user can decrypt: what it uses is there and enabled. */
  #checkUsers(): void {
    const versions = this.#stage.versions();
    for (const [name, used] of Object.entries(this.#stage.used())) {
      if (versions.find(({ version }) => version === used)?.enabled === true) continue;
      throw new TypeError(`${name} uses a version that is not there or is disabled`);
    }
  }
}
