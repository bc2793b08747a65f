/** One account, one password: the new one takes the place of the old one, and waits in the vault before that. */
import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { RotationError } from '../../src/rotation/errors.ts';
import { isPending, pendingOf } from '../../src/rotation/staging.ts';
import { Bench, error, OBJECT, OLD, TAGS, VAULT } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const single = (): Bench => new Bench({ overlap: 'none', revocable: false });
const PENDING = pendingOf(OBJECT);
const pendingVersions = (bench: Bench) => bench.vault.peek(PENDING);

/** Everything that comes of the first delivery, then of time. */
async function live(bench: Bench): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) {
    await bench.drain();
    bench.clock.advance(MINUTE);
  }
}

describe('a rotation in place', () => {
  it('puts the value away before it changes the password, publishes it, and leaves no enabled pending version', async () => {
    const bench = single();
    bench.calls.before('rotator.set', () => expect(pendingVersions(bench)).toHaveLength(1));
    await bench.rotated();
    await live(bench);
    expect(bench.run).toMatchObject({ state: 'done', step: 'done', from: { slot: 'a' }, to: { slot: 'a' } });
    expect(bench.currentWorks()).toBe(true);
    expect(pendingVersions(bench).map((version) => version.enabled)).toEqual([false]);
    expect(bench.calls.count('rotator.revoke'), 'there is nothing to revoke').toBe(0);
    expect(bench.told()).not.toContain(bench.minted[0]);
  });

  it('keeps the tags that name an alternate account: it is not this rotation’s', async () => {
    const bench = single();
    await bench.rotated();
    expect(bench.vault.peek(OBJECT)[0]?.tags).toMatchObject({ CredentialId: 'a', AlternateCredentialId: 'b' });
  });

  it('is finished at once when the password was changed and the answer was lost', async () => {
    const bench = single();
    bench.calls.before('rotator.set', () => bench.calls.fail('rotator.test', error('TIMED_OUT')));
    await bench.deliver(bench.message());
    expect(bench.currentWorks(), 'the gap').toBe(false);
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.currentWorks()).toBe(true);
    expect(bench.calls.count('rotator.set'), 'the password is not changed twice').toBe(1);
    expect(bench.minted).toHaveLength(1);
  });

  it('sets the same pending value when the password was not changed yet', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    expect(bench.currentWorks()).toBe(true);
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.currentWorks()).toBe(true);
    expect(bench.minted, 'one value, set once').toHaveLength(1);
  });

  it('mints anew when it died before the value was put away, or another rotation’s waits there', async () => {
    const bench = single();
    bench.vault.put(PENDING, 'of-an-older-rotation', { RotationId: 'older' });
    bench.calls.fail('vault.write', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.currentWorks()).toBe(true);
    expect(bench.minted).toHaveLength(2);
    expect(bench.refusals(), 'no log-in with a value that was never set').toEqual([]);
  });

  it('is blocked when neither value works after a crash, unless it is forced', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.rotator.passwords.set('a', 'changed-by-somebody');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run.blocked).toMatchObject({ code: 'DRIFTED' });
    const forced = bench.message('manual', { rotationId: bench.run.rotationId, force: true });
    expect(await bench.deliver(forced)).toMatchObject({ outcome: 'rotated' });
    expect(bench.currentWorks()).toBe(true);
  });

  it('names the pending version that somebody has disabled after the change, and goes on when it is enabled', async () => {
    const bench = single();
    bench.calls.before('rotator.set', () => bench.calls.fail('rotator.test', error('TIMED_OUT')));
    await bench.deliver(bench.message());
    bench.vault.change(PENDING, { enabled: false });
    const [waiting] = pendingVersions(bench);
    bench.clock.advance(MINUTE);
    await bench.drain();
    const id = `${VAULT}/secrets/db-keyturn-pending/${waiting?.version ?? ''}`;
    expect(bench.run.blocked).toMatchObject({
      code: 'DRIFTED',
      message: containing(`waits in ${id}, which somebody has disabled`),
      remedy: containing(`az keyvault secret set-attributes --id ${id} --enabled true`),
    });
    expect(pendingVersions(bench), 'nothing hides it').toHaveLength(1);
    bench.vault.change(PENDING, { enabled: true });
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.currentWorks()).toBe(true);
    expect(bench.calls.count('rotator.set')).toBe(1);
  });

  it('does not offer a disabled version of another rotation', async () => {
    const bench = single();
    bench.vault.put(PENDING, 'of-an-older-rotation', { RotationId: 'older' });
    bench.vault.change(PENDING, { enabled: false });
    bench.calls.fail('vault.write', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.rotator.passwords.set('a', 'changed-by-somebody');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run.blocked).toMatchObject({ code: 'DRIFTED', message: containing('without the vault') });
  });

  it('does not take a secret that was never written for a pending version, nor a question that failed for a refusal', async () => {
    const bench = single();
    bench.calls.fail('vault.write', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.rotator.passwords.set('a', 'changed-by-somebody');
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'waiting', lastError: { code: 'UNAVAILABLE' } });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run.blocked).toMatchObject({ code: 'DRIFTED', message: containing('without the vault') });
    expect(bench.minted, 'nothing new is put away before it is clear what is live').toHaveLength(1);
  });

  it('goes on after any other failure of the question which value is live', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'waiting', lastError: { code: 'UNAVAILABLE' } });
    await live(bench);
    expect(bench.currentWorks()).toBe(true);
  });

  it('does not go on without knowing whether a value waits', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('UNAVAILABLE'));
    await bench.deliver(bench.message());
    bench.clock.advance(MINUTE);
    bench.calls.before('vault.current', () => bench.calls.fail('vault.current', error('ACCESS_DENIED')));
    await bench.drain();
    expect(bench.run.lastError ?? bench.run.blocked).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(bench.minted).toHaveLength(1);
  });

  it('of a compromised password ends the sessions that were opened with it', async () => {
    const bench = single();
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(bench.rotator.ended).toEqual(['a']);
    expect(bench.currentWorks()).toBe(true);
  });

  it('of a compromised password is over at once, also when the clock goes back meanwhile', async () => {
    const bench = single();
    bench.calls.before('announcer.announce', () => bench.clock.advance(-1000));
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'leak' }))).toMatchObject({
      outcome: 'retired',
    });
    expect(bench.run).toMatchObject({ state: 'done' });
  });

  it('is closed also when the tags of its secret are gone by then', async () => {
    const bench = single();
    await bench.rotated();
    bench.vault.change(OBJECT, { tags: {} });
    await live(bench);
    expect(bench.run).toMatchObject({ state: 'done' });
    expect(pendingVersions(bench)[0]?.enabled).toBe(false);
  });
});

