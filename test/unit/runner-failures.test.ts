import { describe, expect, it } from 'vitest';
import { Bench, error } from '../support/memory/bench.ts';
import { MINUTE, NOW } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const inFuture = (ms: number): string => new Date(NOW.getTime() + ms).toISOString();

describe('a failure', () => {
  it('that passes is tried again after a growing time, ten times, and is then blocked', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('UNAVAILABLE', { remedy: 'Start the server.' }), 10);
    await bench.deliver(bench.message());
    const waits: number[] = [];
    while (bench.run.state === 'waiting') {
      expect(bench.run).toMatchObject({ lastError: { code: 'UNAVAILABLE', remedy: 'Start the server.' } });
      waits.push(Date.parse(bench.run.wakeAt ?? '') - bench.clock.now().getTime());
      bench.clock.advance(waits.at(-1) ?? 0);
      await bench.drain();
    }
    expect(waits.map((ms) => ms / 1000)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280]);
    expect(bench.run).toMatchObject({ state: 'blocked', attempts: 10, blocked: { code: 'UNAVAILABLE' } });
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('that says when to come back is tried again then', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('THROTTLED', { retryAfterMs: 7 * MINUTE }));
    await bench.deliver(bench.message());
    expect(bench.run.wakeAt).toBe(inFuture(7 * MINUTE));
    expect(bench.queue.nextAt).toBe(NOW.getTime() + 7 * MINUTE);
  });

  it('that stays is not tried again', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('GRANTS_DIFFER', { recovery: 'reconfigure', remedy: 'GRANT …' }));
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run).toMatchObject({ attempts: 1, blocked: { remedy: 'GRANT …' } });
    expect(bench.queue.nextAt).toBeUndefined();
    expect(bench.logged.join(), 'in its own words').toContain('rotation blocked');
  });

  it('of the queue that keeps the next attempt from being scheduled gives the message back', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    bench.calls.fail('queue.rotate', error('UNAVAILABLE'));
    await expect(bench.deliver(bench.message())).rejects.toThrow('UNAVAILABLE happened');
    expect(bench.run.state).toBe('waiting');
  });

  it('of a call that never answers ends with the call’s time, effect unknown', async () => {
    const bench = new Bench();
    const release = Promise.withResolvers<undefined>();
    bench.calls.before('rotator.set', () => {
      queueMicrotask(() => bench.clock.advance(MINUTE));
      return release.promise;
    });
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'waiting' });
    expect(bench.run.lastError).toMatchObject({ code: 'TIMED_OUT', message: containing('setting b') });
    release.resolve(undefined);
  });
});
