import { describe, expect, it } from 'vitest';
import { MAX_ATTEMPTS } from '../../src/rotation/backoff.ts';
import { stop } from '../../src/rotation/failure.ts';
import { blockPoisoned } from '../../src/rotation/poison.ts';
import { Session } from '../../src/rotation/session.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { DAY, HOUR, NOW } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const DENIED = error('ACCESS_DENIED', { recovery: 'reconfigure', remedy: 'az role assignment create' });

describe('people are told', () => {
  it('when a rotation is blocked, with what to do', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', DENIED);
    await bench.deliver(bench.message());
    expect(bench.notices.told).toEqual([
      {
        id: `${bench.run.rotationId}.blocked.set.ACCESS_DENIED.2026-11-22`,
        ...{ kind: 'rotation-blocked', severity: 'warning', object: OBJECT, at: NOW },
        message: `rotation ${bench.run.rotationId} (NearExpiry) is blocked at set: ACCESS_DENIED happened`,
        remedy: 'az role assignment create',
      },
    ]);
  });

  it('when it has failed so often that nobody believes any more that it passes', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'), MAX_ATTEMPTS);
    await bench.deliver(bench.message());
    for (let turn = 0; turn < MAX_ATTEMPTS; turn += 1) {
      expect(bench.notices.told).toEqual([]);
      bench.clock.advance(HOUR);
      await bench.drain();
      if (bench.run.state === 'blocked') break;
    }
    expect(bench.notices.told).toMatchObject([
      { kind: 'rotation-failed', severity: 'incident', message: containing('UNAVAILABLE happened') },
    ]);
  });

  it('when its message was given up', async () => {
    const bench = new Bench();
    bench.leave({ state: 'waiting' });
    await blockPoisoned(bench.engine, bench.message());
    expect(bench.notices.told).toMatchObject([{ kind: 'rotation-failed', id: containing('HUMAN_REQUIRED') }]);
  });

  it.each([
    ['secret', 'VALUE_AWAITED', 'human', 'action-needed', 'warning'],
    ['certificate', 'HUMAN_REQUIRED', 'human', 'renewal-failed', 'warning'],
    ['certificate', 'VALUE_AWAITED', 'human', 'action-needed', 'warning'],
    ['key', 'ACCESS_DENIED', 'reconfigure', 'rotation-blocked', 'warning'],
  ] as const)('of a %s that meets %s, in the words that fit', async (of, code, recovery, kind, severity) => {
    const bench = new Bench();
    const object = { ...OBJECT, kind: of };
    const deps = { journal: bench.journal, clock: bench.clock, owner: 'me' };
    const session = await Session.open(deps, object);
    await stop(bench.engine, session, { object, trigger: 'manual' }, error(code, { recovery }));
    expect(bench.notices.told).toMatchObject([{ kind, severity, object }]);
  });

  it('under one id on one day, and again the next day', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', DENIED, 3);
    await bench.deliver(bench.message());
    await bench.resume();
    bench.clock.advance(DAY);
    await bench.resume();
    const [first, second, third] = bench.notices.told.map(({ id }) => id);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it('whatever becomes of the announcement; and one that cannot be queued keeps no run from being blocked', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', DENIED, 2);
    bench.calls.fail('announcer.announce', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    expect(bench.notices.told).toHaveLength(1);
    bench.calls.fail('notices.tell', error('UNAVAILABLE'));
    await bench.resume();
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'ACCESS_DENIED' } });
    expect(bench.logged.join()).toContain('could not be announced');
  });
});
