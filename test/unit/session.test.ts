import { describe, expect, it } from 'vitest';
import { LEASE_MARGIN_MS, LEASE_MS } from '../../src/rotation/calls.ts';
import { SecretValue } from '../../src/rotation/secret-value.ts';
import { blockedBy, Session } from '../../src/rotation/session.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';

const open = (bench: Bench, owner = 'me'): Promise<Session> =>
  Session.open({ journal: bench.journal, clock: bench.clock, owner }, OBJECT);

describe('the lease', () => {
  it('is taken with the row, keeps others out until it lapses, and is given back', async () => {
    const bench = new Bench();
    const mine = await open(bench);
    expect(mine.heldUntil).toBeUndefined();
    await mine.saveHeld();
    expect(mine.heldUntil, 'our own').toBeUndefined();
    expect((await open(bench, 'other')).heldUntil?.getTime()).toBe(bench.clock.now().getTime() + LEASE_MS);
    await mine.saveReleased();
    expect((await open(bench, 'other')).heldUntil).toBeUndefined();
  });

  it('lapses on the millisecond', async () => {
    const bench = new Bench();
    await (await open(bench)).saveHeld();
    bench.clock.advance(LEASE_MS - 1);
    expect((await open(bench, 'other')).heldUntil).toBeDefined();
    bench.clock.advance(1);
    expect((await open(bench, 'other')).heldUntil).toBeUndefined();
  });

  it('lets no call begin in its last three quarters of a minute', async () => {
    const bench = new Bench();
    const session = await open(bench);
    await session.saveHeld();
    bench.clock.advance(LEASE_MS - LEASE_MARGIN_MS - 1);
    await expect(session.call('asking', async () => 'answer')).resolves.toBe('answer');
    bench.clock.advance(1);
    await expect(session.call('asking', async () => 'answer')).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('is lost when somebody else wrote the row since it was read', async () => {
    const bench = new Bench();
    const [one, two] = [await open(bench, 'one'), await open(bench, 'two')];
    await one.saveHeld();
    await expect(two.saveHeld()).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(two.record.lease).toBeUndefined();
  });
});

describe('the run in hand', () => {
  it('must be there where one is needed', async () => {
    const session = await open(new Bench());
    expect(() => session.active).toThrow('there is no run in hand');
    session.change({ attempts: 1 });
    session.clear('blocked');
    session.note({ step: 'set', at: '', ms: 0, outcome: 'ok' });
    expect(session.run).toBeUndefined();
  });

  it('keeps its newest sixty steps', async () => {
    const bench = new Bench();
    bench.leave({});
    const session = await open(bench);
    for (let ms = 0; ms < 70; ms += 1) session.note({ step: 'confirm', at: '', ms, outcome: 'waiting' });
    expect(session.active.steps).toHaveLength(60);
    expect(session.active.steps[0]?.ms).toBe(10);
  });

  it('times its steps, and notes how each ended', async () => {
    const bench = new Bench();
    bench.leave({});
    const session = await open(bench);
    await session.step('set', 'setting', async () => bench.clock.advance(3000));
    await expect(session.step('test', 'testing', () => Promise.reject(error('UNAVAILABLE')))).rejects.toThrow();
    await expect(session.step('test', 'testing', () => Promise.reject(new TypeError('x: secret')))).rejects.toThrow();
    expect(session.active.steps).toMatchObject([
      { step: 'set', ms: 3000, outcome: 'ok' },
      { step: 'test', outcome: 'failed', detail: 'UNAVAILABLE happened' },
      { step: 'test', outcome: 'failed', detail: 'failed unexpectedly' },
    ]);
  });

  it('forgets only what it is told to', async () => {
    const bench = new Bench();
    const at = bench.clock.now().toISOString();
    bench.leave({ wakeAt: at, blocked: { code: 'DRIFTED', message: 'm', at } });
    const session = await open(bench);
    session.clear('blocked');
    expect(session.active).toMatchObject({ wakeAt: at, rotationId: 'left-behind' });
    expect(session.active.blocked).toBeUndefined();
  });
});

it('no text keeps a guarded value, and what a person is told has code, words, remedy and problems', async () => {
  const session = await open(new Bench());
  session.guard(new SecretValue('hunter2'));
  session.guard(new SecretValue('abc'));
  expect(session.scrub('hunter2 and hunter2, abc')).toBe('[secret] and [secret], abc');
  const problems = [{ path: 'x', message: 'y' }];
  expect(blockedBy(session, error('DRIFTED', { remedy: 'Look.', problems }))).toMatchObject({
    code: 'DRIFTED',
    remedy: 'Look.',
    problems,
  });
  expect(Object.keys(blockedBy(session, error('DRIFTED'))).sort()).toEqual(['at', 'code', 'message']);
});

it('a call that takes longer than a minute is ended', async () => {
  const bench = new Bench();
  const session = await open(bench);
  const call = session.call('asking', () => Promise.withResolvers<undefined>().promise);
  bench.clock.advance(MINUTE);
  await expect(call).rejects.toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
});
