import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { Bench, error, OBJECT, VAULT } from '../support/memory/bench.ts';
import { containing } from '../support/memory/text.ts';

function setUp() {
  const bench = new Bench();
  bench.seed({ value: 'a-new-one', createdOn: bench.clock.now() });
  bench.consumers.put('site', { version: 'v1' });
  bench.consumers.put('vpn', { version: 'v1', pinned: 'v1', takes: 'by-hand' });
  return { bench, api: createRunbook(bench.engine) };
}

const WHO = { vault: 'kv', name: 'DB' };

describe('GET /consumers', () => {
  it('tells of every consumer where it stands, how that was seen, and what to do', async () => {
    const { bench, api } = setUp();
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    expect(await api.consumers(WHO)).toMatchObject({
      status: 200,
      body: {
        version: 'v2',
        summary: '1 of 2 consumers have version v2; pinned: vpn',
        consumers: [
          { id: 'site', state: 'verified', proof: { kind: 'handshake' }, whatToDo: containing('Nothing') },
          { id: 'vpn', state: 'pinned', whatToDo: 'Change vpn by hand' },
        ],
        gaps: [],
      },
    });
  });

  it('says when it tries again, and why it has to', async () => {
    const { bench, api } = setUp();
    bench.calls.fail('consumer.confirm', error('THROTTLED', { retryAfterMs: 60_000, remedy: 'Wait' }));
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    expect(await api.consumers(WHO)).toMatchObject({
      body: { consumers: [{ whatToDo: containing('2026-11-22T12:01:00.000Z. Wait') }, {}] },
    });
  });

  it('where nobody has looked yet, says how to', async () => {
    const { api } = setUp();
    expect(await api.consumers(WHO)).toMatchObject({
      status: 404,
      body: { remedy: containing(`POST /api/propagations {"vault":"${VAULT}","name":"db"}`) },
    });
  });

  it('where the settings name no subscription, says which setting', async () => {
    const { bench, api } = setUp();
    bench.consumers.enabled = false;
    for (const answer of [await api.consumers(WHO), await api.push(WHO)]) {
      expect(answer).toMatchObject({ status: 422, body: { remedy: containing('KEYTURN_SUBSCRIPTIONS') } });
    }
  });

  it('refuses what it does not know', async () => {
    const { api } = setUp();
    expect(await api.consumers({ vault: 'nope', nam: 'x' })).toMatchObject({
      status: 400,
      body: { problems: [{ path: 'nam' }, { path: 'name' }, { path: 'vault' }] },
    });
  });
});

describe('POST /propagations', () => {
  it('asks for a push, and says where to look', async () => {
    const { bench, api } = setUp();
    expect(await api.push(WHO)).toMatchObject({
      status: 202,
      headers: { location: '/api/consumers?vault=https%3A%2F%2Fkv.vault.azure.net&name=db' },
      body: { version: 'v2' },
    });
    expect(bench.queue.take()?.item.message).toEqual({ object: OBJECT, version: 'v2', again: true });
  });

  it('as a dry run tells who there is, and changes nothing', async () => {
    const { bench, api } = setUp();
    bench.consumers.gaps = [{ where: 'a gateway', message: 'may not be read', remedy: 'az role …' }];
    expect(await api.push({ ...WHO, dryRun: true })).toMatchObject({
      status: 200,
      body: {
        version: 'v2',
        references: [{ id: 'site' }, { id: 'vpn', pinned: 'v1' }],
        gaps: [{ where: 'a gateway' }],
      },
    });
    expect(bench.queue.nextAt).toBeUndefined();
    expect(bench.consumers.pushes).toBe(0);
  });

  it('refuses a secret that is not there, and another kind', async () => {
    const { api } = setUp();
    expect(await api.push({ ...WHO, name: 'nobody' })).toMatchObject({ status: 404 });
    expect(await api.push({ ...WHO, kind: 'key' })).toMatchObject({
      status: 400,
      body: { problems: [{ path: 'kind' }] },
    });
  });
});
