import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { cancel } from '../../src/rotation/cancel.ts';
import type { Run } from '../../src/rotation/record.ts';
import { start } from '../../src/rotation/runbook.ts';
import { Bench, days, error, OBJECT, OLD, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE, NOW } from '../support/memory/clock.ts';

const manual = { object: OBJECT, reason: 'manual', force: false, requestedBy: 'on-call' } as const;

/** Lives on for a while: whatever becomes visible in that time is delivered when it does. */
async function live(bench: Bench, forMs: number): Promise<void> {
  const end = bench.clock.now().getTime() + forMs;
  for (let turns = 0; turns < 500; turns += 1) {
    await bench.drain();
    const nextAt = bench.queue.nextAt;
    if (nextAt === undefined || nextAt > end) return;
    bench.clock.advance(Math.max(1, nextAt - bench.clock.now().getTime()));
  }
}

describe('a failure before the decision does not stand in for it', () => {
  it('a late copy of an event whose version was rotated rotates nothing, though the vault was down when it came', async () => {
    const bench = new Bench();
    const event = bench.message();
    await bench.rotated(event);
    await live(bench, 2 * OVERLAP);
    expect(bench.run.state).toBe('done');
    bench.calls.fail('vault.current', error('UNAVAILABLE'));
    await bench.deliver(event);
    await live(bench, HOUR);
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
  });

  it('readers of the version before keep their overlap, though the vault was down when it was asked for', async () => {
    const bench = new Bench();
    bench.seed({ value: 'of-b', tags: { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' } });
    bench.seed({ createdOn: new Date(NOW.getTime() - HOUR) });
    bench.rotator.passwords.set('b', 'of-b');
    bench.calls.fail('vault.current', error('UNAVAILABLE'));
    await bench.deliver(bench.message('manual', { rotationId: newRotationId(OBJECT, NOW) }));
    await live(bench, HOUR);
    expect(bench.rotator.passwords.get('b')).toBe('of-b');
  });

  it('a young version whose wrong tags are corrected is not rotated for that', async () => {
    const bench = new Bench();
    bench.seed({ tags: { ...TAGS, OverlapHours: 'many' }, createdOn: days(-1), expiresOn: days(89) });
    await bench.deliver(bench.message('sweep'));
    expect(bench.run.state).toBe('blocked');
    bench.clock.advance(DAY);
    bench.vault.change(OBJECT, { tags: TAGS });
    await bench.resume();
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('a value that somebody put right again by hand is not rotated for that', async () => {
    const bench = new Bench();
    bench.rotator.passwords.set('a', 'changed by hand');
    await bench.deliver(bench.message());
    expect(bench.run.blocked?.code).toBe('DRIFTED');
    bench.clock.advance(2 * DAY);
    bench.seed({ value: 'changed by hand', createdOn: bench.clock.now(), expiresOn: days(92) });
    await bench.resume();
    expect(bench.calls.count('rotator.set')).toBe(0);
  });
});

describe('what a person asks for is done', () => {
  it('a retirement that is blocked goes on when it is asked for', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.rotator.sessions.set('a', ['app@host']);
    await live(bench, 10 * DAY);
    expect(bench.run.blocked?.code).toBe('NOT_ADOPTED');
    bench.rotator.sessions.delete('a');
    expect(await start(bench.engine, manual)).toMatchObject({ resumed: true });
    await bench.drain();
    expect(bench.run.state).toBe('done');
  });

  it('a run that waits after a failure goes on when it is asked to', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('THROTTLED', { retryAfterMs: HOUR }));
    await bench.deliver(bench.message());
    expect(await start(bench.engine, manual)).toMatchObject({ resumed: true });
    await bench.drain();
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'rotated' });
  });

  it('a run that is reopened has all its attempts before it again', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'), 10);
    await bench.deliver(bench.message());
    await live(bench, DAY);
    expect(bench.run.state).toBe('blocked');
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'waiting' });
  });

  it.each(['vault.current', 'journal.announceRun'])(
    'a compromised credential is rotated in spite of an open overlap, though %s failed at first',
    async (call) => {
      const bench = new Bench();
      await bench.rotated();
      const rotationId = newRotationId(OBJECT, bench.clock.now());
      bench.calls.fail(call, error('UNAVAILABLE'));
      await bench.deliver(bench.message('compromised', { rotationId }));
      await live(bench, HOUR);
      expect(bench.run).toMatchObject({ rotationId, state: 'done' });
    },
  );

  it('a request that cannot be met says so in the ledger, and the run before it goes its way', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.vault.change(OBJECT, { tags: { ...bench.vault.peek(OBJECT)[0]?.tags, Paused: 'perhaps' } });
    await bench.deliver(bench.message('compromised', { rotationId: 'r' }));
    expect(bench.journal.ledger.get('r')?.run).toMatchObject({ state: 'refused', reason: 'CONFIG_INVALID' });
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
  });

  it('a compromised credential is rotated, though another runner took the row in between', async () => {
    const bench = new Bench();
    const { rotationId } = await start(bench.engine, { ...manual, reason: 'compromised' });
    const event = bench.message();
    bench.calls.before('journal.claimSlots', async () => {
      await bench.deliver(event);
    });
    await bench.drain();
    expect(bench.outcomes[0]).toMatchObject({ outcome: 'rotated' });
    await live(bench, HOUR);
    expect(bench.journal.ledger.get(rotationId)?.run.state).toBe('done');
  });
});

