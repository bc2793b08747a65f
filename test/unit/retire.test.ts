import { describe, expect, it } from 'vitest';
import { ADOPTION_PATIENCE_MS } from '../../src/rotation/backoff.ts';
import { retire } from '../../src/rotation/retire.ts';
import type { Capabilities } from '../../src/rotation/ports.ts';
import { Session } from '../../src/rotation/session.ts';
import { Bench, error, OBJECT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { HOUR, MINUTE } from '../support/memory/clock.ts';
import { containing, matching } from '../support/memory/text.ts';

/** A rotation a → b whose overlap is just over. */
async function due(): Promise<Bench> {
  const bench = new Bench();
  await bench.rotated();
  bench.clock.advance(OVERLAP);
  return bench;
}

const enabledOf = (bench: Bench): string[] =>
  bench.vault.peek(OBJECT).flatMap(({ version, enabled }) => (enabled ? [version] : []));

const swapped = { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' };

describe('the old credential is revoked', () => {
  it('when the overlap is over, the current one works and nobody uses the old one', async () => {
    const bench = await due();
    expect(await bench.resume()).toMatchObject({ outcome: 'retired', detail: 'a is out of use' });
    expect(bench.rotator.passwords.has('a')).toBe(false);
    expect(bench.rotator.ended, 'sessions are ended only when it is compromised').toEqual([]);
    expect(bench.record?.lease).toBeUndefined();
  });

  it('not a moment before the overlap is over', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.clock.advance(OVERLAP - 1);
    expect(await bench.resume()).toMatchObject({ outcome: 'deferred', reason: 'NotYet' });
    expect(bench.calls.count('rotator.revoke')).toBe(0);
  });

  it('once more after a crash, which is success', async () => {
    const bench = await due();
    bench.calls.fail('vault.versions', error('UNAVAILABLE'));
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
    bench.clock.advance(MINUTE);
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
    expect(bench.run.lastError).toBeUndefined();
  });

  it('where the system cannot tell who is logged in, when the overlap is over', async () => {
    const bench = await due();
    bench.rotator.passwords.delete('a');
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
  });

  it('under a later version of somebody else that holds the new credential', async () => {
    const bench = await due();
    bench.vault.put(OBJECT, bench.minted[0] ?? '', swapped);
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
  });
});

describe('under a version that somebody wrote', () => {
  const wrong = { code: 'CONFIG_INVALID', message: 'it does not fit', remedy: 'Mend it.' } as const;
  it('the old credential is kept when tags and value do not fit', async () => {
    const bench = await due();
    bench.vault.put(OBJECT, bench.minted[0] ?? '', swapped);
    bench.rotator.blockers = [wrong];
    expect(await bench.resume()).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'HUMAN_REQUIRED', message: containing('it does not fit') });
    expect(bench.rotator.passwords.has('a')).toBe(true);
  });

  it('it goes when only what comes next is wrong', async () => {
    const bench = await due();
    bench.vault.put(OBJECT, bench.minted[0] ?? '', swapped);
    bench.rotator.blockers = [{ ...wrong, about: 'next' }];
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
    expect(bench.rotator.passwords.has('a')).toBe(false);
  });
});

