/** People change the secret, its tags or its versions while a rotation is half-way: nobody is locked out, nothing is left over. */
import { describe, expect, it } from 'vitest';
import { cancel } from '../../src/rotation/cancel.ts';
import { blockPoisoned } from '../../src/rotation/poison.ts';
import { pendingOf } from '../../src/rotation/staging.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { supply } from '../../src/rotation/supply.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { manualRotator } from '../../src/rotators/manual/rotator.ts';
import { journalRow } from '../../src/state/rows.ts';
import { Bench, days, error, OBJECT, OLD, OTHER_VAULT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { DAY, MINUTE } from '../support/memory/clock.ts';

const PENDING = pendingOf(OBJECT);
const many = () => new Bench({ minting: 'system', overlap: 'many' });
const byHand = () =>
  new Bench({ minting: 'person', overlap: 'many', revocable: false, proof: 'none' }, (rotator) =>
    Object.assign(rotator, { test: () => Promise.resolve() }),
  );
const live = (bench: Bench) => [...bench.rotator.passwords.keys()].sort();

async function turns(bench: Bench, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await bench.drain();
    if (turn % 5 === 0) await sweep(bench.engine);
    bench.clock.advance(MINUTE);
  }
}

/** The only account has its new password already, and the vault would not take the new version. */
async function replaced(): Promise<Bench> {
  const bench = new Bench({ overlap: 'none', revocable: false });
  const refused = error('ACCESS_DENIED', { recovery: 'reconfigure' });
  bench.calls.before('rotator.set', () => bench.calls.fail('vault.write', refused));
  await bench.deliver(bench.message());
  expect(bench.currentWorks()).toBe(false);
  bench.clock.advance(MINUTE);
  return bench;
}

/** A credential was made, and its proof got no answer. */
async function orphaned(): Promise<Bench> {
  const bench = many();
  bench.calls.before('rotator.set', () => bench.calls.fail('rotator.test', error('TIMED_OUT')));
  await bench.deliver(bench.message());
  expect(live(bench)).toEqual(['a', 'made-1']);
  return bench;
}

describe('one account, replaced half-way', () => {
  it('is blocked, not given up, when the tags go; and goes on when they are back', async () => {
    const bench = await replaced();
    bench.vault.change(OBJECT, { tags: {} });
    bench.clock.advance(MINUTE);
    await turns(bench, 10);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(bench.run.blocked?.remedy).toMatch(/Put the tags back/);
    bench.vault.change(OBJECT, { tags: TAGS });
    await turns(bench, 20);
    expect(bench.currentWorks()).toBe(true);
  });

  it('is blocked when somebody writes the old value again, and force publishes the one that is live', async () => {
    const bench = await replaced();
    bench.vault.put(OBJECT, OLD, { ...TAGS, Owner: 'x' }, { expiresOn: days(80) });
    await turns(bench, 10);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    await bench.deliver(bench.message('manual', { rotationId: bench.run.rotationId, force: true }));
    expect(bench.currentWorks()).toBe(true);
    expect(bench.minted, 'the pending value is used, not another one').toHaveLength(1);
  });

  it('ends by itself when somebody writes a version that works, and no pending value stays enabled', async () => {
    const bench = await replaced();
    bench.rotator.passwords.set('a', 'set-by-hand-by-somebody');
    bench.vault.put(OBJECT, 'set-by-hand-by-somebody', TAGS, { expiresOn: days(80) });
    await turns(bench, 10);
    expect(bench.run.state).toBe('cancelled');
    expect(bench.vault.peek(PENDING).every(({ enabled }) => !enabled)).toBe(true);
  });

  it('goes on at once after a cancel that was refused', async () => {
    const bench = await replaced();
    const { rotationId } = bench.run;
    await expect(cancel(bench.engine, rotationId, 'me')).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(bench.deliver(bench.message('manual', { rotationId }))).resolves.toMatchObject({ outcome: 'rotated' });
  });
});

describe('one more credential, half-way', () => {
  it('is blocked when the tags name another system: that one is not asked about it', async () => {
    const bench = await orphaned();
    bench.vault.change(OBJECT, { tags: { ...TAGS, ProviderAddress: 'shop.example' } });
    await turns(bench, 10);
    expect(bench.run).toMatchObject({
      state: 'blocked',
      blocked: { code: 'HUMAN_REQUIRED' },
      system: 'bank:bank.example',
    });
    const { rotationId } = bench.run;
    await expect(cancel(bench.engine, rotationId, 'me')).rejects.toMatchObject({ message: /it began in bank:bank/ });
    bench.vault.change(OBJECT, { tags: TAGS });
    await cancel(bench.engine, rotationId, 'me');
    expect(live(bench), 'nothing of it is left').toEqual(['a']);
  });

  it('keeps an orphan that an enabled version of the secret hands out', async () => {
    const bench = many();
    bench.calls.before('rotator.set', () =>
      bench.calls.before('vault.write', () => {
        const tags = { ...TAGS, CredentialId: 'made-1', RotationId: bench.run.rotationId };
        bench.vault.put(OBJECT, 'made-by-the-system-1', tags, { expiresOn: days(90) });
        throw error('TIMED_OUT', { effect: 'unknown' });
      }),
    );
    await bench.deliver(bench.message());
    bench.vault.put(OBJECT, OLD, TAGS, { expiresOn: days(80) });
    bench.clock.advance(MINUTE);
    await turns(bench, 10);
    expect(bench.run.state).toBe('cancelled');
    expect(live(bench)).toEqual(['a', 'made-1']);
  });

  it('compromised revokes what the run before it kept only after it has published', async () => {
    const bench = many();
    await bench.rotated();
    bench.calls.before('rotator.set', () => expect(live(bench)).toEqual(['a', 'made-1']));
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ rotationId: 'leak', state: 'done' });
    expect(live(bench)).toEqual(['made-2']);
  });

  it('compromised revokes nothing that another secret hands out', async () => {
    const bench = many();
    await bench.rotated();
    bench.vault.put({ ...OBJECT, vault: OTHER_VAULT, name: 'copy' }, OLD, TAGS, { expiresOn: days(80) });
    await bench.deliver(bench.message('compromised', { rotationId: 'leak' }));
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'SLOT_OWNED' } });
    expect(live(bench)).toContain('a');
  });
});

