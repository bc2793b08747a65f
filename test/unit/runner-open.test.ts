import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { RotateMessage, Trigger } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import { JournalNotWritten } from '../../src/rotation/session.ts';
import { Bench, error, OBJECT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { HOUR, MINUTE, NOW } from '../support/memory/clock.ts';

const inFuture = (ms: number): string => new Date(NOW.getTime() + ms).toISOString();
const blocked: Partial<Run> = {
  state: 'blocked',
  step: 'set',
  from: { version: 'v1', slot: 'a' },
  to: { slot: 'b' },
  blocked: { code: 'GRANTS_DIFFER', message: 'b lacks a grant', at: NOW.toISOString() },
};
const waiting: Partial<Run> = { ...blocked, state: 'waiting', wakeAt: inFuture(HOUR) };
const overlapping: Partial<Run> = {
  state: 'waiting',
  step: 'confirm',
  system: 'bank:bank.example',
  from: { version: 'v0', slot: 'b' },
  to: { slot: 'a', version: 'v1' },
  retireAt: inFuture(HOUR),
  wakeAt: inFuture(HOUR),
};
const resume: RotateMessage = { object: OBJECT, trigger: 'resume', rotationId: 'left-behind' };

describe('an open run', () => {
  it.each<Trigger>(['resume', 'manual', 'expired'])('that is blocked is reopened by %s', async (trigger) => {
    const bench = new Bench();
    bench.leave(blocked);
    expect(await bench.deliver({ ...resume, trigger })).toMatchObject({
      outcome: 'rotated',
      rotationId: 'left-behind',
    });
    expect(bench.run.blocked).toBeUndefined();
  });

  it('comes back when it was resumed too early, since a queue keeps nothing longer than seven days', async () => {
    const bench = new Bench();
    bench.leave(overlapping);
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'deferred', reason: 'NotYet' });
    expect(bench.queue.nextAt).toBe(NOW.getTime() + HOUR);
  });

  it.each([
    ['goes on', () => undefined],
    ['fails', (bench: Bench) => bench.calls.fail('rotator.set', error('UNAVAILABLE'))],
  ])('that a request under another id meets %s, and answers the request, too', async (_, prepare) => {
    const bench = new Bench();
    bench.leave(blocked);
    prepare(bench);
    const outcome = await bench.deliver(bench.message('manual', { rotationId: 'asked-for', requestedBy: 'on-call' }));
    expect(outcome).toMatchObject({ rotationId: 'left-behind' });
    expect(bench.journal.ledger.get('asked-for')?.run).toMatchObject({ state: 'refused', requestedBy: 'on-call' });
    expect(bench.journal.ledger.get('asked-for')?.run.steps[0]?.detail).toContain(
      'rotation left-behind had begun before',
    );
    expect(await bench.deliver(bench.message('manual', { rotationId: 'asked-for' })), 'once').toMatchObject({
      outcome: 'dropped',
    });
  });

  it('is given up when somebody else wrote a version while it was under way', async () => {
    const bench = new Bench();
    bench.leave(waiting);
    bench.seed();
    bench.clock.advance(HOUR);
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'cancelled' });
    expect(bench.run).toMatchObject({ state: 'cancelled', finishedAt: inFuture(HOUR) });
    expect(bench.run.steps.at(-1)?.detail).toContain('somebody else');
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('is given up when the tags of its secret are gone', async () => {
    const bench = new Bench();
    bench.leave(blocked);
    bench.vault.change(OBJECT, { tags: {} });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'cancelled' });
  });

  it('is blocked when the tags of its secret became wrong', async () => {
    const bench = new Bench();
    bench.leave({ ...blocked, state: 'running' });
    bench.vault.change(OBJECT, { tags: { ...TAGS, ValidityPeriodDays: 'many' } });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked?.problems?.[0]).toMatchObject({ path: 'tags.ValidityPeriodDays' });
  });

  it('is blocked when its secret was deleted', async () => {
    const bench = new Bench();
    bench.leave({ ...blocked, state: 'running' });
    bench.vault.remove(OBJECT);
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked?.code).toBe('TARGET_NOT_FOUND');
  });

  it('does not go on while its secret is paused, unless it is forced or compromised', async () => {
    const bench = new Bench();
    bench.leave({ ...blocked, state: 'running' });
    bench.vault.change(OBJECT, { tags: { ...TAGS, Paused: 'true' } });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'refused', reason: 'Paused' });
    expect(await bench.deliver({ ...resume, force: true })).toMatchObject({ outcome: 'rotated' });
    bench.leave({
      ...blocked,
      rotationId: 'second',
      from: { version: bench.version, slot: 'b' },
      to: { slot: 'a' },
      state: 'running',
      compromised: true,
    });
    bench.vault.change(OBJECT, { tags: { ...bench.vault.peek(OBJECT)[0]?.tags, Paused: 'true' } });
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
  });

  it('that was never decided on, and does not say what asked for it, is decided on as the sweep would', async () => {
    const due = new Bench();
    due.leave({ state: 'waiting', step: 'claim' });
    expect(await due.deliver(resume)).toMatchObject({ outcome: 'rotated', rotationId: 'left-behind' });
  });

  it('refreshes itself when the event of the vault has not come', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.clock.advance(3 * MINUTE);
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
    expect(bench.announced).toHaveLength(1);
    expect(bench.run).toMatchObject({ step: 'confirm', wakeAt: bench.run.retireAt });
  });

  it('that does not know the end of its overlap is left alone', async () => {
    const bench = new Bench();
    bench.leave({ step: 'confirm', from: { version: 'v0', slot: 'b' }, to: { slot: 'a', version: 'v1' } });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'dropped', reason: 'RunIsOver' });
  });

  it('that names nothing to retire is left alone', async () => {
    const bench = new Bench();
    bench.leave({ step: 'confirm', to: { slot: 'b', version: 'v1' } });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'dropped', reason: 'RunIsOver' });
  });
});