describe('a value that the system has refused', () => {
  const refusal = error('CONFIG_INVALID', { recovery: 'reconfigure' });
  const reshape = (bench: Bench): void =>
    bench.vault.change(OBJECT, { tags: { ...TAGS, ValueShape: '{alphanumeric:32}' } });
  /** The run is blocked, or waits, after `set` has failed with this. */
  async function failed(how: RotationError): Promise<Bench> {
    const bench = single();
    bench.calls.fail('rotator.set', how);
    await bench.deliver(bench.message());
    return bench;
  }

  it('is made anew when its shape was corrected', async () => {
    const bench = await failed(refusal);
    reshape(bench);
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe('minted-password-2');
    await bench.propagate();
    await live(bench);
    expect(pendingVersions(bench).map(({ enabled }) => enabled)).toEqual([false, false]);
    expect(bench.run.refusedShape).toBeUndefined();
  });

  it('is sent again as it is when only a grant was missing', async () => {
    const bench = await failed(error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.minted).toHaveLength(1);
  });

  it.each([
    ['its answer was lost', error('TIMED_OUT', { effect: 'unknown' })],
    ['the system could not be reached', error('UNAVAILABLE')],
  ])('is kept, whatever the tags say by then, when %s', async (_, how) => {
    const bench = await failed(how);
    reshape(bench);
    await live(bench);
    expect(bench.currentWorks()).toBe(true);
    expect(bench.minted).toHaveLength(1);
  });

  it('is kept when the answer to the next attempt was lost', async () => {
    const bench = await failed(refusal);
    bench.calls.fail('rotator.set', error('TIMED_OUT', { effect: 'unknown' }));
    await bench.resume({ trigger: 'manual' });
    reshape(bench);
    await live(bench);
    expect(bench.currentWorks()).toBe(true);
    expect(bench.minted).toHaveLength(1);
  });

  it('is published when it is live all the same', async () => {
    const bench = await failed(refusal);
    bench.rotator.passwords.set('a', bench.minted[0] ?? '');
    reshape(bench);
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.minted).toHaveLength(1);
    expect(bench.currentWorks()).toBe(true);
  });
});

describe('cancelling a rotation in place', () => {
  it('is possible while the readers’ password works', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await bench.deliver(bench.message());
    expect(await cancel(bench.engine, bench.run.rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
    expect(bench.record?.lease).toBeUndefined();
    expect(pendingVersions(bench).map((version) => version.enabled)).toEqual([false]);
  });

  it('is refused when only the new version would let them in again', async () => {
    const bench = single();
    bench.calls.before('rotator.set', () =>
      bench.calls.fail('vault.write', error('ACCESS_DENIED', { recovery: 'reconfigure' })),
    );
    await bench.deliver(bench.message());
    expect(bench.run).toMatchObject({ state: 'blocked', step: 'finish' });
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'CONFLICT' });
    bench.clock.advance(LEASE_MS + 1000);
    expect(await bench.resume({ trigger: 'manual' })).toMatchObject({ outcome: 'rotated' });
    expect(bench.currentWorks()).toBe(true);
  });

  it('is not done when nobody can tell whether it works', async () => {
    const bench = single();
    bench.calls.fail('rotator.set', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await bench.deliver(bench.message());
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bench.run.state).toBe('blocked');
  });
});

describe('the name under which a value waits', () => {
  it('is the secret’s own with an ending, and differs for long names that begin alike', () => {
    const named = (name: string): string => pendingOf({ ...OBJECT, name }).name;
    expect(named('db')).toBe('db-keyturn-pending');
    const [first, second] = [named(`${'x'.repeat(126)}a`), named(`${'x'.repeat(126)}b`)];
    expect(first).toHaveLength(127);
    expect(first).not.toBe(second);
    expect([first, named('db')].map((name) => isPending({ ...OBJECT, name }))).toEqual([true, true]);
    expect(isPending(OBJECT)).toBe(false);
    expect(first).toMatch(/^[0-9a-zA-Z-]+$/);
  });
});

it('a secret that is managed in place is not handed out by another one either', async () => {
  const bench = single();
  bench.vault.put({ ...OBJECT, name: 'copy' }, OLD, TAGS);
  expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
  expect(bench.run.blocked).toMatchObject({ code: 'SLOT_OWNED' });
});
