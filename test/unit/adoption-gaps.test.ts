import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/rotation/engine.ts';
import type { Standing } from '../../src/rotation/adoption/record.ts';
import type { PropagateMessage } from '../../src/rotation/ports.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { DAY, HOUR } from '../support/memory/clock.ts';

/** A new version `v2` that somebody wrote. */
function written(): Bench {
  const bench = new Bench();
  bench.seed({ value: 'a-new-one', createdOn: bench.clock.now() });
  return bench;
}

const tell = (bench: Bench, more: Partial<PropagateMessage> = {}): Promise<Outcome> =>
  handlePropagate(bench.engine, { object: OBJECT, version: 'v2', ...more });

const standing = (bench: Bench, id: string): Standing | undefined =>
  bench.adoptions.entry(OBJECT)?.record.consumers.find((one) => one.id === id);

describe('a place that could not be looked through', () => {
  const GAP = { where: 'a wall', message: 'it may not be read', remedy: 'az role …' };
  const behind = (): Bench => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.consumers.gaps = [GAP];
    return bench;
  };
  const aDayLater = async (bench: Bench): Promise<void> => {
    bench.clock.advance(1.1 * DAY);
    await sweep(bench.engine);
    await bench.drain();
  };

  it('is not everybody, and is said to be left', async () => {
    const bench = behind();
    expect(await tell(bench)).toMatchObject({
      outcome: 'adopted',
      reason: 'NotAllAdopted',
      detail: '1 of 1 consumers have version v2; 1 place could not be looked through',
    });
    expect(bench.adoptions.entry(OBJECT)?.record.gaps).toEqual([GAP]);
  });

  it('is looked through again each day until it can be; who is found there is told, and nobody else twice', async () => {
    const bench = behind();
    await tell(bench);
    await aDayLater(bench);
    expect(bench.calls.count('discovery.find')).toBe(2);
    bench.consumers.gaps = [];
    bench.consumers.put('behind', { version: 'v1' });
    await aDayLater(bench);
    expect(bench.consumers.serves('behind')).toBe('v2');
    expect(bench.consumers.pushes).toBe(2);
    expect(bench.calls.count('consumer.confirm')).toBe(4);
    expect(bench.adoptions.entry(OBJECT)?.record).toMatchObject({ gaps: [] });
    expect(bench.adoptions.entry(OBJECT)?.record.wakeAt).toBeUndefined();
    await aDayLater(bench);
    expect(bench.calls.count('discovery.find')).toBe(3);
  });

  it('is looked through at once when a retirement asks, and not by every look at somebody who lags', async () => {
    const bench = behind();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    bench.clock.advance(HOUR / 2);
    await bench.drain();
    expect(bench.calls.count('discovery.find')).toBe(1);
    await tell(bench, { resumes: true, gaps: true });
    expect(bench.calls.count('discovery.find')).toBe(2);
    expect(standing(bench, 'door')).toMatchObject({ state: 'propagating' });
    expect(bench.consumers.pushes).toBe(2);
  });

  it('stays one when the look fails as a whole; who lags is seen to all the same', async () => {
    const bench = behind();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    bench.consumers.settle('v2');
    bench.clock.advance(HOUR / 2);
    bench.calls.fail('discovery.find', error('THROTTLED'));
    await tell(bench, { resumes: true, gaps: true });
    expect(standing(bench, 'door')).toMatchObject({ state: 'verified' });
    expect(bench.adoptions.entry(OBJECT)?.record.gaps).toEqual([GAP]);
    expect(bench.logged.join()).toContain('THROTTLED');
  });

  it('where somebody is there again who was deleted, tells him', async () => {
    const bench = behind();
    bench.calls.before('consumer.refresh', () => bench.consumers.remove('site'));
    await tell(bench);
    expect(standing(bench, 'site')).toMatchObject({ state: 'gone' });
    bench.consumers.put('site', { version: 'v1' });
    bench.consumers.gaps = [];
    await aDayLater(bench);
    expect(standing(bench, 'site')).toMatchObject({ state: 'verified' });
  });

  it('is left alone after a month', async () => {
    const bench = behind();
    await tell(bench);
    for (let day = 0; day < 40; day += 1) await aDayLater(bench);
    expect(bench.calls.count('discovery.find')).toBeLessThan(35);
    expect(bench.adoptions.entry(OBJECT)?.record.wakeAt).toBeUndefined();
  });
});
