/** One account whose system keeps the value before: the same single slot, without a gap, and with an overlap. */
import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import { dryRun } from '../../src/rotation/dry-run.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { pendingOf } from '../../src/rotation/staging.ts';
import { Bench, error, OBJECT, OLD, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';

const retaining = (): Bench => new Bench({ overlap: 'none', revocable: true, retains: true });
const PENDING = pendingOf(OBJECT);
const oldWorks = (bench: Bench): boolean => bench.rotator.logsIn('a', new SecretValue(OLD));
const pendingEnabled = (bench: Bench): readonly boolean[] => bench.vault.peek(PENDING).map(({ enabled }) => enabled);

/** The overlap passes, and whatever is due then is done. */
async function overlapEnds(bench: Bench): Promise<void> {
  bench.clock.advance(OVERLAP + MINUTE);
  await bench.drain();
}

/** The new value is live, and the vault refuses the version. */
async function stoppedAfterSet(bench: Bench): Promise<void> {
  bench.calls.before('rotator.set', () =>
    bench.calls.fail('vault.write', error('ACCESS_DENIED', { recovery: 'reconfigure' })),
  );
  await bench.deliver(bench.message());
  expect(bench.run).toMatchObject({ state: 'blocked', step: 'finish' });
  expect(bench.rotator.seconds.get('a'), 'kept by the system').toBe(OLD);
}

describe('a rotation that keeps the value before', () => {
  it('has no gap, keeps the old value through the overlap, and then takes it out of use', async () => {
    const bench = retaining();
    bench.calls.before('vault.write', () => expect(bench.currentWorks(), 'before each write').toBe(true));
    await bench.rotated();
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm', from: { slot: 'a' }, to: { slot: 'a' } });
    expect(bench.currentWorks()).toBe(true);
    expect(oldWorks(bench)).toBe(true);
    expect(pendingEnabled(bench), 'published: no second copy through the overlap').toEqual([false]);
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'done', step: 'done' });
    expect(bench.currentWorks()).toBe(true);
    expect(oldWorks(bench)).toBe(false);
    expect(bench.rotator.ended, 'nobody is thrown out').toEqual([]);
  });

  it('does not wait for sessions: those of one account do not show with which value they were opened', async () => {
    const bench = retaining();
    bench.rotator.sessions.set('a', ['a reader, with the new value or the old']);
    await bench.rotated();
    await overlapEnds(bench);
    expect(bench.run.state).toBe('done');
    expect(bench.calls.count('rotator.list')).toBe(0);
  });

  it('ends in the same way where the version of the system keeps nothing', async () => {
    const bench = retaining();
    bench.rotator.keepsNone = true;
    await bench.rotated();
    expect(oldWorks(bench)).toBe(false);
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(bench.currentWorks()).toBe(true);
  });

  it('keeps a second rotation waiting during the overlap, which would end what readers still hold', async () => {
    const bench = retaining();
    await bench.rotated();
    await bench.deliver({ object: OBJECT, trigger: 'sweep' });
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'dropped', reason: 'RunInProgress' });
    expect(bench.calls.count('rotator.set')).toBe(1);
    expect(oldWorks(bench)).toBe(true);
  });

  it('of a compromised value takes it out of use at once, and ends the sessions', async () => {
    const bench = retaining();
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(oldWorks(bench)).toBe(false);
    expect(bench.rotator.ended).toEqual(['a']);
    expect(pendingEnabled(bench)).toEqual([false]);
  });

  it('of a value that is compromised within the overlap leaves neither that one nor the one before it', async () => {
    const bench = retaining();
    await bench.rotated();
    const leaked = new SecretValue(bench.minted[0] ?? '');
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(bench.currentWorks()).toBe(true);
    expect([oldWorks(bench), bench.rotator.logsIn('a', leaked)]).toEqual([false, false]);
  });

  it('says in a dry run what happens to the value before, and when', async () => {
    const bench = retaining();
    const request = { object: OBJECT, force: false, requestedBy: 'on-call' };
    const { calls } = await dryRun(bench.engine, { ...request, reason: 'manual' });
    expect(calls.at(-1)).toBe('after the overlap: take the value before of a out of use, where the system has kept it');
    const atOnce = await dryRun(bench.engine, { ...request, reason: 'compromised' });
    expect(atOnce.calls.at(-1)).toBe('at once: take the value before of a out of use and end the sessions of a');
  });
});