describe('the old credential is kept', () => {
  it('when somebody puts the old value back under the newer tags', async () => {
    const bench = new Bench();
    const { passwords } = bench.rotator;
    // As keys of a service: the proof says that the key works, not which of the two it is.
    bench.rotator.test = (_target, { value }) =>
      [...passwords.values()].includes(value.reveal())
        ? Promise.resolve()
        : Promise.reject(error('CREDENTIAL_REJECTED', { recovery: 'human' }));
    const check = (_target: unknown, _slot: unknown, { slot, value }: { slot: string; value: SecretValue }) => {
      const message = `the value is not that of ${slot}`;
      const mistaken = passwords.get(slot) !== value.reveal();
      return Promise.resolve(mistaken ? [{ code: 'CONFIG_INVALID', message, remedy: '' }] : []);
    };
    Object.assign(bench.rotator, { check });
    await bench.rotated();
    bench.vault.put(OBJECT, OLD, bench.vault.peek(OBJECT)[0]?.tags ?? {}, { expiresOn: days(80) });
    bench.clock.advance(OVERLAP + MINUTE);
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(bench.rotator.passwords.get('a')).toBe(OLD);
  });

  it('and the run can be cancelled, when the secret is deleted in the overlap', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.vault.remove(OBJECT);
    bench.clock.advance(OVERLAP + MINUTE);
    await turns(bench, 5);
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'TARGET_NOT_FOUND' } });
    await expect(cancel(bench.engine, bench.run.rotationId, 'me')).resolves.toMatchObject({ state: 'cancelled' });
  });
});

describe('values that wait', () => {
  it('never hide a secret of somebody’s own that has the name', async () => {
    const bench = new Bench({ overlap: 'none', revocable: false });
    bench.vault.put(PENDING, 'of-another-app', { owner: 'shop' });
    await bench.deliver(bench.message());
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(bench.vault.peek(PENDING)).toHaveLength(1);
    expect(bench.vault.peek(PENDING)[0]?.enabled).toBe(true);
    expect(bench.currentWorks()).toBe(true);
  });

  it('are published when they came before the run had begun its work', async () => {
    const bench = byHand();
    bench.calls.fail('vault.current', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await bench.deliver(bench.message());
    expect(bench.run).toMatchObject({ state: 'blocked', step: 'claim' });
    await supply(bench.engine, bench.run.rotationId, new SecretValue('handed-in-by-a-person'), 'me');
    await bench.drain();
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe('handed-in-by-a-person');
  });

  it('do not stay enabled, however many were handed in', async () => {
    const bench = byHand();
    await bench.deliver(bench.message());
    for (const text of ['the-first-one-typed', 'the-second-one-typed']) {
      await supply(bench.engine, bench.run.rotationId, new SecretValue(text), 'me');
    }
    await bench.drain();
    await bench.propagate();
    bench.clock.advance(OVERLAP + MINUTE);
    await bench.drain();
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe('the-second-one-typed');
    expect(bench.vault.peek(PENDING).map(({ enabled }) => enabled)).toEqual([false, false]);
  });

  it('are never asked for by way of an address with a password in it', () => {
    const providerAddress = 'https://admin:hunter2@portal.example/keys';
    expect(() => manualRotator().parseTarget({ credentialId: '', providerAddress })).toThrow(/no place for them/);
  });
});

describe('the journal', () => {
  it('fits into its row, whatever is told in it and however often', async () => {
    const bench = new Bench();
    const long = error('GRANTS_DIFFER', {
      recovery: 'reconfigure',
      message: 'x'.repeat(9000),
      remedy: 'y"'.repeat(9000),
    });
    bench.rotator.set = () => Promise.reject(long);
    await bench.deliver(bench.message());
    for (let day = 0; day < 40; day += 1) {
      bench.clock.advance(DAY + MINUTE);
      await sweep(bench.engine);
      await bench.drain();
      expect(() => journalRow(bench.record ?? { schema: 1, object: OBJECT })).not.toThrow();
    }
    expect(bench.run.steps.length).toBeGreaterThan(10);
    expect(bench.run.blocked?.remedy).toMatch(/…$/);
  });

  it('takes no lease seriously that reaches a year ahead', async () => {
    const bench = new Bench();
    bench.leave({ state: 'running', step: 'claim' }, { lease: { owner: 'x', until: days(365).toISOString() } });
    await expect(bench.deliver(bench.message())).resolves.toMatchObject({ outcome: 'rotated' });
  });

  it('tells the people when a message was given up', async () => {
    const bench = new Bench();
    bench.leave({ state: 'running', step: 'set' });
    await blockPoisoned(bench.engine, { object: OBJECT, trigger: 'resume', rotationId: 'left-behind' });
    expect(bench.announced).toMatchObject([{ type: 'Keyturn.RotationBlocked' }]);
  });
});
