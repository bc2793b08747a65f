import { describe, expect, it } from 'vitest';
import type { RotateMessage } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import { Bench, days, error, OBJECT, OLD, OTHER_VAULT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { DAY, HOUR, NOW } from '../support/memory/clock.ts';

const blocked: Partial<Run> = {
  state: 'blocked',
  step: 'set',
  from: { version: 'v1', slot: 'a' },
  to: { slot: 'b' },
  blocked: { code: 'GRANTS_DIFFER', message: 'b lacks a grant', at: NOW.toISOString() },
};
const resume: RotateMessage = { object: OBJECT, trigger: 'resume', rotationId: 'left-behind' };

describe('before the first rotation, a version younger than the overlap', () => {
  const young = (bench: Bench): void => {
    bench.seed({ value: 'of-b', tags: { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' } });
    bench.seed({ createdOn: new Date(NOW.getTime() - HOUR) });
  };

  it('waits for the readers of the version before it', async () => {
    const bench = new Bench();
    young(bench);
    expect(await bench.deliver(bench.message('manual', { rotationId: 'r' }))).toMatchObject({
      outcome: 'refused',
      reason: 'OverlapNotOver',
    });
    bench.clock.advance(OVERLAP);
    expect(await bench.deliver(bench.message('manual'))).toMatchObject({ outcome: 'rotated' });
  });

  it.each<[string, Partial<RotateMessage>]>([
    ['force', { force: true }],
    ['compromised', { trigger: 'compromised', rotationId: 'r' }],
  ])('does not wait for %s', async (_, more) => {
    const bench = new Bench();
    young(bench);
    expect(['rotated', 'retired']).toContain((await bench.deliver(bench.message('manual', more))).outcome);
  });

  it.each<[string, (bench: Bench) => void]>([
    ['is the only one', (b) => b.vault.remove(OBJECT)],
    ['follows one of the same account', (b) => b.seed({ tags: { ...TAGS, CredentialId: 'A' } })],
    ['follows one that is disabled', (b) => b.vault.change(OBJECT, { enabled: false })],
  ])('does not wait where it %s', async (_, happened) => {
    const bench = new Bench();
    happened(bench);
    bench.seed({ createdOn: new Date(NOW.getTime() - HOUR) });
    expect(await bench.deliver(bench.message('manual'))).toMatchObject({ outcome: 'rotated' });
  });

  it('waits where the version before does not say whose it was', async () => {
    const bench = new Bench();
    bench.vault.remove(OBJECT);
    bench.seed({ tags: {} });
    bench.seed({ createdOn: NOW });
    expect(await bench.deliver(bench.message('manual'))).toMatchObject({ reason: 'OverlapNotOver' });
  });
});

describe('the slots of a pair', () => {
  const owner = { ...OBJECT, name: 'the-other' };
  const owned = async (bench: Bench, of = owner): Promise<void> => {
    await bench.journal.claimSlots('bank:bank.example', ['a', 'b'], of);
  };

  it.each<[string, (bench: Bench) => void]>([
    ['that still names it', (b) => b.seed({ object: owner, value: 'x' })],
    ['whose tags are wrong', (b) => b.seed({ object: owner, value: 'x', tags: { ...TAGS, Paused: 'perhaps' } })],
    ['that cannot be read', (b) => b.calls.before('vault.current', () => b.calls.fail('vault.current', denied))],
  ])('are not taken from an owner %s', async (_, prepare) => {
    const bench = new Bench();
    await owned(bench);
    prepare(bench);
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked?.code).toBe('SLOT_OWNED');
    expect(bench.calls.count('rotator.set')).toBe(0);
  });
  const denied = error('ACCESS_DENIED', { recovery: 'reconfigure' });

  it('are not taken from an owner in a vault that is not served', async () => {
    const bench = new Bench();
    await owned(bench, { ...owner, vault: 'https://foreign.vault.azure.net' });
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked?.message).toContain('foreign');
  });

  it.each<[string, (bench: Bench) => void]>([
    ['was deleted', () => undefined],
    ['names another system', (b) => b.seed({ object: owner, tags: { ...TAGS, ProviderAddress: 'shop.example' } })],
    ['is managed no longer', (b) => b.seed({ object: owner, tags: {} })],
  ])('are taken over when the owner %s', async (_, happened) => {
    const bench = new Bench();
    await owned(bench);
    happened(bench);
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
    expect(bench.record?.owns).toEqual({ system: 'bank:bank.example', slots: ['a', 'b'] });
  });

  it('are asked for again later when the owner’s vault is down', async () => {
    const bench = new Bench();
    await owned(bench, { ...owner, vault: OTHER_VAULT });
    bench.calls.before('vault.current', () => bench.calls.fail('vault.current', error('UNAVAILABLE')));
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'waiting' });
  });

  it('are claimed anew when the tags name other ones', async () => {
    const bench = new Bench();
    bench.leave(blocked, { owns: { system: 'bank:bank.example', slots: ['a', 'c'] } });
    expect(await bench.deliver(resume)).toMatchObject({ outcome: 'rotated' });
    expect(bench.record?.owns?.slots).toEqual(['a', 'b']);
  });
});

describe('a current value that is refused', () => {
  it('is drift, and is not rotated on top of', async () => {
    const bench = new Bench();
    bench.rotator.passwords.set('a', 'changed by hand');
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'DRIFTED' });
    expect(bench.run.blocked?.remedy).toContain('"force":true');
    expect(bench.calls.count('rotator.set')).toBe(0);
    expect(await bench.resume({ trigger: 'manual', force: true })).toMatchObject({ outcome: 'rotated' });
  });

  it('is not drift when the question could not be asked', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'waiting' });
  });
});

describe('what the vault would refuse is refused before the system is touched', () => {
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`other${i}`, 'x']));
  it.each<[string, Parameters<Bench['seed']>[0], string]>([
    ['a value that grows too big', { value: JSON.stringify({ password: OLD, note: 'x'.repeat(25_560) }) }, 'value'],
    ['more than 15 tags with RotationId', { tags: { ...TAGS, ...many } }, 'tags'],
    ['an expiry beyond 2038', { tags: { ...TAGS, ValidityPeriodDays: '3650' }, createdOn: days(1100) }, 'expiresOn'],
  ])('%s', async (_, how, path) => {
    const bench = new Bench();
    bench.clock.advance(1200 * DAY);
    bench.seed(how);
    bench.rotator.passwords.set('a', OLD);
    bench.rotator.passwords.set('b', 'as it was');
    expect(await bench.deliver(bench.message('manual', { rotationId: 'r' }))).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'CONFIG_INVALID', problems: [{ path }] });
    expect(bench.calls.count('rotator.set')).toBe(0);
    expect(bench.rotator.passwords.get('b')).toBe('as it was');
  });

  it('a value of just under 25 KB is rotated, and all else in it stays', async () => {
    const bench = new Bench();
    const note = 'x'.repeat(25_000);
    bench.seed({ value: JSON.stringify({ user: 'a', password: OLD, note }) });
    bench.rotator.passwords.set('a', OLD);
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
    expect(JSON.parse(bench.vault.peek(OBJECT)[0]?.value.reveal() ?? '')).toEqual({
      user: 'b',
      password: 'minted-password-1',
      note,
    });
  });
});
