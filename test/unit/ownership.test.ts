import { describe, expect, it } from 'vitest';
import { Bench, OBJECT, OLD, OTHER_VAULT, TAGS } from '../support/memory/bench.ts';

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

it('an account that is not there is called so, not drift', async () => {
  const bench = new Bench();
  bench.rotator.blockers = [{ code: 'TARGET_NOT_FOUND', message: 'a does not exist', remedy: 'make it' }];
  bench.rotator.passwords.clear();
  expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
  expect(bench.run.blocked).toMatchObject({ code: 'TARGET_NOT_FOUND', remedy: 'make it' });
});
