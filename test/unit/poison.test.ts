import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import { blockPoisoned } from '../../src/rotation/poison.ts';
import type { Run } from '../../src/rotation/record.ts';
import { Bench } from '../support/memory/bench.ts';
import { NOW } from '../support/memory/clock.ts';

const blocked: Partial<Run> = { state: 'blocked', blocked: { code: 'DRIFTED', message: 'm', at: NOW.toISOString() } };
const heldUntil = (ms: number) => ({ lease: { owner: 'x', until: new Date(NOW.getTime() + ms).toISOString() } });

describe('a message that was given up', () => {
  it('blocks its run with a word for a person', async () => {
    const bench = new Bench();
    bench.leave({ state: 'waiting', wakeAt: NOW.toISOString() });
    await blockPoisoned(bench.engine, bench.message());
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(bench.run.wakeAt).toBeUndefined();
  });

  it.each<[string, Partial<Run> | undefined, number]>([
    ['has none', undefined, 0],
    ['is over', { state: 'done' }, 0],
    ['is blocked already', blocked, 0],
    ['is held by a runner', {}, LEASE_MS],
  ])('leaves the run alone that %s', async (_, run, held) => {
    const bench = new Bench();
    if (run !== undefined) bench.leave(run, heldUntil(held));
    await blockPoisoned(bench.engine, bench.message());
    expect(bench.calls.count('journal.write')).toBe(0);
  });
});
