import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { days, error } from '../support/memory/bench.ts';
import { KEY, KeyBench, userId } from '../support/memory/key-bench.ts';
import { containing } from '../support/memory/text.ts';

const ask = { vault: 'kv', name: 'CMK', kind: 'key' };

function scene(): { bench: KeyBench; api: ReturnType<typeof createRunbook> } {
  const bench = new KeyBench();
  return { bench, api: createRunbook(bench.engine) };
}

describe('the runbook, asked about a key', () => {
  it('starts a rotation of the key, and not of a secret with its name', async () => {
    const { bench, api } = scene();
    expect(await api.start(ask, 'me')).toMatchObject({ status: 202 });
    await bench.drain();
    expect(bench.keyRun).toMatchObject({ state: 'done', reason: 'Manual', requestedBy: 'me' });
    expect(await api.start({ ...ask, kind: 'secret' }, 'me')).toMatchObject({ status: 404 });
    expect(await api.start({ ...ask, kind: 'vault' }, 'me')).toMatchObject({ status: 400 });
  });

  it('rotates one that is compromised at once, paused or not, and keeps the old version', async () => {
    const { bench, api } = scene();
    bench.seedKey({ KeyUser: userId('alpha'), Paused: 'true' }, { expiresOn: days(300) });
    expect(await api.start({ ...ask, reason: 'compromised' }, 'me')).toMatchObject({ status: 202 });
    await bench.drain();
    expect(bench.used('alpha')).toBe(bench.keyVersion);
    expect(bench.keys.peek(KEY).every(({ enabled }) => enabled)).toBe(true);
  });

  it('refuses one that is not managed or backs a certificate, with nothing enqueued', async () => {
    const { bench, api } = scene();
    bench.keys.put(KEY, { team: 'x' });
    expect(await api.start(ask, 'me')).toMatchObject({ status: 400, body: { detail: containing('not managed') } });
    bench.keys.put(KEY, { Rotator: 'sql-server' }, { managed: true });
    expect(await api.start(ask, 'me')).toMatchObject({ status: 400, body: { detail: containing('certificate') } });
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('tells in a dry run what each user uses, what would be called, and when the vault rotates; and changes nothing', async () => {
    const { bench, api } = scene();
    bench.keys.policy = { rotates: { from: 'expiry', period: { months: 0, days: 10 } } };
    bench.use('beta', { follows: 'versionless' });
    const { status, body } = await api.start({ ...ask, dryRun: true }, 'me');
    expect(status).toBe(200);
    expect(body).toEqual({
      due: true,
      reason: 'Manual',
      detail: 'an operator asked for it',
      rotator: 'vault-key',
      system: `${KEY.vault}/keys/cmk`,
      from: { version: 'k1' },
      vaultRotatesAt: days(10).toISOString(),
      users: [
        { user: userId('alpha'), kind: 'test-user', follows: 'pinned', version: 'k1' },
        { user: userId('beta'), kind: 'test-user', follows: 'versionless', version: 'k1' },
      ],
      calls: [containing(`POST ${KEY.vault}/keys/cmk/rotate`), containing(`PATCH ${userId('alpha')}`)],
      blockedBy: [],
    });
    expect([bench.keys.rotations, bench.users.moves, bench.queue.nextAt]).toEqual([0, 0, undefined]);
  });

  it('names everything that stands in the way, user by user', async () => {
    const { bench, api } = scene();
    bench.seedKey({
      KeyUser: userId('gone'),
      KeyUser1: '/subscriptions/s/resourceGroups/g/providers/A.B/c/d',
      Paused: 'true',
    });
    bench.calls.fail('keys.rotationPolicy', error('ACCESS_DENIED', { remedy: 'az …' }));
    const { body } = await api.start({ ...ask, dryRun: true }, 'me');
    expect(body).toMatchObject({
      due: false,
      users: [{ user: userId('gone') }, { user: containing('A.B') }],
      blockedBy: [
        { code: 'CONFLICT' },
        { code: 'ACCESS_DENIED', remedy: 'az …' },
        { code: 'TARGET_NOT_FOUND' },
        { code: 'CONFIG_INVALID' },
      ],
    });
  });

  it('lists managed keys in the inventory, each with its versions, users and last run', async () => {
    const { bench, api } = scene();
    bench.keys.put({ ...KEY, name: 'other' }, { team: 'x' });
    bench.keys.put({ ...KEY, name: 'wrong' }, { Rotator: 'nothing' });
    bench.keys.put({ ...KEY, name: 'certs' }, { Rotator: 'nothing' }, { managed: true });
    await bench.deliver(bench.about());
    const { body } = await api.inventory({ vault: 'kv' });
    const { objects, problems } = body as { objects: { object: object }[]; problems: string[] };
    expect(objects.filter(({ object }) => 'kind' in object && object.kind === 'key')).toMatchObject([
      {
        object: KEY,
        rotator: 'vault-key',
        users: [userId('alpha'), userId('beta')],
        due: false,
        versions: [{ version: bench.keyVersion }, { version: 'k1' }],
        lastRun: { state: 'done' },
      },
      { object: { name: 'wrong' }, reason: 'CONFIG_INVALID' },
    ]);
    expect(problems).toEqual([]);
    bench.calls.fail('keys.list', error('ACCESS_DENIED', { remedy: 'az role …' }));
    expect(await api.inventory({ vault: 'kv' })).toMatchObject({ body: { problems: [containing('az role …')] } });
  });

  it('lets a run go that waits for a user who never comes', async () => {
    const { bench, api } = scene();
    bench.use('beta', { follows: 'versionless' });
    await bench.deliver(bench.about());
    const id = bench.keyRun?.rotationId ?? '';
    expect(await api.start(ask, 'me')).toMatchObject({ status: 409 });
    expect(await api.cancel(id, 'me')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  });
});
