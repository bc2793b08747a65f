import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import { supply } from '../../src/rotation/supply.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { days, error, VAULT } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE } from '../support/memory/clock.ts';
import { KEY, KeyBench, userId } from '../support/memory/key-bench.ts';
import { containing } from '../support/memory/text.ts';

describe('a key near its expiry', () => {
  it('is rotated by the vault, and every user that pins a version is moved on and read back', async () => {
    const bench = new KeyBench();
    expect(await bench.deliver(bench.about())).toMatchObject({
      outcome: 'rotated',
      detail: containing('2 of 2 users'),
    });
    expect(bench.keys.rotations).toBe(1);
    expect([bench.used('alpha'), bench.used('beta')]).toEqual([bench.keyVersion, bench.keyVersion]);
    expect(bench.keyRun).toMatchObject({ state: 'done', step: 'done', rotator: 'vault-key', from: { version: 'k1' } });
    expect(bench.announced).toMatchObject([{ type: 'Keyturn.KeyVersionCreated', version: bench.keyVersion }]);
    expect(bench.keys.peek(KEY).every(({ enabled }) => enabled)).toBe(true);
  });

  it('gets an expiry where the vault’s policy gives none, and keeps one that it gives', async () => {
    const bench = new KeyBench();
    await bench.deliver(bench.about());
    expect(bench.keys.peek(KEY)[0]?.expiresOn).toEqual(days(90));
    expect(bench.keyRun?.to?.expiresOn).toBe(days(90).toISOString());
    expect(bench.calls.count('keys.amend')).toBe(1);
    const other = new KeyBench();
    other.keys.expires = days(300);
    await other.deliver(other.about());
    expect(other.keys.peek(KEY)[0]?.expiresOn).toEqual(days(300));
    expect(other.calls.count('keys.amend')).toBe(0);
  });

  it('gets its tags back where the vault’s rotation loses them, in the same call as the expiry', async () => {
    const bench = new KeyBench();
    bench.keys.keepsTags = false;
    await bench.deliver(bench.about());
    expect(bench.keys.peek(KEY)[0]?.tags).toEqual({ KeyUser: userId('alpha'), KeyUser1: userId('beta') });
    expect(bench.calls.count('keys.amend')).toBe(1);
    expect(bench.used('beta')).toBe(bench.keyVersion);
  });

  it('is rotated once, however often the event comes', async () => {
    const bench = new KeyBench();
    const event = bench.about();
    await Promise.all([bench.deliver(event), bench.deliver(event)]);
    await bench.deliver(event);
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'refused', reason: 'StaleVersion' });
    expect(bench.keys.rotations).toBe(1);
  });

  it.each([
    ['soon', { from: 'expiry', period: { months: 0, days: 10 } }, 'VaultRotates'],
    ['a year after it was made', { from: 'creation', period: { months: 12, days: 0 } }, 'rotated'],
    ['a day and more ago, and it has not come', { from: 'expiry', period: { months: 0, days: 22 } }, 'rotated'],
  ] as const)('is left to the vault where its own policy rotates it %s: %s', async (_, rotates, outcome) => {
    const bench = new KeyBench();
    bench.keys.policy = { rotates };
    const got = await bench.deliver(bench.about());
    expect('reason' in got ? got.reason : got.outcome).toBe(outcome);
  });

  it.each([
    ['Paused', { Paused: 'true' }, {}],
    ['NotNearExpiry', {}, { expiresOn: days(80) }],
    ['Disabled', {}, { enabled: false }],
    ['BacksCertificate', { Rotator: 'sql-server' }, { managed: true }],
  ])('is refused as %s', async (reason, tags, more) => {
    const bench = new KeyBench();
    bench.seedKey({ KeyUser: userId('alpha'), ...tags }, more);
    expect(await bench.deliver(bench.about('sweep'))).toMatchObject({ outcome: 'refused', reason });
    expect(bench.keys.rotations).toBe(0);
  });

  it('is blocked when its tags are wrong, with every problem', async () => {
    const bench = new KeyBench();
    bench.seedKey({ KeyUser: 'storage1', Rotator: 'postgres', LeadTimeDays: '100' });
    await bench.deliver(bench.about());
    expect(bench.keyRun?.blocked?.problems?.map(({ path }) => path)).toEqual([
      'tags.Rotator',
      'tags.KeyUser',
      'tags.ValidityPeriodDays',
    ]);
  });

  it('does not rotate again and again where the vault gives its versions less time than the lead time', async () => {
    const bench = new KeyBench();
    await bench.deliver(bench.about());
    bench.keys.change(KEY, { expiresOn: days(20) });
    expect(await bench.deliver(bench.about('sweep'))).toMatchObject({ reason: 'NotNearExpiry' });
    bench.clock.advance(11 * DAY);
    expect(await bench.deliver(bench.about('sweep'))).toMatchObject({ outcome: 'rotated' });
  });
});