describe('the old credential is kept', () => {
  it.each<[string, (bench: Bench) => void, string, RegExp]>([
    ['when it is current again', (b) => b.seed(), 'HUMAN_REQUIRED', /holds a again/],
    [
      'when the tags name another system',
      (b) => b.vault.change(OBJECT, { tags: { ...swapped, ProviderAddress: 'shop.example' } }),
      'HUMAN_REQUIRED',
      /shop\.example \(bank\) now, and the old credential is in bank:bank\.example/,
    ],
    [
      'when the tags are gone',
      (b) => b.vault.change(OBJECT, { tags: {} }),
      'HUMAN_REQUIRED',
      /does not say which credential/,
    ],
    [
      'when the tags are wrong',
      (b) => b.vault.change(OBJECT, { tags: { ...swapped, OverlapHours: 'x' } }),
      'HUMAN_REQUIRED',
      /does not say which credential/,
    ],
    [
      'when the current one is refused',
      (b) => b.rotator.passwords.set('b', 'changed by hand'),
      'DRIFTED',
      /current value .* is refused/,
    ],
  ])('%s', async (_, happened, code, why) => {
    const bench = await due();
    happened(bench);
    expect(await bench.resume()).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code, message: matching(why) });
    expect(bench.calls.count('rotator.revoke')).toBe(0);
    expect(bench.rotator.passwords.has('a')).toBe(true);
  });

  it('when the row does not know its system any more', async () => {
    const bench = await due();
    const { system: _system, ...run } = bench.run;
    bench.journal.put({ schema: 1, object: OBJECT, run });
    await bench.resume();
    expect(bench.run.blocked?.message).toContain('another system');
  });

  it('when whether the current one works could not be asked: later', async () => {
    const bench = await due();
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
  });

  it('when nobody knows what it is', async () => {
    const bench = await due();
    const session = await Session.open({ journal: bench.journal, clock: bench.clock, owner: 'me' }, OBJECT);
    const current = await bench.vault.current(OBJECT);
    const retiring = retire(bench.engine, session, { do: 'retire', confirm: true }, undefined, current);
    await expect(retiring).rejects.toMatchObject({ code: 'HUMAN_REQUIRED' });
  });
});

describe('while somebody is logged in with the old credential', () => {
  it('the retirement waits and looks again, a quarter of an hour at first, an hour later on', async () => {
    const bench = await due();
    bench.rotator.sessions.set('a', ['app@host-1', 'app@host-2']);
    const waits: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      expect(await bench.resume()).toMatchObject({
        outcome: 'waiting',
        detail: '2 session(s) still use a: app@host-1; app@host-2',
      });
      waits.push((Date.parse(bench.run.wakeAt ?? '') - bench.clock.now().getTime()) / MINUTE);
      bench.clock.advance((waits.at(-1) ?? 0) * MINUTE);
    }
    expect(waits).toEqual([15, 15, 15, 60, 60, 60]);
    expect(bench.run.steps.at(-1)).toMatchObject({ step: 'confirm', outcome: 'waiting' });
    bench.rotator.sessions.set('a', []);
    expect(await bench.resume()).toMatchObject({ outcome: 'retired' });
  });

  it('for more than a week, it is a person’s question; and nobody was locked out', async () => {
    const bench = await due();
    bench.rotator.sessions.set('a', ['app@host']);
    bench.clock.advance(ADOPTION_PATIENCE_MS + 1);
    expect(await bench.resume()).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'NOT_ADOPTED', message: containing('app@host') });
    expect(bench.rotator.passwords.has('a')).toBe(true);
  });

  it('a passing failure after many looks is tried again, not taken for the last of many', async () => {
    const bench = await due();
    bench.rotator.sessions.set('a', ['app@host']);
    for (let i = 0; i < 12; i += 1) {
      await bench.resume();
      bench.clock.advance(HOUR);
    }
    bench.calls.fail('rotator.list', error('THROTTLED'));
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
  });

  it('a failure that has passed is no longer told', async () => {
    const bench = await due();
    bench.rotator.sessions.set('a', ['app@host']);
    bench.calls.fail('rotator.list', error('UNAVAILABLE'));
    await bench.resume();
    bench.clock.advance(MINUTE);
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
    expect(bench.run.lastError).toBeUndefined();
  });

  it('a row without an end of the overlap counts from its start', async () => {
    const bench = await due();
    const { retireAt: _retireAt, ...run } = bench.run;
    bench.journal.put({ schema: 1, object: OBJECT, run: { ...run, to: { slot: 'b', version: 'v2' } } });
    bench.rotator.sessions.set('a', ['app@host']);
    const session = await Session.open({ journal: bench.journal, clock: bench.clock, owner: 'me' }, OBJECT);
    const current = await bench.vault.current(OBJECT);
    const managed = bench.engine.configuration.managed(current.tags, OBJECT);
    const outcome = await retire(bench.engine, session, { do: 'retire', confirm: true }, managed, current);
    expect(outcome).toMatchObject({ outcome: 'waiting' });
  });
});

