import { describe, expect, it } from 'vitest';
import { sweep } from '../../src/rotation/sweep.ts';
import type { Run } from '../../src/rotation/record.ts';
import { Bench, days, error, OBJECT, OLD, OTHER_VAULT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { containing } from '../support/memory/text.ts';

const OTHER = { ...OBJECT, vault: OTHER_VAULT, name: 'other' };

describe('the first rotation of a pair is refused while another secret hands out one of its slots', () => {
  it.each([
    ['the idle one, which would be overwritten', { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' }],
    ['the same one, which would be revoked', TAGS],
  ])('%s', async (_, tags) => {
    const bench = new Bench();
    bench.vault.put(OTHER, OLD, tags);
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'SLOT_OWNED' });
    expect(bench.run.blocked?.message).toContain('other');
    expect(bench.calls.count('rotator.set')).toBe(0);
  });

  it('but not for one whose tags are wrong, which is reported by itself', async () => {
    const bench = new Bench();
    bench.vault.put(OTHER, OLD, { ...TAGS, Paused: 'x' });
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
  });
});

describe('a secret that is tagged onto a pair which another one has claimed long ago', () => {
  /** db has rotated a → b; then somebody stores what it had before in another vault, and tags it. */
  async function shared(): Promise<Bench> {
    const bench = new Bench();
    await bench.rotated();
    bench.vault.put(OTHER, OLD, TAGS);
    return bench;
  }

  it('is found by the sweep, and the old credential, which it hands out, is not revoked', async () => {
    const bench = await shared();
    const { problems } = await sweep(bench.engine);
    expect(problems).toHaveLength(2);
    expect(problems.join()).toContain('shares its credentials of bank:bank.example');
    expect(bench.record?.owns).toBeUndefined();
    bench.clock.advance(OVERLAP + 1);
    expect(await bench.resume()).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'SLOT_OWNED' });
    expect(bench.rotator.passwords.get('a'), 'still valid').toBe(OLD);
  });

  it('keeps the pair from being rotated until one of the two is let go', async () => {
    const bench = await shared();
    bench.clock.advance(OVERLAP + 1);
    await bench.resume();
    bench.vault.put(OTHER, 'of b', { ...TAGS, CredentialId: 'a', AlternateCredentialId: 'b' });
    await sweep(bench.engine);
    const ask = (id: string) => bench.message('manual', { rotationId: id });
    expect(await bench.deliver(ask('first'))).toMatchObject({ outcome: 'blocked' });
    bench.vault.change(OTHER, { tags: {} });
    expect(await sweep(bench.engine)).toMatchObject({ problems: [] });
    expect(await bench.deliver(ask('first'))).toMatchObject({ outcome: 'rotated' });
    expect(bench.record?.owns).toEqual({ system: 'bank:bank.example', slots: ['b', 'a'] });
  });

  it('is left to the next sweep while somebody writes the row', async () => {
    const bench = await shared();
    bench.calls.fail('journal.write', error('LEASE_LOST'));
    expect((await sweep(bench.engine)).problems.join()).toContain('LEASE_LOST');
    expect(bench.record?.owns).toBeDefined();
    await sweep(bench.engine);
    expect(bench.record?.owns).toBeUndefined();
  });
});

describe('a secret whose tags name another second account now', () => {
  const wants = { ...TAGS, CredentialId: 'd', AlternateCredentialId: 'b' };
  const retagged = (current: string): object => ({
    tags: { ...TAGS, CredentialId: current, AlternateCredentialId: 'c' },
  });

  /** db has rotated a → b → a, then gets c in the place of b; `other`, in d, wants b. */
  async function freed(): Promise<Bench> {
    const bench = new Bench();
    await bench.journal.claimSlots('bank:bank.example', ['a', 'b'], OBJECT);
    bench.leave({ state: 'done' }, { owns: { system: 'bank:bank.example', slots: ['a', 'b'] } });
    bench.vault.change(OBJECT, retagged('a'));
    bench.vault.put(OTHER, 'of-d', wants, { createdOn: days(-70), expiresOn: days(20) });
    bench.rotator.passwords.set('d', 'of-d');
    return bench;
  }
  const ask = (bench: Bench) => bench.deliver({ object: OTHER, trigger: 'sweep' });
  const blockedBy = (bench: Bench) => bench.journal.entry(OTHER)?.record.run?.blocked;

  it('has left the first one to whoever names it, and keeps its own', async () => {
    const bench = await freed();
    expect(await ask(bench)).toMatchObject({ outcome: 'rotated' });
    expect(bench.record?.owns, 'asks again').toBeUndefined();
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
    expect(bench.record?.owns).toEqual({ system: 'bank:bank.example', slots: ['a', 'c'] });
  });

  it.each<[string, Partial<Run>]>([
    ['to be revoked', { state: 'waiting', step: 'confirm', from: { version: 'v1', slot: 'B' } }],
    ['being made', { state: 'running', step: 'set', from: { version: 'v1', slot: 'a' }, to: { slot: 'b' } }],
  ])('keeps the first one as long as it is still %s', async (_, run) => {
    const bench = await freed();
    bench.leave(run, { owns: { system: 'bank:bank.example', slots: ['a', 'b'] } });
    expect(await ask(bench)).toMatchObject({ outcome: 'blocked' });
    expect(blockedBy(bench)).toMatchObject({ code: 'SLOT_OWNED', remedy: containing('no open run of it needs one') });
    expect(bench.record?.owns).toBeDefined();
    expect(bench.rotator.passwords.has('b')).toBe(false);
  });

  it('keeps what it still names', async () => {
    const bench = await freed();
    bench.vault.change(OBJECT, { tags: { ...TAGS, CredentialId: 'a', AlternateCredentialId: 'B' } });
    expect(await ask(bench)).toMatchObject({ outcome: 'blocked' });
    expect(blockedBy(bench)).toMatchObject({ code: 'SLOT_OWNED' });
  });

  it('has left it also when it has no run at all, or one that has chosen nothing yet', async () => {
    const bench = await freed();
    bench.journal.put({ schema: 1, object: OBJECT });
    expect(await ask(bench)).toMatchObject({ outcome: 'rotated' });
    const other = await freed();
    other.leave({ state: 'blocked', step: 'claim' });
    expect(await ask(other)).toMatchObject({ outcome: 'rotated' });
  });
});

it('an account that is not there is called so, not drift', async () => {
  const bench = new Bench();
  bench.rotator.blockers = [{ code: 'TARGET_NOT_FOUND', message: 'a does not exist', remedy: 'make it' }];
  bench.rotator.passwords.clear();
  expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
  expect(bench.run.blocked).toMatchObject({ code: 'TARGET_NOT_FOUND', remedy: 'make it' });
});
