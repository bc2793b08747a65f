import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Outcome } from '../../src/rotation/engine.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import type { PropagateMessage } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import type { Standing } from '../../src/rotation/adoption/record.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE } from '../support/memory/clock.ts';

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

describe('consumers that take longer to ask than one delivery has time', () => {
  it('are all asked: what is known of the first is kept on the way', async () => {
    const bench = written();
    for (let index = 0; index < 40; index += 1)
      bench.consumers.put(`door-${index}`, { version: 'v1', takes: 'lagging' });
    await tell(bench);
    bench.consumers.settle('v2');
    const asking = bench.consumers.confirm.bind(bench.consumers);
    bench.consumers.confirm = (...asked) => {
      bench.clock.advance(10_000);
      return asking(...asked);
    };
    bench.clock.advance(MINUTE);
    expect(await tell(bench, { resumes: true })).toMatchObject({ outcome: 'adopted', reason: 'AllAdopted' });
  });
});

describe('the sweep', () => {
  const days = async (bench: Bench, count: number): Promise<number> => {
    let delivered = 0;
    for (let half = 0; half < 2 * count; half += 1) {
      bench.clock.advance(DAY / 2 + MINUTE);
      await sweep(bench.engine);
      delivered += await bench.drain();
    }
    return delivered;
  };

  it('comes back where nobody could be looked for until the message was given up', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.fail('discovery.find', error('UNAVAILABLE'), 8);
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await expect(tell(bench)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      bench.clock.advance(LEASE_MS + 1000);
    }
    expect(await days(bench, 1)).toBeGreaterThan(0);
    expect(standing(bench, 'site')).toMatchObject({ state: 'verified' });
  });

  it('looks at what is deleted or disabled once a day, for a month', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    await bench.vault.disable(OBJECT, 'v2');
    expect(await days(bench, 10)).toBeLessThan(12);
    expect(await days(bench, 30)).toBeGreaterThan(10);
    expect(await days(bench, 10)).toBe(0);
  });
});

describe('somebody who gives no answer while consumers are looked for', () => {
  const SILENT = [{ where: '/site', message: '/site was answered 503', passing: true }] as const;

  it('is asked again, and seen to when it holds a reference after all', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1' });
    bench.consumers.gaps = SILENT;
    expect(await tell(bench)).toMatchObject({ outcome: 'propagating' });
    bench.consumers.gaps = [];
    bench.consumers.put('site', { version: 'v1' });
    bench.clock.advance(5 * MINUTE + 1000);
    await bench.drain();
    expect(standing(bench, 'site')).toMatchObject({ state: 'verified' });
    expect(bench.adoptions.entry(OBJECT)?.record.gaps).toEqual([]);
    // Who had it is not told twice.
    expect(bench.consumers.pushes).toBe(2);
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('is not asked for ever', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1' });
    bench.consumers.gaps = SILENT;
    await tell(bench);
    for (let turn = 0; turn < 24; turn += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(bench.calls.count('discovery.find')).toBe(8);
    expect(bench.queue.nextAt).toBeUndefined();
    expect(bench.adoptions.entry(OBJECT)?.record).toMatchObject({ gaps: SILENT });
  });

  it('is no reason to look again soon where somebody has to grant something first', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1' });
    bench.consumers.gaps = [{ where: '/site', message: '403' }];
    expect(await tell(bench)).toMatchObject({ outcome: 'adopted', reason: 'NotAllAdopted' });
    expect(bench.queue.nextAt).toBeUndefined();
  });
});
