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

const VOUCH = `Where it cannot be seen from here, look at it yourself; if it uses the version, say so: POST /api/propagations {"vault":"${VAULT}","name":"db","accept":[`;
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
          { id: 'vpn', state: 'pinned', whatToDo: containing(`Change vpn by hand. ${VOUCH}`) },
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
    for (const answer of [await api.consumers(WHO), await api.push(WHO, 'alice')]) {
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
    expect(await api.push(WHO, 'alice')).toMatchObject({
      status: 202,
      headers: { location: '/api/consumers?vault=https%3A%2F%2Fkv.vault.azure.net&name=db' },
      body: { version: 'v2' },
    });
    expect(bench.queue.take()?.item.message).toEqual({ object: OBJECT, version: 'v2', again: true });
  });

  it('as a dry run tells who there is, and changes nothing', async () => {
    const { bench, api } = setUp();
    bench.consumers.gaps = [{ where: 'a gateway', message: 'may not be read', remedy: 'az role …' }];
    expect(await api.push({ ...WHO, dryRun: true }, 'alice')).toMatchObject({
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

  it('takes a person’s word for who cannot be seen: it is verified, with who said so and when', async () => {
    const { bench, api } = setUp();
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    bench.clock.advance(1000);
    const answer = await api.push({ ...WHO, accept: ['VPN'] }, 'alice (function key)');
    const verified = {
      ...{ id: 'vpn', state: 'verified' },
      proof: { kind: 'by-person', by: 'alice (function key)', at: '2026-11-22T12:00:01.000Z' },
      whatToDo: 'Nothing: alice (function key) has looked, and says that it uses the version.',
    };
    expect(answer).toMatchObject({ status: 200, body: { version: 'v2', consumers: [{ id: 'site' }, verified] } });
    expect(await api.consumers(WHO)).toMatchObject({ body: { consumers: [{ id: 'site' }, verified] } });
    // The daily look at it is not needed any more, and nobody comes back for it.
    expect(bench.adoptions.entry(OBJECT)?.record.wakeAt).toBeUndefined();
    const { etag } = bench.adoptions.entry(OBJECT) ?? {};
    expect(await api.push({ ...WHO, accept: ['vpn', 'site'] }, 'bob')).toMatchObject({
      body: { consumers: [{ proof: { kind: 'handshake' } }, { proof: { by: 'alice (function key)' } }] },
    });
    expect(bench.adoptions.entry(OBJECT)?.etag).toBe(etag);
  });

  it('keeps a person’s word when all are told once more, and not for the next version', async () => {
    const { bench, api } = setUp();
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    await api.push({ ...WHO, accept: ['vpn'] }, 'alice');
    await api.push(WHO, 'alice');
    await bench.drain();
    expect(bench.adoptions.entry(OBJECT)?.record.consumers[1]).toMatchObject({ proof: { kind: 'by-person' } });
    bench.seed({ value: 'newer', createdOn: bench.clock.now() });
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v3' } });
    await bench.drain();
    expect(bench.adoptions.entry(OBJECT)?.record.consumers[1]).toMatchObject({ state: 'pinned' });
  });

  it('takes it for a gap as well, as long as it is one, and not for places that are not named', async () => {
    const { bench, api } = setUp();
    bench.consumers.remove('vpn');
    bench.consumers.gaps = [
      { where: 'a gateway', message: 'may not be read' },
      { where: '9 more', message: '9 more', count: 9 },
    ];
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    expect(await api.push({ ...WHO, accept: ['9 more'] }, 'alice')).toMatchObject({ status: 400 });
    await api.push({ ...WHO, accept: ['a gateway'] }, 'alice');
    await api.push(WHO, 'alice');
    await bench.drain();
    expect(await api.consumers(WHO)).toMatchObject({
      body: {
        summary: '1 of 1 consumers have version v2; 9 places could not be looked through',
        gaps: [{ where: 'a gateway', accepted: { by: 'alice' } }, { where: '9 more' }],
      },
    });
  });

  it('names those there are when it is given another, and notes nothing', async () => {
    const { bench, api } = setUp();
    expect(await api.push({ ...WHO, accept: ['vpn'] }, 'alice')).toMatchObject({ status: 404 });
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    await bench.drain();
    expect(await api.push({ ...WHO, accept: ['vpn', 'door'] }, 'alice')).toMatchObject({
      status: 400,
      body: { title: 'REQUEST_INVALID', remedy: 'There are: site, vpn', problems: [{ path: 'accept[1]' }] },
    });
    expect(bench.adoptions.entry(OBJECT)?.record.consumers[1]).toMatchObject({ state: 'pinned' });
    for (const accept of [[], 'vpn', [7], ['']]) {
      expect(await api.push({ ...WHO, accept }, 'alice')).toMatchObject({
        status: 400,
        body: { problems: [{ path: 'accept' }] },
      });
    }
    expect(await api.push({ ...WHO, accept: ['vpn'], dryRun: true }, 'alice')).toMatchObject({
      body: { problems: [{ path: 'dryRun' }] },
    });
  });

  it('notes nothing while somebody works on the row, or has been quicker, and says so', async () => {
    const { bench, api } = setUp();
    bench.queue.put({ kind: 'propagate', message: { object: OBJECT, version: 'v2' } });
    const whileHeld: unknown[] = [];
    const sayIt = () => api.push({ ...WHO, accept: ['site'] }, 'alice');
    bench.calls.before('consumer.refresh', async () => void whileHeld.push(await sayIt()));
    await bench.drain();
    const conflict = {
      status: 409,
      headers: { 'retry-after': '60' },
      body: { title: 'CONFLICT', remedy: containing('in a minute') },
    };
    expect(whileHeld[0]).toMatchObject(conflict);
    bench.calls.fail('adoptions.write', error('LEASE_LOST'));
    expect(await api.push({ ...WHO, accept: ['vpn'] }, 'alice')).toMatchObject(conflict);
    expect(await api.push({ ...WHO, accept: ['vpn'] }, 'alice')).toMatchObject({ status: 200 });
  });

  it('refuses a secret that is not there, and another kind', async () => {
    const { api } = setUp();
    expect(await api.push({ ...WHO, name: 'nobody' }, 'alice')).toMatchObject({ status: 404 });
    expect(await api.push({ ...WHO, kind: 'key' }, 'alice')).toMatchObject({
      status: 400,
      body: { problems: [{ path: 'kind' }] },
    });
  });
});