describe('a rotation that was interrupted', () => {
  it('adopts the version where the answer of rotate was lost', async () => {
    const bench = new KeyBench();
    bench.calls.before('keys.rotate', async () => {
      bench.keys.rotations += 1;
      bench.keys.put(KEY, bench.keys.peek(KEY)[0]?.tags ?? {});
      throw error('TIMED_OUT', { effect: 'unknown' });
    });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting' });
    bench.clock.advance(MINUTE);
    expect(await bench.wake()).toMatchObject({ outcome: 'rotated' });
    expect(bench.keys.rotations).toBe(1);
    expect(bench.used('alpha')).toBe(bench.keyVersion);
  });

  it('adopts a version that somebody else made meanwhile, as soon as its event comes', async () => {
    const bench = new KeyBench();
    bench.calls.fail('keys.rotate', error('ACCESS_DENIED', { recovery: 'reconfigure', remedy: 'az role …' }));
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked' });
    bench.keys.put(KEY, bench.keys.peek(KEY)[0]?.tags ?? {});
    expect(await bench.announceKey()).toMatchObject({ outcome: 'announced', reason: 'RunInProgress' });
    await bench.drain();
    expect(bench.keyRun).toMatchObject({ state: 'done', to: { version: bench.keyVersion } });
    expect(bench.keys.rotations).toBe(0);
  });

  it('can be cancelled before the vault has rotated, and not while that is to be adopted', async () => {
    const bench = new KeyBench();
    bench.calls.fail('keys.rotate', error('ACCESS_DENIED', { recovery: 'reconfigure' }), 2);
    await bench.deliver(bench.about());
    const id = bench.keyRun?.rotationId ?? '';
    bench.keys.put(KEY, {});
    await expect(cancel(bench.engine, id, 'me')).rejects.toMatchObject({ code: 'CONFLICT' });
    const other = new KeyBench();
    other.calls.fail('keys.rotate', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await other.deliver(other.about());
    expect(await cancel(other.engine, other.keyRun?.rotationId ?? '', 'me')).toMatchObject({ state: 'cancelled' });
  });
});

describe('the users of a key', () => {
  it.each([
    [
      'of a kind that nobody knows',
      'gamma',
      { KeyUser2: '/subscriptions/s/resourceGroups/g/providers/A.B/c/d' },
      'c/d',
    ],
    ['that is not there', 'gamma', { KeyUser2: userId('gone') }, 'gone'],
  ])('one %s blocks the run by name, with the rest of them done', async (_, __, tag, name) => {
    const bench = new KeyBench();
    bench.seedKey({ KeyUser: userId('alpha'), ...tag, KeyUser3: userId('beta') });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked', detail: containing(name) });
    expect([bench.used('alpha'), bench.used('beta')]).toEqual([bench.keyVersion, bench.keyVersion]);
    expect(bench.keyRun).toMatchObject({ state: 'blocked', step: 'confirm' });
    expect(bench.keyRun?.blocked?.message).toContain('1 of 3 users');
  });

  it('one that uses another key is left alone', async () => {
    const bench = new KeyBench();
    bench.use('beta', { key: { vault: VAULT, name: 'another' }, version: 'x' });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked', detail: containing('left alone') });
    expect(bench.used('beta')).toBe('x');
    bench.use('beta', { version: 'k1' });
    expect(await bench.wake()).toMatchObject({ outcome: 'rotated' });
    expect(bench.used('beta')).toBe(bench.keyVersion);
  });

  it('one that is throttled is tried again, and the others are not moved twice', async () => {
    const bench = new KeyBench();
    bench.calls.fail('user.moveOn', error('THROTTLED', { retryAfterMs: 7000 }));
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting' });
    expect(bench.keyRun).toMatchObject({ step: 'confirm', lastError: { code: 'THROTTLED' } });
    bench.clock.advance(8000);
    await bench.drain();
    expect(bench.keyRun?.state).toBe('done');
    expect(bench.users.moves).toBe(2);
  });

  it('one whose change takes time is asked again until it shows the version', async () => {
    const bench = new KeyBench();
    bench.use('beta', { slow: true });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting', detail: containing('beta') });
    bench.use('beta', { busy: true, version: 'k1' });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.users.moves).toBe(2);
    bench.use('beta');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.keyRun?.state).toBe('done');
  });

  it('one that says that it has changed, and shows the old version, is not believed', async () => {
    const bench = new KeyBench();
    bench.use('beta', { deaf: true });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting', detail: containing('still shows') });
    bench.use('beta', { version: 'k1' });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.keyRun?.state).toBe('done');
  });

  it('one that may not be changed blocks the run with the command that grants it', async () => {
    const bench = new KeyBench();
    const remedy = 'az role assignment create …';
    bench.calls.fail('user.moveOn', error('ACCESS_DENIED', { recovery: 'reconfigure', remedy }));
    await bench.deliver(bench.about());
    expect(bench.keyRun).toMatchObject({ state: 'blocked', blocked: { code: 'ACCESS_DENIED', remedy } });
    expect(bench.used('beta')).toBe(bench.keyVersion);
    expect(bench.announced.at(-1)).toMatchObject({ type: 'Keyturn.RotationBlocked', object: KEY });
  });

  it('a versionless one is waited for, and after a week a person is told', async () => {
    const bench = new KeyBench();
    bench.use('beta', { follows: 'versionless' });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting', detail: containing('by itself') });
    expect(bench.used('beta')).toBe('k1');
    for (let hour = 0; hour < 8 * 24; hour += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(bench.keyRun).toMatchObject({ state: 'blocked', blocked: { code: 'NOT_ADOPTED' } });
    bench.use('beta', { follows: 'versionless' });
    expect(await bench.wake()).toMatchObject({ outcome: 'rotated' });
    expect(bench.users.moves).toBe(1);
  });

  it('a versionless one whose service does not tell the version is said to be unseen, and one that failed blocks', async () => {
    const bench = new KeyBench();
    const key = { vault: VAULT, name: 'cmk' };
    bench.users.uses.set(userId('beta'), { follows: 'versionless', key });
    expect(await bench.deliver(bench.about())).toMatchObject({ detail: containing('1 of 2 users') });
    bench.users.uses.set(userId('beta'), { follows: 'versionless', key, version: 'k1', problem: 'KeyVaultAccess' });
    bench.keys.put(KEY, bench.keys.peek(KEY)[0]?.tags ?? {});
    expect(await bench.deliver(bench.about('new-version'))).toMatchObject({ outcome: 'blocked' });
    expect(bench.keyRun?.blocked).toMatchObject({ code: 'NOT_ADOPTED', message: containing('KeyVaultAccess') });
  });

  it('nobody is moved on to a version that is disabled', async () => {
    const bench = new KeyBench();
    bench.calls.fail('announcer.announce', error('UNAVAILABLE'));
    await bench.deliver(bench.about());
    bench.keys.change(KEY, { enabled: false });
    bench.clock.advance(MINUTE);
    expect(await bench.wake()).toMatchObject({ outcome: 'blocked', detail: containing('is disabled') });
    expect(bench.users.moves).toBe(0);
  });

  it('nobody is moved on again after a rollback by hand, while the tag Paused is there', async () => {
    const bench = new KeyBench();
    bench.use('beta', { follows: 'versionless', version: 'k1' });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting' });
    const { tags } = bench.keys.peek(KEY)[0] ?? {};
    bench.keys.change(KEY, { tags: { ...tags, Paused: 'true' } });
    bench.use('alpha', { version: 'k1' });
    bench.clock.advance(HOUR);
    expect(await bench.wake()).toMatchObject({ outcome: 'refused', reason: 'Paused' });
    expect([bench.used('alpha'), bench.users.moves]).toEqual(['k1', 1]);
    bench.keys.change(KEY, { tags: tags ?? {} });
    bench.use('beta', { follows: 'versionless' });
    bench.clock.advance(HOUR);
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.keyRun?.state).toBe('done');
    expect(bench.used('alpha')).toBe(bench.keyVersion);
  });

  it('a run that waits for one of them does not stand in the way of the next rotation, which takes them along', async () => {
    const bench = new KeyBench();
    bench.use('beta', { follows: 'versionless' });
    await bench.deliver(bench.about());
    const first = bench.keyRun?.rotationId ?? '';
    bench.use('beta', { version: 'k1' });
    bench.clock.advance(80 * DAY);
    await bench.deliver(bench.about());
    expect(bench.keys.rotations).toBe(2);
    expect(bench.journal.ledger.get(first)?.run.state).toBe('done');
    expect(bench.used('beta')).toBe(bench.keyVersion);
  });
});

