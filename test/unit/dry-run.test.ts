import { describe, expect, it } from 'vitest';
import { dryRun } from '../../src/rotation/dry-run.ts';
import type { Capabilities } from '../../src/rotation/ports.ts';
import type { StartRequest } from '../../src/rotation/runbook.ts';
import { Bench, error, OBJECT, OLD, TAGS } from '../support/memory/bench.ts';
import { NOW } from '../support/memory/clock.ts';

const request = { object: OBJECT, reason: 'manual', force: false, requestedBy: 'on-call' } as const;

describe('dry run', () => {
  it('says what would be done, in order, and changes nothing', async () => {
    const bench = new Bench();
    const dry = await dryRun(bench.engine, request);
    expect(dry).toMatchObject({
      due: true,
      rotator: 'bank',
      from: { version: 'v1', slot: 'a' },
      to: { slot: 'b' },
      blockedBy: [],
    });
    expect(dry.calls).toHaveLength(5);
    expect(dry.calls[1]).toContain('ALTER LOGIN b');
    expect(bench.calls.log.filter((call) => /set|write|claim|release|announce|queue|note/.test(call))).toEqual([]);
  });

  it.each<[string, Partial<Capabilities>, StartRequest['reason'], readonly RegExp[]]>([
    [
      'in place',
      { overlap: 'none', revocable: false },
      'manual',
      [
        /log in .* as a, to see/,
        /pending value to .*db-keyturn-pending/,
        /ALTER/,
        /log in .* as a$/,
        /write a new/,
        /nothing to revoke/,
      ],
    ],
    [
      'in place, compromised',
      { overlap: 'none', revocable: false },
      'compromised',
      [
        /pending/,
        /ALTER/,
        /log in/,
        /write a new/,
        /end the sessions of a/,
        /every version before it; there is nothing to revoke/,
      ],
    ],
    [
      'two slots, compromised',
      {},
      'compromised',
      [/ALTER/, /log in/, /write a new/, /take a out of use and end its sessions/, /disable every version before it/],
    ],
    [
      'one more',
      { minting: 'system', overlap: 'many' },
      'manual',
      [/as a, to see/, /ALTER/, /as the new credential/, /write a new/, /logged in as a: take it out/],
    ],
    [
      'read back',
      { minting: 'system', overlap: 'many', revocable: false, proof: 'read-back' },
      'manual',
      [/see that bank:bank.example holds a,/, /ALTER/, /holds the new credential/, /write a new/, /nothing to revoke/],
    ],
    [
      'a person',
      { minting: 'person', overlap: 'many', revocable: false, proof: 'none' },
      'manual',
      [/pending value/, /ALTER/, /write a new/, /nothing to revoke/],
    ],
  ])('says what would be done: %s', async (_, capabilities, reason, lines) => {
    const { calls } = await dryRun(new Bench(capabilities).engine, { ...request, reason });
    expect(calls).toEqual(lines.map((line) => expect.stringMatching(line) as string));
  });

  it('tells everything that stands in the way at once, with its remedies', async () => {
    const bench = new Bench();
    await bench.journal.claimSlots('bank:bank.example', ['b'], { ...OBJECT, name: 'other' });
    bench.rotator.passwords.delete('a');
    bench.rotator.blockers = [{ code: 'GRANTS_DIFFER', message: 'b lacks a grant', remedy: 'GRANT …' }];
    const { blockedBy } = await dryRun(bench.engine, request);
    expect(blockedBy.map((one) => one.code)).toEqual(['SLOT_OWNED', 'DRIFTED', 'GRANTS_DIFFER']);
    expect(blockedBy[0]?.remedy).toContain('remove the tag');
  });

  it.each(['force', 'compromised'])('with %s does not log in with a value that may be wrong', async (how) => {
    const bench = new Bench();
    bench.rotator.passwords.delete('a');
    const asked = how === 'force' ? { ...request, force: true } : { ...request, reason: 'compromised' as const };
    expect((await dryRun(bench.engine, asked)).blockedBy).toEqual([]);
  });

  it('of a secret that owns its slots does not ask for their owner', async () => {
    const bench = new Bench();
    await bench.journal.claimSlots('bank:bank.example', ['a', 'b'], OBJECT);
    expect((await dryRun(bench.engine, request)).blockedBy).toEqual([]);
    await bench.rotated();
    expect(await dryRun(bench.engine, request)).toMatchObject({ due: false, reason: 'OverlapNotOver' });
    expect(bench.calls.count('journal.slotOwner')).toBe(1);
  });

  it('tells what could not be asked as what it is', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.test', error('UNAVAILABLE'));
    const { blockedBy } = await dryRun(bench.engine, { ...request });
    expect(blockedBy).toEqual([{ code: 'UNAVAILABLE', message: 'UNAVAILABLE happened' }]);
    const { calls } = await dryRun(bench.engine, { ...request, reason: 'compromised' });
    expect(calls.at(-2)).toContain('end its sessions');
  });

  it('does not hide a bug', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.check', new TypeError('a bug'));
    await expect(dryRun(bench.engine, request)).rejects.toThrow(TypeError);
  });

  it('tells that the readers of the version before still need the idle slot', async () => {
    const bench = new Bench();
    bench.seed({ value: 'of-b', tags: { ...TAGS, CredentialId: 'b', AlternateCredentialId: 'a' } });
    bench.seed({ createdOn: NOW });
    const dry = await dryRun(bench.engine, request);
    expect(dry.due && dry.blockedBy.length === 0, 'says that it would go through').toBe(false);
  });

  it('tells what the vault would refuse', async () => {
    const bench = new Bench();
    bench.seed({ value: JSON.stringify({ password: OLD, note: 'x'.repeat(25_560) }) });
    bench.rotator.passwords.set('a', OLD);
    expect((await dryRun(bench.engine, request)).blockedBy).toMatchObject([{ code: 'CONFIG_INVALID' }]);
  });
});
