import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import type { Rotator } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import * as runbook from '../../src/rotation/runbook.ts';
import { Bench, error, OBJECT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { MINUTE, NOW } from '../support/memory/clock.ts';
import { containing, matching } from '../support/memory/text.ts';

const request = { object: OBJECT, reason: 'manual', force: false, requestedBy: 'on-call' } as const;
const blocked: Partial<Run> = { state: 'blocked', blocked: { code: 'DRIFTED', message: 'm', at: NOW.toISOString() } };
const heldUntil = (ms: number) => ({ lease: { owner: 'x', until: new Date(NOW.getTime() + ms).toISOString() } });

describe('start', () => {
  it('answers with an id that can be read at once, and the queue does the work', async () => {
    const bench = new Bench();
    const { rotationId, resumed } = await runbook.start(bench.engine, request);
    expect(resumed).toBe(false);
    expect((await runbook.read(bench.engine, rotationId)).run).toMatchObject({
      state: 'queued',
      requestedBy: 'on-call',
    });
    await bench.drain();
    expect((await runbook.read(bench.engine, rotationId)).run).toMatchObject({ step: 'refresh', reason: 'Manual' });
  });

  it('with compromised does not ask whether a run is under way', async () => {
    const bench = new Bench();
    await bench.rotated();
    const { rotationId } = await runbook.start(bench.engine, { ...request, reason: 'compromised' });
    await bench.drain();
    expect((await runbook.read(bench.engine, rotationId)).run).toMatchObject({ state: 'done', compromised: true });
  });

  it('with compromised, asked for twice at once, rotates once', async () => {
    const bench = new Bench();
    const asked = { ...request, reason: 'compromised' } as const;
    const first = await runbook.start(bench.engine, asked);
    const second = await runbook.start(bench.engine, asked);
    await bench.drain();
    expect((await runbook.read(bench.engine, first.rotationId)).run.state).toBe('done');
    expect((await runbook.read(bench.engine, second.rotationId)).run).toMatchObject({
      state: 'refused',
      reason: 'AlreadyReplaced',
    });
  });

  it('that cannot be put into the queue leaves nothing queued in the ledger', async () => {
    const bench = new Bench();
    bench.engine.queue.rotate = () => Promise.reject(error('ACCESS_DENIED'));
    await expect(runbook.start(bench.engine, request)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const found = await runbook.list(bench.engine, { limit: 10 });
    expect(found.map(({ run }) => run.state)).toEqual(['refused']);
  });

  it('of a blocked run goes on with it under its own id', async () => {
    const bench = new Bench();
    bench.leave(blocked);
    expect(await runbook.start(bench.engine, request)).toEqual({ rotationId: 'left-behind', resumed: true });
    await bench.drain();
    expect(bench.outcomes).toMatchObject([{ outcome: 'rotated', rotationId: 'left-behind' }]);
  });

  it.each<[string, Partial<Run>, RegExp]>([
    ['runs', { state: 'running' }, /is running at step set$/],
    [
      'waits for its overlap',
      { state: 'waiting', step: 'confirm', to: { slot: 'b', version: 'v2' }, retireAt: 'T' },
      /ends at T/,
    ],
  ])('is refused while one %s', async (_, run, why) => {
    const bench = new Bench();
    bench.leave(run);
    await expect(runbook.start(bench.engine, request)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: matching(why),
    });
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it.each<[string, (bench: Bench) => void, string]>([
    ['is not managed', (b) => b.seed({ tags: {} }), 'REQUEST_INVALID'],
    ['is not there', (b) => b.vault.remove(OBJECT), 'TARGET_NOT_FOUND'],
    ['has wrong tags', (b) => b.seed({ tags: { ...TAGS, Paused: 'x' } }), 'CONFIG_INVALID'],
  ])('is refused when the secret %s', async (_, happened, code) => {
    const bench = new Bench();
    happened(bench);
    await expect(runbook.start(bench.engine, request)).rejects.toMatchObject({ code });
    expect(bench.journal.ledger.size).toBe(0);
  });
});

describe('reading', () => {
  it('lists the runs of the ledger, and says when there is none of an id', async () => {
    const bench = new Bench();
    await bench.rotated();
    expect(await runbook.list(bench.engine, { name: 'db', limit: 10 })).toHaveLength(1);
    expect(await runbook.list(bench.engine, { state: 'blocked', limit: 10 })).toEqual([]);
    await expect(runbook.read(bench.engine, 'nothing')).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});

describe('cancel', () => {
  it('ends a run that was asked for and not begun, and its message then does nothing', async () => {
    const bench = new Bench();
    const { rotationId } = await runbook.start(bench.engine, request);
    expect(await cancel(bench.engine, rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
    await bench.drain();
    expect(bench.outcomes).toMatchObject([{ outcome: 'dropped', reason: 'RunIsOver' }]);
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('ends a blocked run, says by whom, and its lapsed lease does not matter', async () => {
    const bench = new Bench();
    bench.leave(blocked, heldUntil(0));
    const run = await cancel(bench.engine, 'left-behind', 'on-call');
    expect(run.steps.at(-1)?.detail).toBe('cancelled by on-call');
    expect(bench.run.state).toBe('cancelled');
  });

  it('ends a run whose secret is gone, and none of which it cannot know whether its version was written', async () => {
    const bench = new Bench();
    bench.leave({ ...blocked, from: { version: 'v1', slot: 'a' } });
    bench.calls.fail('vault.current', error('UNAVAILABLE'));
    await expect(cancel(bench.engine, 'left-behind', 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    bench.vault.remove(OBJECT);
    expect(await cancel(bench.engine, 'left-behind', 'on-call')).toMatchObject({ state: 'cancelled' });
  });

  it('ends a run whose row has no lease', async () => {
    const bench = new Bench();
    bench.leave(blocked);
    expect(await cancel(bench.engine, 'left-behind', 'on-call')).toMatchObject({ state: 'cancelled' });
  });

  it.each<[string, Partial<Run>, number, RegExp]>([
    ['is over', { state: 'done' }, 0, /it is over/],
    ['has published its version', { ...blocked, to: { slot: 'b', version: 'v2' } }, 0, /current already/],
    ['is being worked on', {}, MINUTE, /a runner is working on it/],
  ])('is refused when the run %s', async (_, run, held, why) => {
    const bench = new Bench();
    bench.leave(run, heldUntil(held));
    await expect(cancel(bench.engine, 'left-behind', 'on-call')).rejects.toMatchObject({
      code: 'CONFLICT',
      message: matching(why),
    });
  });

  it('is refused when another run has come after it', async () => {
    const bench = new Bench();
    bench.leave({ rotationId: 'old', state: 'done' });
    bench.leave({ rotationId: 'new' });
    await expect(cancel(bench.engine, 'old', 'on-call')).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('bootstrap', () => {
  it('lets the rotator make what is missing', async () => {
    const bench = new Bench({}, (rotator) => withBootstrap(rotator));
    expect(await runbook.bootstrap(bench.engine, OBJECT, { dryRun: true })).toEqual(['would make b']);
    expect(await runbook.bootstrap(bench.engine, OBJECT, { dryRun: false })).toEqual(['made b']);
  });

  it('is refused where nothing can be missing, and where the secret is not managed', async () => {
    const bench = new Bench();
    const asked = runbook.bootstrap(bench.engine, OBJECT, { dryRun: true });
    await expect(asked).rejects.toMatchObject({ code: 'REQUEST_INVALID', message: containing('bank') });
    bench.seed({ tags: {} });
    const again = runbook.bootstrap(bench.engine, OBJECT, { dryRun: true });
    await expect(again).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  const withBootstrap = (rotator: Rotator): Rotator => {
    const bootstrap: NonNullable<Rotator['bootstrap']> = async (target, { dryRun }) =>
      target.slots.slice(1).map((slot) => `${dryRun ? 'would make' : 'made'} ${slot}`);
    return Object.assign(rotator, { bootstrap });
  };
});

it('a request that takes too long ends, and says so', async () => {
  const bench = new Bench();
  bench.clock.advance(OVERLAP);
  bench.calls.before('journal.runs', () => {
    bench.clock.advance(MINUTE);
    return Promise.withResolvers<undefined>().promise;
  });
  await expect(runbook.list(bench.engine, { limit: 1 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
});

it('a passing failure of the vault is passed on as it is', async () => {
  const bench = new Bench();
  bench.calls.fail('vault.current', error('THROTTLED', { retryAfterMs: 1000 }));
  await expect(runbook.start(bench.engine, request)).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 1000 });
});