describe('a new version that somebody else made', () => {
  const foreign = (bench: KeyBench, tags = bench.keys.peek(KEY)[0]?.tags ?? {}): string => bench.keys.put(KEY, tags);

  it('has its users moved on, and is not rotated', async () => {
    const bench = new KeyBench();
    const version = foreign(bench);
    await bench.announceKey();
    await bench.drain();
    expect(bench.keyRun).toMatchObject({ reason: 'NewVersion', state: 'done', to: { version } });
    expect([bench.used('alpha'), bench.keys.rotations]).toEqual([version, 0]);
    expect(bench.announced).toMatchObject([{ type: 'Keyturn.KeyVersionCreated', version }]);
    await bench.announceKey();
    await bench.drain();
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'rotated' });
    expect(bench.users.moves).toBe(2);
  });

  it('gets the tags of the version before, unless somebody has taken them off', async () => {
    const bench = new KeyBench();
    const version = foreign(bench, {});
    await bench.deliver(bench.about('new-version', { version }));
    expect(bench.keys.peek(KEY)[0]?.tags).toMatchObject({ KeyUser: userId('alpha') });
    bench.clock.advance(DAY);
    foreign(bench, {});
    bench.keys.change(KEY, { tags: {} });
    expect(await bench.deliver(bench.about('new-version'))).toMatchObject({ reason: 'NotManaged' });
    // Nor do the tags of an older version come back with the next one.
    bench.clock.advance(DAY);
    foreign(bench, {});
    expect(await bench.deliver(bench.about('new-version'))).toMatchObject({ reason: 'NotManaged' });
    expect(bench.keys.peek(KEY)[0]?.tags).toEqual({});
  });

  it('gets the tags of the last version that had any, where two were made at once', async () => {
    const bench = new KeyBench();
    foreign(bench, {});
    const version = foreign(bench, {});
    await bench.deliver(bench.about('new-version', { version }));
    expect(bench.keys.peek(KEY)[0]?.tags).toMatchObject({ KeyUser: userId('alpha') });
  });

  it.each([
    ['StaleVersion', { version: 'k0' }, {}, {}],
    ['Disabled', {}, {}, { enabled: false }],
    ['Paused', {}, { Paused: 'true' }, {}],
    ['BacksCertificate', {}, {}, { managed: true }],
  ])('is refused as %s', async (reason, message, tags, more) => {
    const bench = new KeyBench();
    bench.keys.put(KEY, { KeyUser: userId('alpha'), ...tags }, more);
    expect(await bench.deliver(bench.about('new-version', message))).toMatchObject({ outcome: 'refused', reason });
    expect(bench.users.moves).toBe(0);
  });

  it('is found by the sweep when its event was lost, once', async () => {
    const bench = new KeyBench();
    bench.keys.put(KEY, bench.keys.peek(KEY)[0]?.tags ?? {}, { expiresOn: days(90) });
    await sweep(bench.engine);
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.used('alpha')).toBe(bench.keyVersion);
    bench.calls.log.length = 0;
    await sweep(bench.engine);
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.calls.count('keys.current')).toBe(0);
  });
});

