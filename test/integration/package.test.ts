/** The package as it is deployed: bundled, loaded by the sandbox's host. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXPECTED_FUNCTIONS } from '../../build/functions.ts';
import { makePackage } from '../../build/package.ts';
import { measureColdStarts } from '../../sandbox/host/cold-start.ts';
import type { Host } from '../../sandbox/host/host.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { fixture } from './host-fixture.ts';

let sandbox: Sandbox;
let appDir: string;
let app: Host;

beforeAll(async () => {
  sandbox = await startSandbox({ parts: ['identity', 'azurite', 'vault'], signals: false });
  appDir = join(sandbox.ctx.dir, 'package');
  await makePackage(appDir);
  app = await sandbox.startHost({ appDir });
});

afterAll(() => sandbox.stop());

const start = (by: Host, body: string): Promise<Response> =>
  fetch(by.url('/api/rotations'), { method: 'POST', body, headers: { 'x-functions-key': by.keys.default } });

test('registers exactly the expected functions', () => {
  expect(app.functions).toEqual(EXPECTED_FUNCTIONS);
});

test('wants a function key on every endpoint', async () => {
  const paths = [
    ['POST', '/api/rotations'],
    ['GET', '/api/rotations'],
    ['GET', '/api/rotations/1'],
    ['DELETE', '/api/rotations/1'],
    ['POST', '/api/bootstrap'],
    ['GET', '/api/inventory'],
    ['GET', '/api/health'],
  ] as const;
  for (const [method, path] of paths) {
    expect((await fetch(app.url(path), { method })).status, `${method} ${path}`).toBe(401);
  }
});

test('behind the log-in with Entra asks for no key, and answers nobody whom the platform did not log in', async () => {
  const env = { KEYTURN_SIGN_IN: 'entra', WEBSITE_AUTH_ENABLED: 'True' };
  const health = async (host: Host, headers: Record<string, string> = {}): Promise<number> =>
    (await fetch(host.url('/api/health'), { headers })).status;
  const known = { 'x-ms-client-principal-id': '0f1e', 'x-ms-client-principal-name': 'ann@example.org' };
  const on = await sandbox.startHost({ appDir, env });
  expect([await health(on), await health(on, { 'x-functions-key': on.keys.default })]).toEqual([401, 401]);
  expect(await health(on, known)).toBe(200);
  // Switched off, anybody can write these headers.
  const off = await sandbox.startHost({ appDir, env: { ...env, WEBSITE_AUTH_ENABLED: 'False' } });
  expect(await health(off, known)).toBe(503);
});

test.each(['not json', '{"vault":', '', '[]', '"text"'])('answers 400 to the body %j', async (body) => {
  const answer = await start(app, body);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  expect(await answer.json()).toMatchObject({ title: 'REQUEST_INVALID', status: 400 });
});

test('says which settings are wrong, in the answer and in the log', async () => {
  const wrong = await sandbox.startHost({ appDir, env: { KEYTURN_VAULTS: 'nonsense', KEYTURN_TABEL: 'x' } });
  const answer = await start(wrong, '{}');
  const body = (await answer.json()) as { title: string; problems: { path: string }[] };
  expect([answer.status, body.title]).toEqual([500, 'CONFIG_INVALID']);
  const paths = body.problems.map(({ path }) => path).sort();
  expect(paths).toEqual(['settings.KEYTURN_TABEL', 'settings.KEYTURN_VAULTS[0]']);
  expect(wrong.output().match(/incident [0-9a-f-]{36}: CONFIG_INVALID/g)).toHaveLength(1);
  await wrong.stop();
});

test('starts cold in at most 1.5 times the time of a bare app', async () => {
  const [bare, built] = await measureColdStarts([fixture('bare-app'), appDir], 5);
  const ratio = (built?.totalMs ?? Number.NaN) / (bare?.totalMs ?? Number.NaN);
  console.log(
    `cold start: bare ${bare?.totalMs.toFixed(0)} ms, built ${built?.totalMs.toFixed(0)} ms, ratio ${ratio.toFixed(2)}`,
  );
  expect(ratio).toBeLessThanOrEqual(1.5);
});

test('takes its queue messages with the managed identity', async () => {
  const { entries } = sandbox.ctx.traffic;
  const gets = entries.filter(({ operation }) => operation === 'GET /rotation/messages');
  expect(new Set(gets.map(({ outcome }) => outcome))).toEqual(new Set(['200']));
});