describe('old versions', () => {
  it('beyond the retention are disabled, the current one and disabled ones are left', async () => {
    const bench = new Bench();
    bench.vault.change(OBJECT, { enabled: false });
    bench.seed();
    bench.seed();
    await bench.rotated();
    bench.clock.advance(OVERLAP);
    await bench.resume();
    const enabled = bench.vault.peek(OBJECT).map(({ version, enabled: on }) => [version, on]);
    expect(enabled).toEqual([
      ['v4', true],
      ['v3', true],
      ['v2', false],
      ['v1', false],
    ]);
    expect(bench.calls.count('vault.disable')).toBe(1);
  });

  it.each<[string, Partial<Capabilities>]>([
    ['with two slots', {}],
    ['that is replaced in place', { overlap: 'none', revocable: false }],
    ['of which each rotation makes one more', { minting: 'system', overlap: 'many' }],
    ['that nobody can revoke', { overlap: 'many', revocable: false, proof: 'none' }],
  ])('of a compromised secret %s are all disabled, whatever is to be retained', async (_, capabilities) => {
    const bench = new Bench(capabilities);
    bench.seed({ tags: { ...TAGS, RetainVersions: '5' } });
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run.state).toBe('done');
    expect(enabledOf(bench)).toEqual([bench.version]);
  });

  it('of a compromised secret are disabled also when its tags are gone by then', async () => {
    const bench = new Bench({ overlap: 'many', revocable: false, proof: 'none' });
    bench.calls.before('announcer.announce', () => bench.vault.change(OBJECT, { tags: {} }));
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run.state).toBe('done');
    expect(enabledOf(bench)).toEqual(['v2']);
  });

  it('of a compromised secret are left where nothing tells which they are, but for the one that it replaced', async () => {
    const bench = new Bench({ overlap: 'many', revocable: false, proof: 'none' });
    bench.seed();
    const versions = bench.vault.versions.bind(bench.vault);
    const without = async () => (await versions(OBJECT)).filter(({ version }) => version !== 'v3');
    Object.assign(bench.vault, { versions: without });
    bench.calls.before('announcer.announce', () => bench.vault.change(OBJECT, { tags: {} }));
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(enabledOf(bench)).toEqual(['v3', 'v1']);
  });

  it('of a compromised secret do not include what somebody has written since', async () => {
    const bench = new Bench({ overlap: 'many', revocable: false, proof: 'none' });
    bench.calls.before('announcer.announce', () => void bench.vault.put(OBJECT, 'by hand', TAGS));
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(enabledOf(bench)).toEqual(['v3', 'v2']);
  });

  it('of a compromised secret include the one it replaced wherever the vault lists it', async () => {
    const bench = new Bench({ overlap: 'many', revocable: false, proof: 'none' });
    const versions = bench.vault.versions.bind(bench.vault);
    Object.assign(bench.vault, { versions: async () => [...(await versions(OBJECT))].reverse() });
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(enabledOf(bench)).toEqual(['v2']);
  });
});

describe('a compromised run', () => {
  it('goes on with its retirement when it was interrupted, without waiting', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.revoke', error('UNAVAILABLE'));
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'r' }))).toMatchObject({
      outcome: 'waiting',
    });
    bench.clock.advance(5000);
    await bench.drain();
    expect(bench.run.state).toBe('done');
    expect(bench.rotator.ended).toEqual(['a']);
  });

  it('keeps the old credential when a person put it back as current in the meantime', async () => {
    const bench = new Bench();
    bench.calls.before('announcer.announce', () => void bench.seed());
    expect(await bench.deliver(bench.message('compromised', { rotationId: 'r' }))).toMatchObject({
      outcome: 'blocked',
    });
    expect(bench.calls.count('rotator.revoke')).toBe(0);
  });

  it('that does not know what it replaced is a bug, not a guess', async () => {
    const bench = new Bench();
    bench.leave({ step: 'refresh', compromised: true, to: { slot: 'a', version: 'v1' } });
    await expect(bench.resume()).rejects.toThrow('a compromised run cannot nothing here');
  });
});