describe('the sweep', () => {
  it('finds a key that is due, and leaves one to the vault that rotates it itself', async () => {
    const bench = new KeyBench();
    expect(await sweep(bench.engine)).toMatchObject({ due: 2 });
    bench.keys.policy = { rotates: { from: 'expiry', period: { months: 0, days: 10 } } };
    expect(await sweep(bench.engine)).toMatchObject({ due: 1 });
  });

  it('passes over a vault whose keys it may not list, and reports other failures', async () => {
    const bench = new KeyBench();
    bench.calls.fail('keys.list', error('ACCESS_DENIED'));
    expect(await sweep(bench.engine)).toMatchObject({ problems: [] });
    expect(bench.logged.join()).toContain('the keys of a vault are passed over');
    bench.calls.fail('keys.list', error('UNAVAILABLE'));
    expect(await sweep(bench.engine)).toMatchObject({ problems: ['UNAVAILABLE happened'] });
  });
});

it('what is asked about a key is not done to the secret of the same name', async () => {
  const bench = new KeyBench();
  bench.seed({ object: { ...KEY, kind: 'secret' } });
  bench.calls.fail('keys.rotate', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
  await bench.deliver(bench.about());
  const handed = supply(bench.engine, bench.keyRun?.rotationId ?? '', new SecretValue('a value'), 'me');
  await expect(handed).rejects.toMatchObject({ code: 'REQUEST_INVALID', message: containing('is no secret') });
});
