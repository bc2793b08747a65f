import { describe, expect, it } from 'vitest';
import { takeEvents } from '../../src/intake.ts';
import { Bench, error, OBJECT, VAULT } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const event = (type: string, more: { vault?: string; id?: string; object?: string } = {}): object => ({
  id: more.id ?? 'e1',
  eventType: `Microsoft.KeyVault.${type}`,
  eventTime: '2026-11-22T12:00:00Z',
  data: { Id: `${more.vault ?? VAULT}/${more.object ?? 'secrets'}/db/0123456789abcdef0123456789abcdef` },
});
const notes = (bench: Bench) => [...bench.journal.notes.values()];

describe('an event of a served vault', () => {
  it.each([
    ['SecretNearExpiry', 'near-expiry'],
    ['SecretExpired', 'expired'],
  ])('%s asks for a rotation of its version', async (type, trigger) => {
    const bench = new Bench();
    await takeEvents(bench.engine, [event(type)], 'd1');
    expect(bench.queue.take()?.item).toEqual({
      kind: 'rotate',
      message: { object: OBJECT, trigger, version: '0123456789abcdef0123456789abcdef' },
    });
  });

  it.each([
    ['KeyNearExpiry', { kind: 'rotate', message: { trigger: 'near-expiry' } }],
    ['KeyExpired', { kind: 'rotate', message: { trigger: 'expired' } }],
    ['KeyNewVersionCreated', { kind: 'propagate' }],
  ])('%s of a key goes the same way', async (type, item) => {
    const bench = new Bench();
    await takeEvents(bench.engine, [event(type, { object: 'keys' })], 'd1');
    const taken = bench.queue.take()?.item;
    expect(taken).toMatchObject(item);
    expect(taken?.message).toMatchObject({ object: { ...OBJECT, kind: 'key' } });
  });

  it.each([
    ['CertificateNearExpiry', 'near-expiry'],
    ['CertificateExpired', 'expired'],
  ])('%s asks for a renewal', async (type, trigger) => {
    const bench = new Bench();
    await takeEvents(bench.engine, [event(type, { object: 'certificates' })], 'd1');
    const object = { ...OBJECT, kind: 'certificate' };
    expect(bench.queue.take()?.item).toMatchObject({ kind: 'rotate', message: { trigger, object } });
  });

  it('SecretNewVersionCreated asks for propagation, never for a rotation', async () => {
    const bench = new Bench();
    await takeEvents(bench.engine, event('SecretNewVersionCreated'), 'd1');
    expect(bench.queue.take()?.item).toMatchObject({ kind: 'propagate', message: { object: OBJECT } });
    expect(bench.calls.count('queue.rotate')).toBe(0);
  });

  it('CertificateNewVersionCreated asks for propagation, too', async () => {
    const bench = new Bench();
    await takeEvents(bench.engine, event('CertificateNewVersionCreated', { object: 'certificates' }), 'd1');
    expect(bench.queue.take()?.item).toMatchObject({
      kind: 'propagate',
      message: { object: { ...OBJECT, kind: 'certificate' } },
    });
  });

  it.each<[string, object]>([
    ['the vault’s own', { id: 'e', type: 'Microsoft.KeyVault.VaultAccessPolicyChanged', source: 'x', data: {} }],
    ['one without a version', { ...event('SecretNearExpiry'), data: { Id: `${VAULT}/secrets/db` } }],
    ['a new version without a version', { ...event('SecretNewVersionCreated'), data: { Id: `${VAULT}/secrets/db` } }],
  ])('%s is logged, and nothing is done about it', async (_, given) => {
    const bench = new Bench();
    await takeEvents(bench.engine, given, 'd1');
    expect(bench.calls.log).toEqual([]);
    expect(bench.logged.join()).toContain('nothing is done about');
  });
});

describe('what is refused is noted, with what to do, and not asked for again', () => {
  it('an event of a vault that is not served', async () => {
    const bench = new Bench();
    await takeEvents(bench.engine, event('SecretNearExpiry', { vault: 'https://foreign.vault.azure.net' }), 'd1');
    expect(notes(bench)).toMatchObject([{ id: 'e1', code: 'NOT_SERVED', remedy: containing('KEYTURN_VAULTS') }]);
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('what is no event, once for each delivery of it', async () => {
    const bench = new Bench();
    await takeEvents(bench.engine, 'nonsense', 'd1');
    await takeEvents(bench.engine, 'nonsense', 'd1');
    expect(notes(bench)).toMatchObject([{ kind: 'refused', code: 'EVENT_INVALID' }]);
    await takeEvents(bench.engine, 'nonsense', 'd2');
    expect(notes(bench)).toHaveLength(2);
  });

  it('one event among others, which go their way', async () => {
    const bench = new Bench();
    await takeEvents(bench.engine, [{ id: 'bad', type: 'Other.Thing' }, event('SecretExpired')], 'd1');
    expect(notes(bench)).toMatchObject([{ id: 'bad', code: 'EVENT_INVALID' }]);
    expect(bench.queue.take()).toBeDefined();
  });
});

describe('what cannot be stored is asked for again', () => {
  it.each<[string, object, string]>([
    ['a message', event('SecretNearExpiry'), 'queue.rotate'],
    ['a propagation', event('SecretNewVersionCreated'), 'queue.propagate'],
    ['a note', event('SecretNearExpiry', { vault: 'https://foreign.vault.azure.net' }), 'journal.note'],
  ])('%s', async (_, given, call) => {
    const bench = new Bench();
    bench.calls.fail(call, error('UNAVAILABLE'));
    await expect(takeEvents(bench.engine, given, 'd1')).rejects.toThrow('UNAVAILABLE happened');
  });

  it('within the half minute that Event Grid waits', async () => {
    const bench = new Bench();
    bench.calls.before('queue.rotate', () => {
      queueMicrotask(() => bench.clock.advance(MINUTE / 2));
      return Promise.withResolvers<undefined>().promise;
    });
    await expect(takeEvents(bench.engine, event('SecretExpired'), 'd1')).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });
});