describe('what one runner holds', () => {
  it('is left alone by another whose message cannot be put back', async () => {
    const bench = new Bench();
    const event = bench.message();
    bench.calls.before('rotator.test', () => undefined);
    bench.calls.before('rotator.test', async () => {
      bench.calls.fail('queue.rotate', error('UNAVAILABLE'));
      // The second delivery either throws, so that it comes again, or answers; but it must not touch the row.
      const before = bench.journal.entry(OBJECT)?.etag;
      await Promise.allSettled([bench.deliver(event)]);
      expect(bench.journal.entry(OBJECT)?.etag).toBe(before);
    });
    expect(await bench.deliver(event)).toMatchObject({ outcome: 'rotated' });
  });

  it('a pair that another secret took over is asked for again', async () => {
    const bench = new Bench();
    const other = { ...OBJECT, name: 'the-other' };
    await bench.rotated();
    await live(bench, 2 * OVERLAP);
    const tags = bench.vault.peek(OBJECT)[0]?.tags ?? {};
    bench.vault.change(OBJECT, { tags: { ...tags, ProviderAddress: 'shop.example' } });
    const value = bench.vault.peek(OBJECT)[0]?.value.reveal() ?? '';
    bench.seed({ object: other, value, tags: { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' } });
    const theirs = { object: other, trigger: 'manual' } as const;
    expect(await bench.deliver(theirs)).toMatchObject({ outcome: 'rotated' });
    bench.vault.change(OBJECT, { tags });
    await bench.deliver(bench.message('manual'));
    expect(bench.run.blocked?.code).toBe('SLOT_OWNED');
  });
});

describe('an overlap is kept', () => {
  it('after a version that a person wrote between two rotations, too', async () => {
    const bench = new Bench();
    await bench.rotated();
    await live(bench, 2 * OVERLAP);
    bench.clock.advance(DAY);
    bench.rotator.passwords.set('a', 'by hand');
    const tags = { ...TAGS, RotationId: bench.run.rotationId };
    bench.vault.put(OBJECT, 'by hand', tags, { expiresOn: days(90) });
    bench.clock.advance(HOUR);
    const before = bench.rotator.passwords.get('b');
    await bench.deliver(bench.message('manual'));
    expect(bench.rotator.passwords.get('b'), 'which readers of our version may still use').toBe(before);
  });

  it('after the answer of the write was lost and the run was about to be cancelled', async () => {
    const bench = new Bench();
    bench.calls.before('journal.write', () => bench.calls.fail('journal.write', error('UNAVAILABLE')));
    await bench.deliver(bench.message()).catch(() => undefined);
    bench.clock.advance(LEASE_MS + 1000);
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('a value is not told', () => {
  const quoting = (bench: Bench) =>
    error('UNAVAILABLE', {
      message: `no ${OLD} ${bench.minted.at(-1) ?? ''}`,
      remedy: `try ${OLD}`,
      problems: [{ path: 'x', message: OLD }],
    });

  it('in the outcome, which is logged', async () => {
    const bench = new Bench();
    bench.calls.before('rotator.set', () => Promise.reject(quoting(bench)));
    expect(JSON.stringify(await bench.deliver(bench.message()))).not.toContain(OLD);
  });

  it('in a remedy or a problem', async () => {
    const bench = new Bench();
    bench.calls.before('rotator.set', () => Promise.reject(quoting(bench)));
    await bench.deliver(bench.message());
    expect(bench.journal.text()).not.toContain(OLD);
  });

  it('when the system made it', async () => {
    const bench = new Bench({ minting: 'system' });
    const refused = error('UNAVAILABLE', { message: 'no made-by-the-system-1' });
    bench.calls.before('vault.write', () => Promise.reject(refused));
    await bench.deliver(bench.message());
    expect(bench.journal.text()).not.toContain('made-by-the-system-1');
  });

  it('in the retirement', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.clock.advance(OVERLAP);
    bench.calls.fail('rotator.list', error('UNAVAILABLE', { message: 'no minted-password-1' }));
    await bench.drain();
    expect(bench.journal.text()).not.toContain('minted-password-1');
  });
});

describe('also', () => {
  it('what the vault would refuse is found out before a system is asked for a new key', async () => {
    const bench = new Bench({ minting: 'system' });
    bench.seed({ tags: { ...TAGS, ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`t${i}`, 'x'])) } });
    await bench.deliver(bench.message());
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('a run found too early to retire does not fill the queue, however often the sweep finds it', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.calls.fail('queue.rotate', error('UNAVAILABLE'));
    await bench.propagate().catch(() => undefined);
    bench.calls.fail('queue.rotate', error('UNAVAILABLE'));
    await bench.resume();
    bench.clock.advance(10 * MINUTE);
    await bench.resume();
    expect(bench.run.wakeAt).toBe(bench.run.retireAt);
  });

  it('a version of ours that lost its tags before it was taken over blocks or ends the run, and is no bug', async () => {
    const bench = new Bench();
    const left: Partial<Run> = { from: { version: 'v1', slot: 'a' }, to: { slot: 'b' } };
    bench.leave(left);
    bench.vault.put(OBJECT, 'new', { RotationId: 'left-behind' });
    expect(['blocked', 'cancelled', 'rotated']).toContain((await bench.resume()).outcome);
  });
});
