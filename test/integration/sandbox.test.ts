import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { allowsHost, readSettings } from '../../src/config/settings.ts';
import { SERVICE_SUFFIXES } from '../../src/rotators/arm-key/rows.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(async () => {
  await sandbox.stop();
});

beforeEach(() => {
  sandbox.vault.setAccess('kv', 'allow');
  sandbox.ctx.faults.clear();
});

async function control(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${sandbox.control.origin()}${path}`, init);
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

test('the environment it gives is one that the app accepts, for every system it runs', () => {
  const settings = readSettings(sandbox.env, SERVICE_SUFFIXES);
  expect(settings.vaults).toEqual([sandbox.vault.url('kv'), sandbox.vault.url('kv2')]);
  const { postgres, tds, arm, blob } = sandbox;
  const hosts = [`${postgres.host}:${postgres.port}`, `${tds.name}:${tds.port}`, new URL(arm.origin).host];
  for (const host of [...hosts, new URL(blob.url('any')).host])
    expect([host, allowsHost(settings, host)]).toEqual([host, true]);
  expect(settings.administrators).toHaveLength(2);
});

test('the control API shows addresses, traffic, events and the topic', async () => {
  expect((await control('GET', '/')).json).toMatchObject({ 'vault kv': sandbox.vault.url('kv') });
  expect((await control('DELETE', '/traffic')).status).toBe(204);
  await fetch(`${sandbox.vault.url('kv')}/secrets?api-version=7.6`);
  expect((await control('GET', '/traffic')).json).toMatchObject([{ operation: 'GET /secrets', outcome: '401' }]);
  sandbox.vault.seed('kv', 'told', { value: 'v' });
  await sandbox.eventgrid.idle();
  const { json } = (await control('GET', '/events')) as { json: { events: { id: string; subject: string }[] } };
  expect(json.events.map((event) => event.subject)).toContain('told');
  expect((await control('POST', '/events/replay', { id: json.events[0]?.id, times: 2 })).status).toBe(200);
  expect((await control('GET', '/topic')).json).toEqual([]);
});

test('the control API moves the clock, arms faults and refuses callers', async () => {
  const before = sandbox.ctx.clock.offsetMs;
  await control('POST', '/clock/advance', { hours: 2 });
  expect(sandbox.ctx.clock.offsetMs - before).toBe(7_200_000);
  const rule = {
    system: 'vault',
    match: '^GET /secrets',
    times: 1,
    action: { status: 503, headers: { 'retry-after': '1' } },
  };
  const armed = (await control('POST', '/faults', rule)).json as { id: string };
  expect((await control('GET', '/faults')).json).toEqual([{ id: armed.id, ...rule }]);
  const hit = await fetch(`${sandbox.vault.url('kv')}/secrets?api-version=7.6`);
  expect([hit.status, hit.headers.get('retry-after')]).toEqual([503, '1']);
  expect((await control('DELETE', `/faults/${armed.id}`)).status).toBe(204);
  const deny = { deny: 'ForbiddenByRbac', actions: ['get'], secrets: ['told'] };
  expect((await control('POST', '/vaults/kv/access', deny)).json).toEqual([deny]);
  expect((await control('POST', '/vaults/kv/access', { allow: true })).json).toEqual([]);
});

test.each([
  ['POST', '/clock/advance', { days: -1 }, 'the clock only moves forward'],
  ['POST', '/clock/advance', { days: 1, hours: 1 }, 'Give exactly one of'],
  ['POST', '/faults', { system: 'kv', match: '.', action: {} }, 'system: one of vault, arm'],
  ['POST', '/faults', { system: 'vault', match: '(', action: {} }, 'match: a regular expression'],
  ['POST', '/vaults/kv/access', { deny: 'No' }, 'deny: one of AccessDenied'],
  ['POST', '/vaults/nope/access', { allow: true }, "no vault 'nope', only kv, kv2"],
  ['POST', '/events/replay', { id: 'nope' }, 'GET /events lists'],
  ['POST', '/faults', 'text', 'must be a JSON object such as'],
  ['GET', '/nothing', undefined, 'There are: GET /'],
])('%s %s with %j says what would be right', async (method, path, body, message) => {
  const answer = await control(method, path, body);
  expect(answer.status).toBe(path === '/nothing' ? 404 : 400);
  expect(JSON.stringify(answer.json)).toContain(message);
});

test('a sandbox of a few parts starts what those need, says what it lacks, and leaves nothing behind', async () => {
  const small = await startSandbox({ parts: ['eventgrid'], credentials: false });
  const { dir } = small.ctx;
  const { port } = small.vault;
  expect(() => small.postgres).toThrow("without its part 'postgres'");
  await small.stop();
  await small.stop();
  expect(existsSync(dir)).toBe(false);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
});

test('a start that fails half-way stops what had started', async () => {
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const before = process.env['IDENTITY_ENDPOINT'];
  await expect(startSandbox({ parts: ['vault', 'topic'], ports: { topic: port } })).rejects.toThrow('EADDRINUSE');
  expect(process.env['IDENTITY_ENDPOINT']).toBe(before);
  taken.close();
});
