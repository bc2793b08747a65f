/** Secrets that are computed from others: found by the sweep, computed once, in order, never in a circle. */
import { describe, expect, it } from 'vitest';
import { createConfiguration } from '../../src/config/tags.ts';
import { readSettings } from '../../src/config/settings.ts';
import { SecretValue, type Call, type ObjectRef } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { derivedRotator } from '../../src/rotators/derived/rotator.ts';
import { Bench, days, error, OBJECT, OLD, OTHER_VAULT, OVERLAP, VAULT } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';

const DERIVED: ObjectRef = { kind: 'secret', vault: OTHER_VAULT, name: 'url' };
const SOURCE = `${VAULT}/secrets/${OBJECT.name}`;
const call: Call = { signal: new AbortController().signal, now: () => days(0) };

/** db holds a pair's password in kv; url, in another vault, is computed from it. */
function setUp(source: string = JSON.stringify({ user: 'a', password: OLD })): Bench {
  const bench = new Bench();
  const settings = readSettings({
    KEYTURN_VAULTS: `${VAULT} ${OTHER_VAULT}`,
    KEYTURN_SHARED_VAULTS: `${VAULT} ${OTHER_VAULT}`,
    KEYTURN_ALLOWED_HOSTS: 'bank.example',
    KeyturnStorage: 'UseDevelopmentStorage=true',
  });
  const rotator = derivedRotator({
    serves: (vault) => settings.vaults.includes(vault),
    read: (object) => bench.vault.current(object),
    parseValue,
  });
  Object.assign(bench.engine, { configuration: createConfiguration(settings, [bench.rotator, rotator]) });
  bench.seed({ value: source });
  bench.rotator.passwords.set('a', OLD);
  bench.vault.put(
    DERIVED,
    `bank://a:${OLD}@bank.example/x?y=1`,
    { ProviderAddress: SOURCE },
    { createdOn: days(-60), expiresOn: days(60) },
  );
  return bench;
}

const valueOf = (bench: Bench, object = DERIVED): string => bench.vault.peek(object)[0]?.value.reveal() ?? '';

async function live(bench: Bench): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await sweep(bench.engine);
    bench.clock.advance(MINUTE);
    await bench.drain();
  }
}