describe('after a crash', () => {
  it('between the write and the journal, the version that was written is taken over', async () => {
    const bench = new Bench();
    bench.calls.before('journal.write', () => bench.calls.fail('journal.write', error('UNAVAILABLE')));
    await expect(bench.deliver(bench.message())).rejects.toThrow(JournalNotWritten);
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
    expect(await bench.resume()).toMatchObject({ outcome: 'deferred' });
    bench.clock.advance(LEASE_MS + 1000);
    expect(await bench.resume()).toMatchObject({ outcome: 'rotated' });
    expect(bench.vault.peek(OBJECT), 'not written twice').toHaveLength(2);
    expect(bench.run).toMatchObject({ to: { slot: 'b', version: 'v2' }, from: { slot: 'a' } });
    expect(bench.run.retireAt).toBe(new Date(bench.clock.now().getTime() + OVERLAP).toISOString());
  });

  it('a version without an expiry is taken over, too', async () => {
    const bench = new Bench();
    bench.vault.put(OBJECT, 'new', {
      ...TAGS,
      CredentialId: 'b',
      AlternateCredentialId: 'a',
      RotationId: 'left-behind',
    });
    bench.leave({});
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'rotated' });
    expect(bench.run.to).toEqual({ slot: 'b', version: 'v2' });
  });

  it('before the write, the idle slot is set once more and one version comes of it', async () => {
    const bench = new Bench();
    bench.calls.fail('vault.write', error('TIMED_OUT', { effect: 'unknown' }));
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'waiting' });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.minted).toHaveLength(2);
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
    expect(bench.currentWorks()).toBe(true);
  });

  it('without its journal a run does nothing: no intent, no side effect', async () => {
    const bench = new Bench();
    bench.calls.fail('journal.write', error('UNAVAILABLE'));
    await expect(bench.deliver(bench.message())).rejects.toThrow(/journal could not be written/);
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('what is thrown that is no Error still keeps the journal from being trusted', async () => {
    const bench = new Bench();
    bench.calls.before('journal.write', () => Promise.reject(Object.create(null) as Error));
    await expect(bench.deliver(bench.message())).rejects.toThrow('the journal could not be written: unknown');
  });

  it('a bug is not taken for a failure of the run', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', new TypeError('a bug'));
    await expect(bench.deliver(bench.message())).rejects.toThrow(TypeError);
    expect(bench.run.state).toBe('running');
  });
});

describe('two runners', () => {
  it('that get the same event at once rotate once', async () => {
    const bench = new Bench();
    const event = bench.message();
    bench.calls.before('rotator.test', async () => {
      await bench.deliver(event);
    });
    expect(await bench.deliver(event)).toMatchObject({ outcome: 'dropped', reason: 'LeaseLost' });
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
    expect(bench.currentWorks()).toBe(true);
  });

  it('the one whose lease lapsed while it was setting writes nothing any more', async () => {
    const bench = new Bench();
    bench.calls.before('rotator.set', () => bench.clock.advance(LEASE_MS));
    await expect(bench.deliver(bench.message()), 'the message comes again').rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    expect(bench.vault.peek(OBJECT)).toHaveLength(1);
    expect(bench.run.state, 'which the sweep finds').toBe('running');
  });

  it('the one that fails after it lost the row leaves the other one’s run alone', async () => {
    const bench = new Bench();
    bench.calls.before('rotator.set', () => {
      bench.leave({ ...waiting, rotationId: 'of-the-other' });
      throw error('UNAVAILABLE');
    });
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'dropped', reason: 'LeaseLost' });
    expect(bench.run.rotationId).toBe('of-the-other');
  });
});
