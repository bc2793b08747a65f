import { expect } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { isSettled, type Adoption } from '../../src/rotation/adoption/record.ts';
import { Killed, type Life } from '../crash/killer.ts';
import { Bench, OBJECT } from './memory/bench.ts';

const NAMES = ['site', 'listener-1', 'listener-2', 'door', 'app', 'hook', 'vpn', 'deleted', 'behind'];

/**
 * A version that somebody wrote, with one consumer of every way to take it, and everything that outlives a process, in memory: two
 * listeners of one gateway that takes its time, a door that lags, an app that follows by itself, a webhook, a tunnel that only a
 * person may change, and a site that is deleted on the way. One place cannot be looked through at first, and somebody is behind it.
 */
export class AdoptionScene {
  readonly bench = new Bench();
  readonly #written: string[] = [];

  constructor() {
    const { bench } = this;
    bench.seed({ value: 'a-new-one', createdOn: bench.clock.now() });
    bench.consumers.put('site', { version: 'v1' });
    bench.consumers.put('listener-1', { version: 'v1', parent: 'gateway', takes: 'slow' });
    bench.consumers.put('listener-2', { version: 'v1', parent: 'gateway', takes: 'slow' });
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    bench.consumers.put('app', { version: 'v1', takes: 'by-itself' });
    bench.consumers.put('hook', { version: 'v1', takes: 'delivered' });
    bench.consumers.put('vpn', { version: 'v1', takes: 'by-hand' });
    bench.consumers.put('deleted', { version: 'v1', takes: 'lagging' });
    bench.consumers.gaps = [{ where: 'a wall', message: 'it may not be read' }];
    this.redeliverEvent(1);
  }

  redeliverEvent(times: number): void {
    for (let i = 0; i < times; i += 1) {
      this.bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    }
  }

  /** Time goes by, and services come to what they were told. */
  advance(ms: number): void {
    this.bench.clock.advance(ms);
    this.bench.consumers.settle('v2');
    this.bench.consumers.remove('deleted');
  }

  lapseLease(): void {
    this.advance(LEASE_MS + 1000);
  }

  /** Delivers one message, as the platform would; a failed one stays in the queue. */
  async deliverOnce(life: Life): Promise<boolean> {
    const taken = this.bench.queue.take();
    if (taken === undefined || taken.item.kind !== 'propagate') return false;
    try {
      this.#written.push(JSON.stringify(await handlePropagate(this.#engine(life), taken.item.message)));
      if (!life.dead) taken.finish();
    } catch (error) {
      if (error instanceof Killed || error instanceof TypeError) throw error;
      this.#written.push(String(error));
    }
    return true;
  }

  async drive(life: Life): Promise<void> {
    for (let turn = 0; turn < 200; turn += 1) {
      const delivered = await this.deliverOnce(life);
      if (life.sleptCall !== undefined) return;
      if (delivered) continue;
      const { nextAt } = this.bench.queue;
      if (nextAt === undefined && this.#asksAgain()) continue;
      if (nextAt === undefined) return;
      this.advance(Math.max(nextAt - this.bench.clock.now().getTime(), 0) + 1);
    }
    throw new Error(`it does not end: ${JSON.stringify(this.record)}; ${this.#written.slice(-10).join(' | ')}`);
  }

  /** The wall is taken down, and a retirement that waits for it has it looked through again. */
  #asksAgain(): boolean {
    if (this.record?.gaps.length === 0) return false;
    this.bench.consumers.gaps = [];
    this.bench.consumers.put('behind', { version: 'v1' });
    this.bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2', resumes: true, gaps: true } });
    return true;
  }

  get record(): Adoption | undefined {
    return this.bench.adoptions.entry(OBJECT)?.record;
  }

  checkEnd(): void {
    const { bench, record } = this;
    const states = Object.fromEntries((record?.consumers ?? []).map(({ id, state }) => [id, state]));
    // Where it was deleted before anybody looked, it was never found.
    expect({ deleted: 'gone', ...states }).toEqual({
      ...Object.fromEntries(NAMES.map((name) => [name, 'verified'])),
      vpn: 'pinned',
      deleted: 'gone',
    });
    expect(record?.consumers.every(isSettled)).toBe(true);
    expect(record?.gaps).toEqual([]);
    // The tunnel is looked at again tomorrow.
    expect(Date.parse(record?.wakeAt ?? '')).toBeGreaterThan(bench.clock.now().getTime());
    expect(record?.lease).toBeUndefined();
    const serving = ['site', 'listener-1', 'listener-2', 'door', 'app', 'behind'];
    expect(serving.map((name) => bench.consumers.serves(name))).toEqual(serving.map(() => 'v2'));
    expect(bench.queue.nextAt).toBeUndefined();
    const held = [...bench.adoptions.parents.values()].filter(({ until }) => until > bench.clock.now());
    expect(held).toEqual([]);
  }

  #engine(life: Life): Engine {
    const { engine, vault, consumers, adoptions, journal, queue } = this.bench;
    const mortal = life.wrap('consumer', consumers, ['find']);
    return {
      ...engine,
      vault: life.wrap('vault', vault, ['validate']),
      discovery: life.wrap('discovery', consumers, ['refresh', 'confirm', 'waitsFor']),
      consumers: [mortal],
      adoptions: life.wrap('adoptions', adoptions),
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', queue),
      announcer: life.wrap('announcer', engine.announcer),
    };
  }
}