describe('a derived secret', () => {
  it('follows its source within a sweep: user and password change, and nothing else', async () => {
    const bench = setUp();
    await bench.rotated();
    await live(bench);
    expect(valueOf(bench)).toBe(`bank://b:${bench.minted[0] ?? ''}@bank.example/x?y=1`);
    expect(bench.vault.peek(DERIVED), 'once, however many sweeps').toHaveLength(2);
    expect(bench.told()).not.toContain(bench.minted[0]);
  });

  it('is over after its overlap, with nothing to revoke', async () => {
    const bench = setUp();
    await bench.rotated();
    await live(bench);
    bench.clock.advance(OVERLAP);
    await live(bench);
    expect(bench.journal.entry(DERIVED)?.record.run).toMatchObject({ state: 'done', reason: 'SourceChanged' });
  });

  it('is left alone when its source was written again with the same value', async () => {
    const bench = setUp();
    bench.seed({ value: JSON.stringify({ user: 'a', password: OLD }), createdOn: days(0), expiresOn: days(80) });
    await live(bench);
    expect(bench.vault.peek(DERIVED)).toHaveLength(1);
    expect(bench.outcomes).toContainEqual(expect.objectContaining({ reason: 'UpToDate' }));
  });

  it.each([
    ['with the tags of that version', true],
    ['with the tags of the last one', false],
  ])('is computed anew where somebody has put the version before back, %s', async (_, older) => {
    const bench = setUp();
    await bench.rotated();
    await live(bench);
    const [last, before] = bench.vault.peek(DERIVED);
    bench.clock.advance(5 * MINUTE);
    bench.vault.put(DERIVED, before?.value.reveal() ?? '', (older ? before : last)?.tags ?? {});
    await live(bench);
    expect(valueOf(bench)).toBe(last?.value.reveal());
    const versions = bench.vault.peek(DERIVED).length;
    await live(bench);
    expect(bench.vault.peek(DERIVED), 'once').toHaveLength(versions);
  });

  it('goes on at once when what has blocked it was mended in its source', async () => {
    const bench = setUp();
    await bench.rotated();
    bench.vault.put(OBJECT, 'Server=x;Database=y', { Rotator: 'manual' });
    await live(bench);
    expect(bench.journal.entry(DERIVED)?.record.run).toMatchObject({ state: 'blocked' });
    bench.vault.put(OBJECT, JSON.stringify({ user: 'b', password: 'mended' }), {});
    await live(bench);
    expect(valueOf(bench)).toBe('bank://b:mended@bank.example/x?y=1');
  });

  it('is compared with its source for a day after somebody else has written it, and no longer', async () => {
    const bench = setUp();
    bench.vault.put(DERIVED, valueOf(bench), { ProviderAddress: SOURCE }, { createdOn: days(0), expiresOn: days(60) });
    expect(await sweep(bench.engine)).toMatchObject({ due: 2 });
    await bench.drain();
    bench.clock.advance(24 * 60 * MINUTE);
    expect(await sweep(bench.engine)).toMatchObject({ due: 1 });
  });

  it('follows the secret that backs a certificate, too', async () => {
    const bench = setUp('first');
    bench.vault.put(DERIVED, 'first', { ProviderAddress: SOURCE }, { createdOn: days(-60), expiresOn: days(60) });
    bench.seed({ managed: true, value: 'second', tags: {}, createdOn: days(0), expiresOn: days(365) });
    await live(bench);
    expect(valueOf(bench)).toBe('second');
  });

  it('is computed anew at its own expiry, and stays the same', async () => {
    const bench = setUp();
    await bench.deliver({ object: DERIVED, trigger: 'manual', rotationId: 'asked' });
    expect(valueOf(bench)).toBe(`bank://a:${OLD}@bank.example/x?y=1`);
  });

  it('keeps its user where the source is a bare password', async () => {
    const bench = setUp('a-new-bare-password');
    bench.seed({ value: 'a-new-bare-password', createdOn: days(0), expiresOn: days(80) });
    await live(bench);
    expect(valueOf(bench)).toBe('bank://a:a-new-bare-password@bank.example/x?y=1');
  });

  it('waits for its source when that cannot be read, and is blocked when it may not be', async () => {
    const bench = setUp();
    await bench.rotated();
    const ask = (id: string) => ({ object: DERIVED, trigger: 'source', rotationId: id }) as const;
    bench.calls.before('vault.current', () => bench.calls.fail('vault.current', error('UNAVAILABLE')));
    expect(await bench.deliver(ask('first'))).toMatchObject({ outcome: 'waiting' });
    const other = setUp();
    await other.rotated();
    const denied = error('ACCESS_DENIED', { recovery: 'reconfigure' });
    other.calls.before('vault.current', () => other.calls.fail('vault.current', denied));
    expect(await other.deliver(ask('first'))).toMatchObject({ outcome: 'blocked' });
  });

  it.each([
    ['in two steps', [['x', 'url']], /in a circle/],
    ['with itself', [['x', 'x']], /in a circle/],
  ] as const)('in a circle %s is refused, and its members are named', async (_, links, says) => {
    const bench = setUp();
    bench.vault.put({ ...DERIVED, name: 'x' }, 'bank://u:p@h', {
      ProviderAddress: `${OTHER_VAULT}/secrets/${links[0][1]}`,
    });
    bench.vault.put(DERIVED, `bank://a:${OLD}@h`, { ProviderAddress: `${OTHER_VAULT}/secrets/x` });
    const outcome = await bench.deliver({ object: DERIVED, trigger: 'manual', rotationId: 'asked', force: true });
    expect(outcome).toMatchObject({ outcome: 'blocked' });
    expect(bench.journal.entry(DERIVED)?.record.run?.blocked?.message).toMatch(says);
  });

  it('may be derived from a derived one', async () => {
    const bench = setUp();
    const third: ObjectRef = { ...DERIVED, name: 'third' };
    bench.vault.put(
      third,
      `Server=x;User Id=a;Password=${OLD}`,
      { ProviderAddress: `${OTHER_VAULT}/secrets/url` },
      { createdOn: days(-60), expiresOn: days(60) },
    );
    await bench.rotated();
    await live(bench);
    expect(valueOf(bench, third)).toBe(`Server=x;User Id=b;Password=${bench.minted[0] ?? ''}`);
  });

  it('tells a wrong value from its source’s', async () => {
    const bench = setUp();
    const managed = bench.engine.configuration.managed(bench.vault.peek(DERIVED)[0]?.tags ?? {}, DERIVED);
    const { rotator, target } = managed ?? expect.fail('it is managed');
    expect(
      await rotator.check(
        target,
        '',
        { credentialId: '', slot: '', value: parseValue(bench.vault.peek(OBJECT)[0]?.value ?? expect.fail()).secret },
        call,
      ),
    ).toEqual([]);
    const wrong = {
      credentialId: '',
      slot: '',
      value: parseValue(bench.vault.peek(DERIVED)[0]?.value ?? expect.fail()).secret,
    };
    await rotator.test(target, wrong, call);
    bench.vault.put(OBJECT, 'another', {});
    await expect(rotator.test(target, wrong, call)).rejects.toMatchObject({ code: 'CREDENTIAL_REJECTED' });
  });
});

describe('a source that is a bare password', () => {
  it('names the user in its tags: what is derived gets both', async () => {
    const bench = setUp(OLD);
    await bench.rotated();
    bench.clock.advance(5 * MINUTE);
    await sweep(bench.engine);
    await bench.drain();
    const { username, password } = new URL(bench.vault.peek(DERIVED)[0]?.value.reveal() ?? '');
    expect(username).toBe('b');
    expect(bench.rotator.passwords.get('b')).toBe(password);
  });

  it.each([
    ['app', 'app_alt'],
    ['app_alt', 'app'],
    ['APP', 'APP_ALT'],
    ['APP@server', 'APP_ALT@server'],
  ])('takes %s for the account before %s, however its system takes cases', async (before, after) => {
    const bench = setUp(OLD);
    const [named = ''] = after.split('@');
    bench.vault.put(OBJECT, OLD, { credentialID: ` ${named} ` });
    const managed = bench.engine.configuration.managed(bench.vault.peek(DERIVED)[0]?.tags ?? {}, DERIVED);
    const { rotator, target } = managed ?? expect.fail('it is managed');
    const current = { credentialId: '', slot: '', value: new SecretValue('x'), user: before };
    expect(await rotator.set(target, { rotationId: 'r', slot: '', current }, call)).toMatchObject({ user: after });
  });

  it('leaves a user alone that is none of its accounts', async () => {
    const bench = setUp(OLD);
    bench.vault.put(
      DERIVED,
      `bank://other:${OLD}@bank.example/x`,
      { ProviderAddress: SOURCE },
      { createdOn: days(-60), expiresOn: days(60) },
    );
    await bench.rotated();
    bench.clock.advance(5 * MINUTE);
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.vault.peek(DERIVED)[0]?.value.reveal()).toMatch(/^bank:\/\/other:minted/);
  });
});
