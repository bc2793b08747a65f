/** What a system has made, before readers are given it: that it lasts, and that no other secret hands it out. */
import { describe, expect, it } from 'vitest';
import type { Capabilities, Issued } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Bench, days, OBJECT, OLD, OTHER_VAULT, TAGS } from '../support/memory/bench.ts';
import { DAY, MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

/** A system whose `set` says this of what it has made. */
function system(says: Partial<Issued>, capabilities: Partial<Capabilities> = { overlap: 'many' }): Bench {
  const made: Bench = new Bench({ minting: 'system', ...capabilities }, (rotator) => ({
    ...{ kind: rotator.kind, capabilities: rotator.capabilities },
    claims: (address) => rotator.claims(address),
    parseTarget: (input) => rotator.parseTarget(input),
    describe: (target, slot) => rotator.describe(target, slot),
    check: (target, slot, current, call) => rotator.check(target, slot, current, call),
    list: (target, call) => rotator.list(target, call),
    test: (target, issued, call) => rotator.test(target, issued, call),
    revoke: (target, slot, how, call) => rotator.revoke(target, slot, how, call),
    set: async (target, pending, call) => {
      const issued = await rotator.set(target, pending, call);
      return issued === 'pending' ? issued : { ...issued, ...says };
    },
  }));
  return made;
}

const versions = (bench: Bench): number => bench.vault.peek(OBJECT).length;

describe('a credential that ends within the lead time', () => {
  it('is not handed out, since the next one would be due at once: not by this sweep nor by a later one', async () => {
    const bench = system({ notAfter: days(30) });
    for (let turn = 0; turn < 4; turn += 1) {
      await sweep(bench.engine);
      bench.clock.advance(MINUTE);
      await bench.drain();
    }
    expect(bench.run).toMatchObject({
      state: 'blocked',
      blocked: { code: 'CONFIG_INVALID', message: containing('within the lead time of 30 days') },
    });
    expect(bench.run.blocked?.remedy).toContain('--vault-name kv --name db --tags LeadTimeDays=');
    expect(versions(bench)).toBe(1);
    expect(bench.rotator.passwords.get('a'), 'readers keep what they have').toBe(OLD);
  });

  it('is handed out once the tag asks for less, and nothing of the attempt before is left', async () => {
    const bench = system({ notAfter: days(30) });
    await bench.deliver(bench.message());
    bench.clock.advance(MINUTE);
    bench.vault.change(OBJECT, { tags: { ...TAGS, LeadTimeDays: '10' } });
    expect(await bench.resume()).toMatchObject({ outcome: 'rotated' });
    expect(bench.vault.peek(OBJECT)[0]?.expiresOn).toEqual(days(30));
    expect([...bench.rotator.passwords.keys()]).toEqual(['a', 'made-2']);
  });

  it('is handed out when it outlasts the lead time by a minute', async () => {
    const bench = system({ notAfter: new Date(days(30).getTime() + MINUTE) });
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
  });

  it('is better than one that is compromised, or that is over', async () => {
    const leaked = system({ notAfter: days(30) });
    expect(await leaked.deliver(leaked.message('compromised', { rotationId: 'leak' }))).toMatchObject({
      outcome: 'retired',
    });
    const over = system({ notAfter: days(60) });
    over.clock.advance(31 * DAY);
    expect(await over.deliver(over.message('expired'))).toMatchObject({ outcome: 'rotated' });
  });

  it('is published where it has taken the place of the one before: nothing else works', async () => {
    const bench = system({ notAfter: days(30) }, { overlap: 'none', revocable: false });
    bench.vault.put(OBJECT, OLD, { CredentialId: 'a', ProviderAddress: 'bank.example', Rotator: 'bank' });
    expect(await bench.deliver(bench.message('manual', { rotationId: 'asked' }))).toMatchObject({ outcome: 'rotated' });
  });
});

describe('a credential that was there before', () => {
  it('is not handed out by two secrets, whichever vault the other one is in', async () => {
    const bench = system({ credentialId: 'shared', slot: 'shared', adopted: true });
    bench.seed({ object: { ...OBJECT, vault: OTHER_VAULT }, tags: { ...TAGS, CredentialId: 'Shared' } });
    bench.rotator.passwords.set('shared', 'made-by-the-system-1');
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.run.blocked).toMatchObject({ code: 'SLOT_OWNED', message: containing(`${OTHER_VAULT}/secrets/db`) });
    expect(versions(bench)).toBe(1);
  });

  it('is handed out where no other secret does', async () => {
    const bench = system({ credentialId: 'found', slot: 'found', adopted: true });
    bench.rotator.passwords.set('found', 'made-by-the-system-1');
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
  });
});
