/** The HTTP runbook over the wire: the built app in the sandbox's host. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS, seedPostgres, seedSqlServer, seedStorage, valuesOf } from '../support/managed.ts';
import { blocked, retired, rotated, Runbook } from '../support/runbook.ts';
import { until } from '../support/until.ts';

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp();
  ({ sandbox } = app);
  host = await app.startHost();
  await sandbox.subscribe(host);
});

afterAll(() => sandbox.stop());

beforeEach(() => {
  sandbox.ctx.faults.clear();
  sandbox.vault.setAccess('kv', 'allow');
});

const later = { expiresInMs: 90 * DAY };
const text = (part: string): string => expect.stringContaining(part) as string;

test('POST is accepted with a Location, which tells each step of the run', async () => {
  const object = seedSqlServer(sandbox, 'asked', later);
  const accepted = await runbook.ask(
    'POST',
    'rotations',
    { vault: 'kv', name: 'Asked' },
    { 'x-keyturn-caller': 'ann' },
  );
  const { rotationId } = accepted.json as { rotationId: string };
  const location = accepted.headers.get('location') ?? '';
  expect([accepted.status, location]).toEqual([202, `/api/rotations/${rotationId}`]);
  await until('the rotation', async () => rotated(await runbook.run(rotationId)) || undefined);
  const { status, json } = await runbook.ask('GET', location.replace('/api/', ''));
  expect(status).toBe(200);
  expect(json).toMatchObject({
    rotationId,
    object: { kind: 'secret', vault: sandbox.vault.url('kv'), name: 'asked' },
    reason: 'Manual',
    requestedBy: 'ann (function key)',
    rotator: 'sql-server',
    state: 'waiting',
    from: { slot: object.slots[0] },
    to: { slot: object.slots[1], version: sandbox.vault.peek('kv', 'asked')[1]?.id },
    steps: ['claim', 'create', 'set', 'test', 'finish', 'refresh'].map((step) => ({
      step,
      outcome: 'ok',
      ms: expect.any(Number) as number,
    })),
    whatToDo: text('goes on by itself at'),
  });
});

test('GET filters by secret, vault and state, and refuses what it does not know', async () => {
  seedStorage(sandbox, 'listed', later);
  const id = await runbook.start('listed');
  await until('the rotation', async () => rotated(await runbook.run(id)) || undefined);
  const ids = async (query: string): Promise<string[]> => (await runbook.runs(query)).map((run) => run.rotationId);
  expect(await ids('vault=kv&name=LISTED')).toEqual([id]);
  expect(await ids('name=listed&state=waiting')).toEqual([id]);
  expect(await ids('name=listed&state=blocked')).toEqual([]);
  expect(await ids('vault=kv2')).toEqual([]);
  expect(await ids('limit=1')).toEqual([id]);
  const refused = await runbook.ask('GET', 'rotations?state=asleep&limit=0&vault=nope&color=red');
  expect(refused.status).toBe(400);
  const paths = (refused.json as { problems: { path: string }[] }).problems.map(({ path }) => path);
  expect(paths.sort()).toEqual(['color', 'limit', 'state', 'vault']);
  expect((await runbook.ask('GET', 'rotations/nonsense')).status).toBe(404);
});

test('a dry run tells the plan and changes nothing', async () => {
  const object = await seedPostgres(sandbox, 'tried', later);
  const before = sandbox.vault.peek('kv', 'tried').length;
  const { status, json } = await runbook.ask('POST', 'rotations', { vault: 'kv', name: 'tried', dryRun: true });
  expect(status).toBe(200);
  expect(json).toMatchObject({
    due: true,
    reason: 'Manual',
    rotator: 'postgres',
    to: { slot: object.slots[1] },
    blockedBy: [],
  });
  const { calls } = json as { calls: string[] };
  expect(calls.join('\n')).toContain('ALTER ROLE');
  await sandbox.postgres.query(`GRANT pg_monitor TO ${object.slots[0]}`);
  const differs = await runbook.ask('POST', 'rotations', { vault: 'kv', name: 'tried', dryRun: true });
  expect(differs.json).toMatchObject({ blockedBy: [{ code: 'GRANTS_DIFFER', remedy: text('GRANT pg_monitor TO') }] });
  expect(sandbox.vault.peek('kv', 'tried')).toHaveLength(before);
  expect(await runbook.runs('name=tried')).toEqual([]);
});

test('DELETE cancels what waits or is blocked, and refuses the rest with the reason', async () => {
  const object = seedSqlServer(sandbox, 'cancelled', later);
  sandbox.tds.run(`ALTER ROLE db_datareader ADD MEMBER ${object.slots[0]}`, 'appdb');
  const id = await runbook.start('cancelled');
  const stopped = await until('the block', async () => {
    const run = await runbook.run(id);
    return blocked(run) ? run : undefined;
  });
  expect(stopped.blocked).toMatchObject({
    code: 'GRANTS_DIFFER',
    remedy: text('ALTER ROLE [db_datareader] ADD MEMBER'),
  });
  const cancelled = await runbook.ask('DELETE', `rotations/${id}`);
  expect([cancelled.status, (cancelled.json as { state: string }).state]).toEqual([200, 'cancelled']);
  const again = await runbook.ask('DELETE', `rotations/${id}`);
  expect([again.status, again.json]).toEqual([
    409,
    expect.objectContaining({ title: 'CONFLICT', detail: text('it is over') }),
  ]);
  expect(await object.accepts(object.slots[0], object.secretOf(valuesOf(sandbox, object)[0] ?? ''))).toBe(true);

  // Cured, the next request is a new run; and that one cannot be cancelled once its version is current.
  sandbox.tds.run(`ALTER ROLE db_datareader ADD MEMBER ${object.slots[1]}`, 'appdb');
  const next = await runbook.start('cancelled');
  expect(next).not.toBe(id);
  await until('the rotation', async () => rotated(await runbook.run(next)) || undefined);
  const late = await runbook.ask('DELETE', `rotations/${next}`);
  expect([late.status, late.json]).toEqual([
    409,
    expect.objectContaining({ detail: text('its new version is current already') }),
  ]);
  const twice = await runbook.ask('POST', 'rotations', { vault: 'kv', name: 'cancelled' });
  expect([twice.status, twice.json]).toEqual([409, expect.objectContaining({ detail: text('its overlap ends at') })]);
});

test('DELETE takes a queued run back before anybody works on it', async () => {
  seedSqlServer(sandbox, 'queued', later);
  const idle = await app.startHost({ 'AzureWebJobs.rotate.Disabled': 'true' });
  const working = host;
  await working.stop();
  host = idle;
  const id = await runbook.start('queued');
  expect((await runbook.run(id)).state).toBe('queued');
  expect((await runbook.ask('DELETE', `rotations/${id}`)).status).toBe(200);
  host = await app.startHost();
  await idle.stop();
  await sandbox.subscribe(host);
  await until(
    'the message',
    async () => host.invocations.some(({ functionName }) => functionName === 'rotate') || undefined,
  );
  expect((await runbook.run(id)).state).toBe('cancelled');
  expect(sandbox.vault.peek('kv', 'queued')).toHaveLength(1);
});

test('compromised ends the overlap of the run before, and revokes at once', async () => {
  const object = seedSqlServer(sandbox, 'stolen', later);
  const first = await runbook.start('stolen');
  await until('the rotation', async () => rotated(await runbook.run(first)) || undefined);
  const second = await runbook.start('stolen', { reason: 'compromised' });
  await until('the retirement', async () => retired(await runbook.run(second)) || undefined);
  const secrets = valuesOf(sandbox, object).map((value) => object.secretOf(value));
  const accepted = await Promise.all(
    secrets.flatMap((secret) => object.slots.map((slot) => object.accepts(slot, secret))),
  );
  expect(accepted).toEqual([false, false, false, false, true, false]);
  expect((await runbook.run(first)).steps.at(-1)?.detail).toContain('superseded');
});

test('bootstrap creates the second account with the same grants, once; a dry run only tells', async () => {
  const { tds, vault } = sandbox;
  tds.addLogin('lonely_a', 'Lonely-Pass-1', { roles: ['db_datareader'] });
  vault.seed('kv', 'lonely', {
    value: JSON.stringify({ username: 'lonely_a', password: 'Lonely-Pass-1' }),
    ...later,
    tags: {
      CredentialId: 'lonely_a',
      AlternateCredentialId: 'lonely_b',
      ProviderAddress: `${tds.name}:${tds.port}/appdb`,
      Rotator: 'sql-server',
    },
  });
  const ask = async (dryRun: boolean): Promise<string[]> => {
    const { status, json } = await runbook.ask('POST', 'bootstrap', { vault: 'kv', name: 'lonely', dryRun });
    expect(status).toBe(200);
    return (json as { done: string[] }).done;
  };
  const plan = await ask(true);
  expect(plan.join('\n')).toContain('CREATE LOGIN [lonely_b]');
  expect((await ask(true)).join('\n'), 'nothing was made').toContain('CREATE LOGIN [lonely_b]');
  expect((await ask(false)).length).toBe(plan.length);
  expect(await ask(false), 'nothing is left to do').toEqual([]);
  const id = await runbook.start('lonely');
  await until('the rotation', async () => rotated(await runbook.run(id)) || undefined);
  seedStorage(sandbox, 'no-bootstrap', later);
  expect((await runbook.ask('POST', 'bootstrap', { vault: 'kv', name: 'no-bootstrap' })).status).toBe(400);
});

test('inventory tells of every managed secret why it is due or not, and what is wrong with its tags', async () => {
  sandbox.vault.seed('kv', 'unmanaged', { value: 'x' });
  sandbox.vault.seed('kv', 'misspelt', {
    value: 'x',
    tags: { CredentialId: 'a', ProviderAdress: 'db.example.com/app' },
  });
  seedSqlServer(sandbox, 'in-inventory', later);
  const { status, json } = await runbook.ask('GET', 'inventory?vault=kv');
  const { objects } = json as { objects: { object: { name: string }; due: boolean; reason: string }[] };
  const of = (name: string) => objects.find(({ object }) => object.name === name);
  expect([status, of('unmanaged')]).toEqual([200, undefined]);
  expect(of('in-inventory')).toMatchObject({
    due: false,
    reason: 'NotNearExpiry',
    rotator: 'sql-server',
    credentialId: 'in_inventory_a',
  });
  expect(of('misspelt')).toMatchObject({
    due: false,
    reason: 'CONFIG_INVALID',
    problems: [{ path: 'tags.ProviderAdress', message: text('did you mean ProviderAddress?') }, expect.anything()],
  });
});

test('health is 200 while journal and vaults can be reached, and 503 with the remedy when not', async () => {
  const good = await runbook.ask('GET', 'health');
  expect([good.status, good.json]).toEqual([200, expect.objectContaining({ healthy: true })]);
  sandbox.vault.setAccess('kv', { deny: 'ForbiddenByRbac', actions: ['list'] });
  const bad = await runbook.ask('GET', 'health');
  expect(bad.status).toBe(503);
  const { healthy, checks } = bad.json as { healthy: boolean; checks: { name: string }[] };
  expect([healthy, checks.find(({ name }) => name === sandbox.vault.url('kv'))]).toEqual([
    false,
    expect.objectContaining({ ok: false, remedy: text('az ') }),
  ]);
});

test.each([
  ['a wrong key', { 'x-functions-key': 'wrong' }, '{}', 401, undefined],
  ['a body that is not JSON', {}, '{"vault":', 400, 'REQUEST_INVALID'],
  ['unknown fields', {}, '{"vault":"kv","name":"asked","when":"now","forced":true}', 400, 'REQUEST_INVALID'],
  ['an unknown vault', {}, '{"vault":"kv9","name":"asked"}', 400, 'REQUEST_INVALID'],
  ['an unknown secret', {}, '{"vault":"kv","name":"absent"}', 404, 'TARGET_NOT_FOUND'],
  ['a secret that is not managed', {}, '{"vault":"kv","name":"unmanaged"}', 400, 'REQUEST_INVALID'],
])('%s is refused with problem+json', async (_what, headers, body, status, title) => {
  const answer = await post(body, headers);
  expect(answer.status).toBe(status);
  if (title === undefined) return;
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(await answer.json()).toMatchObject({
    type: `urn:keyturn:error:${title}`,
    title,
    status,
    detail: expect.any(String) as string,
  });
});

const post = (body: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(host.url('/api/rotations'), {
    method: 'POST',
    body,
    headers: { 'x-functions-key': host.keys.default, ...headers },
  });

test('the vault that refuses is told with the role that is missing, and no run is left', async () => {
  seedSqlServer(sandbox, 'denied', later);
  sandbox.vault.setAccess('kv', { deny: 'ForbiddenByRbac', actions: ['get'], secrets: ['denied'] });
  const { status, json } = await runbook.ask('POST', 'rotations', { vault: 'kv', name: 'denied' });
  expect([status, json]).toEqual([
    502,
    expect.objectContaining({ title: 'ACCESS_DENIED', remedy: text('az role assignment create') }),
  ]);
  expect(await runbook.runs('name=denied')).toEqual([]);
});

test('after the overlap a run is done, and nothing is left to do', async () => {
  const object = seedStorage(sandbox, 'to-the-end', later);
  const id = await runbook.start('to-the-end');
  await until('the rotation', async () => rotated(await runbook.run(id)) || undefined);
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  const run = await runbook.newest(object.name, retired);
  expect([run.rotationId, run.whatToDo]).toEqual([id, text('Nothing')]);
});
