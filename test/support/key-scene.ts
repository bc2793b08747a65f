import { expect } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { isOver } from '../../src/rotation/machine.ts';
import type { RotateMessage } from '../../src/rotation/ports.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { handleRotate } from '../../src/rotation/runner.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Killed, Life, type Fate } from '../crash/killer.ts';
import { OBJECT } from './memory/bench.ts';
import { HOUR, MINUTE } from './memory/clock.ts';
import { KEY, KeyBench, userId } from './memory/key-bench.ts';

/**
 * One key that is due, with everything that outlives a process, in memory: `alpha` pins a version, `beta` follows by itself within
 * an hour, `gamma` pins one and takes a minute to change.
 */
export class KeyScene {
  readonly bench = new KeyBench();
  readonly #event: RotateMessage;
  readonly #written: string[] = [];
  readonly first = this.bench.keyVersion;

  constructor(how: { readonly trigger?: 'near-expiry' | 'compromised'; readonly keepsTags?: boolean } = {}) {
    const { bench } = this;
    bench.vault.remove(OBJECT);
    bench.keys.keepsTags = how.keepsTags ?? true;
    bench.keys.change(KEY, { tags: { KeyUser: userId('alpha'), KeyUser1: userId('beta'), KeyUser2: userId('gamma') } });
    bench.use('beta', { follows: 'versionless' });
    bench.use('gamma', { slow: true });
    bench.keys.onVersion = (object, version) => bench.queue.put({ kind: 'propagate', message: { object, version } });
    this.#event =
      how.trigger === 'compromised'
        ? { object: KEY, trigger: 'compromised', rotationId: newRotationId(KEY, bench.clock.now()), requestedBy: 'me' }
        : bench.about();
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
    for (let i = 0; i < times; i += 1) this.bench.queue.put({ kind: 'rotate', message: this.#event });
  }

  /** The vault's own rotation policy, or a person, makes a version. */
  foreignVersion(): void {
    this.bench.keys.put(KEY, this.bench.keys.keepsTags ? (this.bench.keys.peek(KEY)[0]?.tags ?? {}) : {});
  }

  lapseLease(): void {
    this.advance(LEASE_MS + 1000);
  }

  advance(ms: number): void {
    const { bench } = this;
    bench.clock.advance(ms);
    bench.users.settle();
    const newest = bench.keys.peek(KEY)[0];
    const found = newest !== undefined && bench.clock.now().getTime() >= newest.createdOn.getTime() + HOUR;
    if (found) bench.use('beta', { follows: 'versionless' });
  }

  /** Delivers one message, as the platform would; a failed one stays in the queue. */
  async deliverOnce(life: Life): Promise<boolean> {
    const taken = this.bench.queue.take();
    if (taken === undefined) return false;
    const { item, finish } = taken;
    try {
      const engine = this.#engine(life);
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
    for (let turn = 0; turn < 300; turn += 1) {
      const delivered = await this.deliverOnce(life);
      if (life.sleptCall !== undefined) return;
      if (delivered) continue;
      const { run } = this;
      const { nextAt } = this.bench.queue;
      if (nextAt === undefined && run !== undefined && isOver(run)) return;
      const now = this.bench.clock.now().getTime();
      this.advance(nextAt === undefined ? 6 * MINUTE : Math.max(nextAt - now, 0) + 1);
      if (nextAt === undefined) await sweep(this.#engine(life));
    }
    throw new Error(`the run does not end: ${JSON.stringify(this.run)}; ${this.#written.slice(-10).join(' | ')}`);
  }

  get run() {
    return this.bench.keyRun;
  }

  get mutations(): number {
    return this.bench.keys.rotations + this.bench.users.moves + this.bench.calls.count('keys.amend');
  }

  /** @param foreign how many versions somebody else has made */
  checkEnd(foreign = 0): void {
    const { bench } = this;
    const versions = bench.keys.peek(KEY);
    expect(bench.keys.rotations).toBeLessThanOrEqual(1);
    expect(bench.keys.rotations + foreign).toBeGreaterThanOrEqual(1);
    expect(versions).toHaveLength(1 + bench.keys.rotations + foreign);
    expect(versions.every(({ enabled }) => enabled)).toBe(true);
    expect([bench.used('alpha'), bench.used('beta'), bench.used('gamma')]).toEqual(
      Array.from({ length: 3 }, () => bench.keyVersion),
    );
    expect(versions[0]?.tags).toHaveProperty('KeyUser2');
    expect(this.run).toMatchObject({ state: 'done', to: { version: bench.keyVersion } });
    const open = [...bench.journal.ledger.values()].filter(({ run }) => !isOver(run));
    expect(open).toEqual([]);
  }

  /** Every user can decrypt: what it uses is there and enabled. */
  #checkUsers(): void {
    for (const name of ['alpha', 'beta', 'gamma']) {
      const used = this.bench.keys.peek(KEY).find(({ version }) => version === this.bench.used(name));
      if (used?.enabled !== true) throw new TypeError(`${name} uses a version that is not there or is disabled`);
    }
  }

  #engine(life: Life): Engine {
    const { engine, vault, keys, users, journal, queue } = this.bench;
    return {
      ...engine,
      vault: life.wrap('vault', vault, ['validate']),
      keys: life.wrap('keys', keys),
      keyUsers: [life.wrap('user', users, ['claims', 'describe'])],
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', queue),
      announcer: life.wrap('announcer', engine.announcer),
    };
  }
}
