/** Systems where each rotation makes one more credential, and the old one is revoked by its id. */
import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import { Bench, error, OBJECT, OLD, OTHER_VAULT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';

const many = (): Bench => new Bench({ minting: 'system', overlap: 'many' });
const live = (bench: Bench): string[] => [...bench.rotator.passwords.keys()].sort();

/** The answer of `set` is lost: the system has made a credential that nobody knows. */
async function withOrphan(bench: Bench): Promise<void> {
  bench.calls.before('rotator.set', () => bench.calls.fail('rotator.test', error('TIMED_OUT')));
  await bench.deliver(bench.message());
  expect(live(bench)).toEqual(['a', 'made-1']);
}

describe('a rotation that makes one more credential', () => {
  it('publishes its id, and revokes the one before by its id when the overlap is over', async () => {
    const bench = many();
    await bench.rotated();
    expect(bench.run).toMatchObject({ from: { slot: 'a' }, to: { slot: 'made-1' } });
    expect(bench.vault.peek(OBJECT)[0]?.tags).toMatchObject({ CredentialId: 'made-1', AlternateCredentialId: 'b' });
    expect(live(bench)).toEqual(['a', 'made-1']);
    bench.clock.advance(OVERLAP + 1);
    await bench.resume();
    expect(live(bench)).toEqual(['made-1']);
    expect(bench.run.state).toBe('done');
  });

  it('leaves the user in the value alone: an id of a credential is no account', async () => {
    const bench = many();
    bench.vault.put(OBJECT, JSON.stringify({ user: 'client', password: OLD }), TAGS, { createdOn: new Date(0) });
    await bench.deliver(bench.message('manual', { rotationId: 'asked' }));
    expect(JSON.parse(bench.vault.peek(OBJECT)[0]?.value.reveal() ?? '')).toMatchObject({ user: 'client' });
  });

  it('revokes what an interruption has left, and nothing else, before it makes another one', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.rotator.passwords.set('somebody-elses', 'x');
    bench.rotator.labels.set('somebody-elses', 'another-rotation');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(live(bench)).toEqual(['a', 'made-2', 'somebody-elses']);
    expect(bench.run.to?.slot).toBe('made-2');
    expect(bench.logged.join()).toContain('an orphan of an interrupted rotation was revoked');
  });

  it('revokes at its end what a listing that lagged behind had not shown at the second attempt', async () => {
    const bench = many();
    await withOrphan(bench);
    const { passwords, labels } = bench.rotator;
    const hidden = { value: passwords.get('made-1') ?? '', label: labels.get('made-1') ?? '' };
    passwords.delete('made-1');
    labels.delete('made-1');
    bench.clock.advance(MINUTE);
    await bench.drain();
    passwords.set('made-1', hidden.value);
    labels.set('made-1', hidden.label);
    expect(live(bench)).toEqual(['a', 'made-1', 'made-2']);
    bench.clock.advance(OVERLAP + 1);
    await bench.resume();
    await bench.resume();
    expect(bench.run.state).toBe('done');
    expect(live(bench)).toEqual(['made-2']);
  });

  it('looks for nothing when it begins', async () => {
    const bench = many();
    await bench.deliver(bench.message());
    expect(bench.calls.count('rotator.list')).toBe(0);
  });

  it('keeps what it made when somebody has made it the current one by hand', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.vault.put(OBJECT, 'made-by-the-system-1', { ...TAGS, CredentialId: 'Made-1' });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run.state).toBe('cancelled');
    expect(live(bench)).toContain('made-1');
  });

  it('that is given up, because somebody wrote a version meanwhile, leaves no orphan', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.seed();
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(bench.run.state).toBe('cancelled');
    expect(live(bench)).toEqual(['a']);
  });

  it('is refused while another secret hands out the same credential, and so is its revocation', async () => {
    const bench = many();
    await bench.rotated();
    bench.vault.put({ ...OBJECT, vault: OTHER_VAULT, name: 'copy' }, OLD, TAGS);
    bench.clock.advance(OVERLAP + 1);
    await bench.resume();
    expect(bench.run.blocked).toMatchObject({ code: 'SLOT_OWNED' });
    expect(live(bench)).toContain('a');
  });
});

describe('compromised, while a rotation before is open', () => {
  it('revokes what that one kept for its readers, and what it had published', async () => {
    const bench = many();
    await bench.rotated();
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ rotationId: 'leak', state: 'done' });
    expect(live(bench)).toEqual(['made-2']);
  });

  it('revokes what that one had made and not published', async () => {
    const bench = many();
    await withOrphan(bench);
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(live(bench)).toEqual(['made-2']);
  });

  it('has nothing to revoke of a system that cannot', async () => {
    const bench = new Bench({ minting: 'system', overlap: 'many', revocable: false });
    await bench.rotated();
    expect(await bench.resume()).toMatchObject({ outcome: 'deferred', reason: 'NotYet' });
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ rotationId: 'leak', state: 'done' });
    expect(bench.calls.count('rotator.revoke')).toBe(0);
  });
});

describe('cancelling', () => {
  it('fails as the vault does, when the secret cannot be read', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.calls.before('vault.current', () => bench.calls.fail('vault.current', error('UNAVAILABLE')));
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('revokes what was made for the run alone, under the lease', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.calls.before('rotator.revoke', () => expect(bench.record?.lease).toBeDefined());
    expect(await cancel(bench.engine, bench.run.rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
    expect(live(bench)).toEqual(['a']);
    expect(bench.record?.lease).toBeUndefined();
  });

  it('does not happen when the system cannot be asked what there is', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.calls.fail('rotator.list', error('UNAVAILABLE'));
    await expect(cancel(bench.engine, bench.run.rotationId, 'on-call')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bench.run.state).toBe('waiting');
  });

  it('of a run whose secret is gone is possible: nothing says any more where to look', async () => {
    const bench = many();
    await withOrphan(bench);
    bench.vault.remove(OBJECT);
    expect(await cancel(bench.engine, bench.run.rotationId, 'on-call')).toMatchObject({ state: 'cancelled' });
  });
});
