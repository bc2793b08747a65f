import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHost } from '../../sandbox/host/host.ts';
import type { Host } from '../../sandbox/host/host.ts';
import { fixture, startMiniApp } from './host-fixture.ts';
import type { MiniApp } from './host-fixture.ts';

let mini: MiniApp;
let host: Host;

beforeAll(async () => {
  mini = await startMiniApp();
  ({ host } = mini);
});

afterAll(() => mini.stop());

const key = (value: string): RequestInit => ({ headers: { 'x-functions-key': value } });

describe('indexing', () => {
  test('names every function the app registers', () => {
    expect(host.functions).toEqual(['broken', 'echo', 'hang', 'nothing', 'onEvent', 'open', 'poison', 'tick', 'work']);
  });

  test('an app that registers nothing does not start', async () => {
    await expect(startHost(mini.ctx, { appDir: fixture('empty-app') })).rejects.toThrow('registered no function');
  });

  test('a %SETTING% that is absent stops the start and is named', async () => {
    const { MINI_SCHEDULE: _, ...env } = mini.settings;
    await expect(startHost(mini.ctx, { appDir: fixture('mini-app'), env })).rejects.toThrow('MINI_SCHEDULE is absent');
  });
});

describe('HTTP', () => {
  test('a function key is asked for, in the header or the query', async () => {
    const url = host.url('/api/things/1');
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, key('wrong'))).status).toBe(401);
    expect((await fetch(url, key(host.keys.eventGrid))).status).toBe(401);
    expect((await fetch(url, key(host.keys.default))).status).toBe(201);
    expect((await fetch(url, key(host.keys.master))).status).toBe(201);
    expect((await fetch(`${url}?code=${host.keys.default}`)).status).toBe(201);
  });

  test('anonymous needs none; admin needs the master key; nothing returned is 204', async () => {
    expect(await (await fetch(host.url('/api/open'))).text()).toBe('open');
    const remove = (value: string): Promise<Response> =>
      fetch(host.url('/api/nothing'), { method: 'DELETE', ...key(value) });
    expect((await remove(host.keys.default)).status).toBe(401);
    expect((await remove(host.keys.master)).status).toBe(204);
  });

  test('route parameters, query, headers and body arrive', async () => {
    const answer = await fetch(host.url('/api/things/a%20b?q=1%262'), {
      method: 'POST',
      headers: { 'x-functions-key': host.keys.default, 'X-Thing': 'ü'.normalize('NFC') },
      body: 'grüße',
    });
    expect(answer.headers.get('x-invocation')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await answer.json()).toEqual({ id: 'a b', q: '1&2', header: expect.any(String) as string, body: 'grüße' });
  });

  test('an unknown path or method is 404, a throw is 500 without a word of it', async () => {
    expect((await fetch(host.url('/api/absent'), key(host.keys.default))).status).toBe(404);
    expect((await fetch(host.url('/api/things/1'), { method: 'PUT', ...key(host.keys.default) })).status).toBe(404);
    const broken = await fetch(host.url('/api/broken'), key(host.keys.default));
    expect([broken.status, await broken.text()]).toEqual([500, '']);
    expect(host.output()).toContain('broken on purpose');
  });
});

describe('the Event Grid webhook', () => {
  const event = (id: string, fail = false): object => ({ id, eventType: 'T', data: { ObjectName: 'n', fail } });
  const post = (url: string, type: string | undefined, body: unknown): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(type === undefined ? {} : { 'aeg-event-type': type }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  test('wants the system key or the master key', async () => {
    const url = host.webhook('onEvent').replace(host.keys.eventGrid, host.keys.default);
    expect((await post(url, 'Notification', [event('k')])).status).toBe(401);
    const master = host.webhook('onEvent').replace(host.keys.eventGrid, host.keys.master);
    expect((await post(master, 'Notification', [event('k')])).status).toBe(202);
  });

  test('answers the validation handshake', async () => {
    const events = [{ id: '1', data: { validationCode: 'abc-123' } }];
    const answer = await post(host.webhook('onEvent'), 'SubscriptionValidation', events);
    expect([answer.status, await answer.json()]).toEqual([200, { validationResponse: 'abc-123' }]);
    const options = await fetch(host.webhook('onEvent'), {
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'eventgrid.azure.net' },
    });
    expect([options.status, options.headers.get('webhook-allowed-origin')]).toEqual([200, 'eventgrid.azure.net']);
  });

  test('hands each event over with its casing, and as CloudEvents too', async () => {
    const cloud = { specversion: '1.0', id: 'ce', type: 'T', source: '/s', data: { ObjectName: 'n' } };
    expect((await post(host.webhook('onEvent'), 'Notification', [event('a'), event('b')])).status).toBe(202);
    expect((await post(host.webhook('onEvent'), 'Notification', cloud)).status).toBe(202);
    const seen = mini.saw('onEvent').filter(({ event: e }) => ['a', 'b', 'ce'].includes((e as { id: string }).id));
    expect(seen).toHaveLength(3);
    expect(seen.at(-1)).toMatchObject({ event: cloud, metadata: { data: { objectName: 'n' } } });
  });

  test('one failed event of a delivery is 500 for all; wrong requests are 400 and 404', async () => {
    expect((await post(host.webhook('onEvent'), 'Notification', [event('c'), event('d', true)])).status).toBe(500);
    expect((await post(host.webhook('onEvent'), undefined, [event('e')])).status).toBe(400);
    expect((await post(host.webhook('onEvent'), 'Notification', 'no json')).status).toBe(400);
    const absent = await post(host.webhook('absent'), 'Notification', [event('f')]);
    expect([absent.status, await absent.text()]).toEqual([404, "cannot find function: 'absent'"]);
  });
});
