import { describe, expect, it } from 'vitest';
import type { Run } from '../../src/rotation/record.ts';
import { Bench, days, error, OBJECT, OLD, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { NOW } from '../support/memory/clock.ts';

const inFuture = (ms: number): string => new Date(NOW.getTime() + ms).toISOString();
const blocked: Partial<Run> = {
  state: 'blocked',
  step: 'set',
  from: { version: 'v1', slot: 'a' },
  to: { slot: 'b' },
  blocked: { code: 'GRANTS_DIFFER', message: 'b lacks a grant', at: NOW.toISOString() },
};

describe('a whole rotation', () => {
  it('sets and proves the idle slot, writes one version, and retires the old credential after the overlap', async () => {
    const bench = new Bench();
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
    const [current, before] = bench.vault.peek(OBJECT);
    expect(current).toMatchObject({
      tags: { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a', RotationId: bench.run.rotationId },
      expiresOn: days(90),
    });
    expect(before).toMatchObject({ version: 'v1', enabled: true });
    expect(bench.currentWorks()).toBe(true);
    expect(bench.rotator.passwords.get('a')).toBe(OLD);
    await bench.propagate();
    bench.clock.advance(OVERLAP);
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'done', step: 'done' });
    expect(bench.rotator.passwords.has('a')).toBe(false);
    expect(bench.currentWorks()).toBe(true);
    expect(bench.clock.pending, 'time-outs left behind').toBe(0);
  });

  it('costs at most ten remote calls up to the new version', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    // The first rotation of all looks for other secrets on the pair and claims its slots; a plain one has that behind it.
    const once = ['vault.list', 'journal.claimSlots'];
    expect(bench.calls.log.filter((call) => !once.includes(call)).length).toBeLessThanOrEqual(10);
  });

  it('takes the key that the system makes, where the engine does not make it', async () => {
    const bench = new Bench({ minting: 'system' });
    await bench.deliver(bench.message());
    expect(bench.minted).toEqual([]);
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe('made-by-the-system-1');
  });

  it('tells the rotator when the version will expire that is to hold the credential', async () => {
    const bench = new Bench({ minting: 'system' });
    await bench.deliver(bench.message());
    expect(bench.rotator.asked?.expiresOn).toEqual(days(90));
    expect(bench.vault.peek(OBJECT)[0]?.expiresOn).toEqual(days(90));
  });

  it('comes back when the system is still making the credential', async () => {
    const bench = new Bench({ minting: 'system' });
    bench.rotator.answersPending = true;
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'waiting' });
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'set', wakeAt: inFuture(30_000) });
    expect(bench.queue.nextAt).toBe(NOW.getTime() + 30_000);
    bench.rotator.answersPending = false;
    bench.clock.advance(30_000);
    await bench.drain();
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'rotated' });
  });

  it('is swift when it is compromised: announced, the old credential revoked and its sessions ended at once', async () => {
    const bench = new Bench();
    bench.rotator.sessions.set('a', ['app@host']);
    expect(
      await bench.deliver(bench.message('compromised', { rotationId: 'r', requestedBy: 'on-call' })),
    ).toMatchObject({
      outcome: 'retired',
    });
    expect(bench.announced).toHaveLength(1);
    expect(bench.rotator.ended).toEqual(['a']);
    expect(bench.run).toMatchObject({ state: 'done', compromised: true, requestedBy: 'on-call' });
  });

  it('repairs a compromised value that no longer logs in', async () => {
    const bench = new Bench();
    bench.rotator.passwords.delete('a');
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'r' }))).toMatchObject({
      outcome: 'retired',
    });
    expect(bench.currentWorks()).toBe(true);
  });
});

describe('a compromised credential does not wait', () => {
  it('for the overlap of the run before: that one is closed, and both old credentials go', async () => {
    const bench = new Bench();
    await bench.rotated();
    const before = bench.run.rotationId;
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'r' }))).toMatchObject({
      outcome: 'retired',
    });
    expect(bench.journal.ledger.get(before)?.run).toMatchObject({ state: 'done' });
    expect(bench.journal.ledger.get(before)?.run.steps.at(-1)?.detail).toContain('superseded');
    expect(bench.run).toMatchObject({ rotationId: 'r', state: 'done', from: { slot: 'b' }, to: { slot: 'a' } });
    expect(bench.currentWorks()).toBe(true);
    expect([...bench.rotator.passwords.keys()]).toEqual(['a']);
  });

  it('for a run that is blocked', async () => {
    const bench = new Bench();
    bench.leave(blocked);
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'r' }))).toMatchObject({
      outcome: 'retired',
    });
    expect(bench.journal.ledger.get('left-behind')?.run.state).toBe('done');
  });

  it('and is done once, however often its message comes', async () => {
    const bench = new Bench();
    const message = bench.message('compromised', { rotationId: 'r' });
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await bench.deliver(message);
    expect(await bench.deliver(message)).toMatchObject({ outcome: 'retired' });
    expect(await bench.deliver(message)).toMatchObject({ outcome: 'dropped', reason: 'RunIsOver' });
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
  });
});

describe('no secret value is told', () => {
  it.each(['rotator.test', 'rotator.set', 'vault.write'])('by an error of %s that quotes it', async (call) => {
    const bench = new Bench();
    bench.calls.before(call, () => {
      throw error('UNAVAILABLE', { message: `cannot use ${OLD} or ${bench.minted.at(-1) ?? ''}` });
    });
    await bench.deliver(bench.message());
    expect(bench.run.lastError?.message).toContain('[secret]');
    for (const secret of [OLD, ...bench.minted]) expect(bench.journal.text()).not.toContain(secret);
  });

  it('and a value too short to be told from other text is left', async () => {
    const bench = new Bench();
    bench.seed({ value: 'abc' });
    bench.rotator.passwords.set('a', 'abc');
    bench.calls.fail('rotator.set', error('UNAVAILABLE', { message: 'abcdef' }));
    await bench.deliver(bench.message());
    expect(bench.run.lastError?.message).toBe('abcdef');
  });

  it('by a whole life: journal, ledger, queue, events, log', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.clock.advance(OVERLAP);
    await bench.drain();
    for (const secret of [OLD, ...bench.minted]) expect(bench.told()).not.toContain(secret);
  });
});