describe('the value before is kept', () => {
  it('when somebody has put it back: it works, and nothing but the version tells the two apart', async () => {
    const bench = retaining();
    await bench.rotated();
    bench.vault.put(OBJECT, OLD, { ...TAGS, RotationId: bench.run.rotationId });
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(bench.run.blocked?.message).toContain('was not written by this rotation, and may hold the value before');
    expect(bench.calls.count('rotator.revoke')).toBe(0);
    expect(bench.currentWorks()).toBe(true);
    expect(await cancel(bench.engine, bench.run.rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
  });

  it('by the next rotation, when it was put back and the run was cancelled', async () => {
    const bench = retaining();
    await bench.rotated();
    bench.clock.advance(OVERLAP - MINUTE);
    bench.vault.put(OBJECT, OLD, TAGS);
    bench.clock.advance(2 * MINUTE);
    await bench.drain();
    await cancel(bench.engine, bench.run.rotationId, 'on-call');
    const asked = await bench.deliver(bench.message('manual'));
    expect(asked, 'readers of the version that was taken back').toMatchObject({ reason: 'OverlapNotOver' });
    expect(bench.calls.count('rotator.set')).toBe(1);
    bench.clock.advance(2 * OVERLAP);
    bench.calls.before('vault.write', () => expect(bench.currentWorks(), 'readers hold the old value').toBe(true));
    await bench.deliver(bench.message('manual'));
    expect(bench.calls.count('rotator.set')).toBe(2);
    expect(bench.currentWorks()).toBe(true);
    expect(oldWorks(bench)).toBe(true);
  });

  it.each([
    ['names nothing any more', {}],
    ['names another account', { ...TAGS, CredentialId: 'other' }],
  ])('when the current version %s', async (_, tags) => {
    const bench = retaining();
    await bench.rotated();
    bench.vault.change(OBJECT, { tags });
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(oldWorks(bench)).toBe(true);
  });

  it('when the current one has stopped working', async () => {
    const bench = retaining();
    await bench.rotated();
    bench.rotator.passwords.set('a', 'changed by hand');
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'DRIFTED' } });
    expect(oldWorks(bench)).toBe(true);
  });
});

describe('readers keep the current value', () => {
  it('when somebody has made it the one before, which the end of the overlap ends', async () => {
    const bench = retaining();
    await bench.rotated();
    bench.rotator.seconds.set('a', bench.minted[0] ?? '');
    bench.rotator.passwords.set('a', 'changed by hand');
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(bench.currentWorks()).toBe(true);
    expect(bench.rotator.passwords.get('a')).toBe(bench.minted[0]);
    expect(bench.run.steps.at(-1)?.detail).toContain('somebody had made the value of a in the vault the one before');
  });

  it('unless nobody can tell whether it logs in: then the run is not over', async () => {
    const bench = retaining();
    await bench.rotated();
    bench.calls.before('rotator.revoke', () => bench.calls.fail('rotator.test', error('UNAVAILABLE')));
    bench.clock.advance(OVERLAP + MINUTE);
    await bench.resume();
    expect(bench.run).toMatchObject({ step: 'revoke', state: 'waiting' });
    await overlapEnds(bench);
    expect(bench.run).toMatchObject({ state: 'done' });
  });
});

describe('a rotation that stops after set', () => {
  it('goes on with the value that is live beside the old one, and sets no other', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    bench.clock.advance(LEASE_MS + 1000);
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.calls.count('rotator.set')).toBe(1);
    expect(oldWorks(bench)).toBe(true);
    await bench.propagate();
    await overlapEnds(bench);
    expect(oldWorks(bench)).toBe(false);
  });

  it('is cancelled with the new value taken back: readers’ own is the only one', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    expect(await cancel(bench.engine, bench.run.rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
    expect(bench.rotator.passwords.get('a')).toBe(OLD);
    expect([...bench.rotator.seconds]).toEqual([]);
    expect(pendingEnabled(bench)).toEqual([false]);
    expect(bench.currentWorks()).toBe(true);
  });

  it('is not cancelled when the new value cannot be taken back', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bench.run.state).toBe('blocked');
    expect(pendingEnabled(bench), 'it waits as before').toEqual([true]);
  });

  it('is not cancelled when nobody can tell whether the new value is live', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    bench.calls.before('rotator.test', () => bench.calls.fail('rotator.test', error('UNAVAILABLE')));
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bench.run.state).toBe('blocked');
  });

  it('is cancelled before set without a word to the system: what a person has kept as a second is that person’s', async () => {
    const bench = retaining();
    bench.calls.fail('rotator.set', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await bench.deliver(bench.message());
    bench.rotator.seconds.set('a', 'kept by hand');
    await cancel(bench.engine, bench.run.rotationId, 'on-call');
    expect(bench.calls.count('rotator.set')).toBe(1);
    expect(bench.rotator.seconds.get('a')).toBe('kept by hand');
  });

  it('gives way to a version that works, and takes its own value back', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    bench.vault.put(OBJECT, OLD, TAGS);
    bench.clock.advance(LEASE_MS + 1000);
    await bench.resume();
    expect(bench.run.state).toBe('cancelled');
    expect(bench.rotator.passwords.get('a')).toBe(OLD);
    expect([...bench.rotator.seconds]).toEqual([]);
  });

  it('leaves both values when a person has published the new one', async () => {
    const bench = retaining();
    await stoppedAfterSet(bench);
    bench.vault.put(OBJECT, bench.minted[0] ?? '', TAGS);
    bench.clock.advance(LEASE_MS + 1000);
    await bench.resume();
    expect(bench.currentWorks()).toBe(true);
    expect(oldWorks(bench), 'which readers may still hold').toBe(true);
  });
});
