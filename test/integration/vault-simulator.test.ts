import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import type { Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import type { Refusal, VaultService } from '../../sandbox/vault/vault.ts';

const DAY = 86_400_000;

let run: Run;
let identity: IdentityService;
let vault: VaultService;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  vault = await startVault(run.ctx, { identity });
  // The SDK's own switch is the environment, as on the platform.
  const before = { ...process.env };
  Object.assign(process.env, identity.env);
  undo.push(installSandboxDns(), trustSandbox(run.ctx.pki), () => (process.env = before));
});

afterAll(async () => {
  for (const one of undo) one();
  await vault.stop();
  await identity.stop();
  run.dispose();
});

beforeEach(() => {
  vault.setAccess('kv', 'allow');
  run.ctx.faults.clear();
  run.ctx.traffic.clear();
});

function client(name = 'kv', options: { maxRetries?: number } = {}): SecretClient {
  return new SecretClient(vault.url(name), new DefaultAzureCredential(), { retryOptions: options });
}

interface SdkError {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
  readonly details?: { readonly error?: { readonly innerError?: { readonly code: string } } };
  readonly response?: { readonly headers: { get(name: string): string | undefined } };
}

async function failure(work: Promise<unknown>): Promise<SdkError> {
  return work.then(
    () => expect.fail('the call should have failed'),
    (error: unknown) => error as SdkError,
  );
}

/** `status code/inner` */
function told(error: SdkError): string {
  const inner = error.details?.error?.innerError?.code;
  return `${error.statusCode} ${error.code}${inner === undefined ? '' : `/${inner}`}`;
}

test('an unmodified SecretClient with DefaultAzureCredential is challenged once, then writes and reads', async () => {
  const kv = client();
  const expiresOn = new Date('2030-01-02T03:04:05Z');
  const set = await kv.setSecret('first', 'v-1', { contentType: 'text/plain', tags: { a: 'b' }, expiresOn });
  const got = await kv.getSecret('FIRST');
  expect(got.value).toBe('v-1');
  expect(got.properties.version).toMatch(/^[0-9a-f]{32}$/);
  expect(got.properties).toMatchObject({ contentType: 'text/plain', tags: { a: 'b' }, expiresOn, enabled: true });
  expect(set.properties.createdOn?.getMilliseconds()).toBe(0);
  expect(run.ctx.traffic.entries.map((entry) => `${entry.system} ${entry.operation} ${entry.outcome}`)).toEqual([
    'vault PUT /secrets/first 401',
    'identity GET /msi/token https://vault.sandbox.test 200',
    'vault PUT /secrets/first 200',
    'vault GET /secrets/FIRST 200',
  ]);
});

test('an old version stays readable, a disabled newest one hides the others, and expired ones are still served', async () => {
  const kv = client();
  const one = await kv.setSecret('versions', 'v-1');
  const two = await kv.setSecret('versions', 'v-2', { enabled: false, expiresOn: new Date('2001-01-01Z') });
  expect(told(await failure(kv.getSecret('versions')))).toBe('403 Forbidden/SecretDisabled');
  const { version = '' } = one.properties;
  expect((await kv.getSecret('versions', { version })).value).toBe('v-1');
  await kv.updateSecretProperties('versions', two.properties.version ?? '', { enabled: true, tags: { t: '1' } });
  expect((await kv.getSecret('versions')).value).toBe('v-2');
  expect((await kv.getSecret('versions')).properties.tags).toEqual({ t: '1' });
});

test('lists come in pages of 25, versions ascend by id, and an unknown name has none', async () => {
  const kv = client('kv2');
  const written = Array.from({ length: 60 }, (_, n) => vault.seed('kv2', 'many', { value: `v-${n}` }).id);
  const seen: string[] = [];
  const sizes: number[] = [];
  for await (const page of kv.listPropertiesOfSecretVersions('many').byPage({ maxPageSize: 25 })) {
    sizes.push(page.length);
    seen.push(...page.map((one) => one.version ?? ''));
  }
  expect(sizes).toEqual([25, 25, 10]);
  expect(seen).toEqual([...written].sort());
  expect(seen).not.toEqual(written);
  for (let n = 0; n < 30; n += 1) vault.seed('kv2', `name-${n}`, { value: 'x' });
  const names = [];
  for await (const one of kv.listPropertiesOfSecrets()) names.push(`${one.name} ${one.version ?? 'none'}`);
  expect(names).toHaveLength(31);
  expect(names).toContain('many none');
  const none = await kv.listPropertiesOfSecretVersions('unknown').next();
  expect(none.done).toBe(true);
});

test('a deleted secret is gone for readers, keeps its name, and is recovered or purged', async () => {
  const kv = client();
  await kv.setSecret('gone', 'v');
  const poller = await kv.beginDeleteSecret('gone', { intervalInMs: 1 });
  const deleted = await poller.pollUntilDone();
  expect(deleted.scheduledPurgeDate?.getTime()).toBe((deleted.deletedOn?.getTime() ?? 0) + 90 * DAY);
  expect(told(await failure(kv.getSecret('gone')))).toBe('404 SecretNotFound');
  expect(told(await failure(kv.setSecret('gone', 'again')))).toBe('409 Conflict/ObjectIsDeletedButRecoverable');
  const back = await kv.beginRecoverDeletedSecret('gone', { intervalInMs: 1 });
  await back.pollUntilDone();
  expect((await kv.getSecret('gone')).value).toBe('v');
  await (await kv.beginDeleteSecret('gone', { intervalInMs: 1 })).pollUntilDone();
  await kv.purgeDeletedSecret('gone');
  expect(told(await failure(kv.getDeletedSecret('gone')))).toBe('404 SecretNotFound');
  await kv.setSecret('gone', 'new life');
});

test('while a secret is being deleted or recovered the vault says so', async () => {
  const slow = await startVault(run.ctx, { identity, deleteDelayMs: 5000, recoverDelayMs: 5000 });
  const kv = new SecretClient(slow.url('kv'), new DefaultAzureCredential(), { retryOptions: { maxRetries: 0 } });
  slow.seed('kv', 's', { value: 'v' });
  await kv.beginDeleteSecret('s');
  expect((await failure(kv.getDeletedSecret('s'))).message).toBe('Deleted Secret not found: s');
  expect(told(await failure(kv.setSecret('s', 'x')))).toBe('409 Conflict/ObjectIsBeingDeleted');
  run.ctx.clock.advance(5000);
  await kv.beginRecoverDeletedSecret('s');
  expect(told(await failure(kv.setSecret('s', 'x')))).toBe('409 Conflict/ObjectIsBeingRecovered');
  run.ctx.clock.advance(5000);
  expect((await kv.getSecret('s')).value).toBe('v');
  await slow.stop();
});

test('a backup restores all versions once the name is free', async () => {
  const kv = client();
  await kv.setSecret('saved', '1');
  await kv.setSecret('saved', '2');
  const saved = await kv.backupSecret('saved');
  expect(told(await failure(kv.restoreSecretBackup(saved ?? new Uint8Array())))).toBe('409 Conflict');
  await (await kv.beginDeleteSecret('saved', { intervalInMs: 1 })).pollUntilDone();
  await kv.purgeDeletedSecret('saved');
  await kv.restoreSecretBackup(saved ?? new Uint8Array());
  expect(vault.peek('kv', 'saved').map((one) => one.value)).toEqual(['1', '2']);
});

const refusals: readonly Refusal[] = [
  'AccessDenied',
  'ForbiddenByRbac',
  'ForbiddenByFirewall',
  'ForbiddenByConnection',
];
test.each(refusals)('%s refuses the action it is set for and no other', async (deny) => {
  vault.seed('kv', 'guarded', { value: 'canary-value' });
  vault.setAccess('kv', { deny, actions: ['set'], secrets: ['Guarded'] });
  const kv = client();
  const error = await failure(kv.setSecret('guarded', 'x'));
  expect(told(error)).toBe(`403 Forbidden/${deny}`);
  expect(error.message).toContain(identity.principal.objectId);
  expect((await kv.getSecret('guarded')).value).toBe('canary-value');
  await kv.setSecret('not-guarded', 'x');
});

test('a 429 comes without Retry-After or with it, as asked', async () => {
  const kv = client('kv', { maxRetries: 0 });
  vault.seed('kv', 'busy', { value: 'v' });
  vault.setAccess('kv', [
    { deny: 'Throttled', times: 1 },
    { deny: 'Throttled', times: 1, retryAfterSeconds: 7 },
  ]);
  const first = await failure(kv.getSecret('busy'));
  expect([told(first), first.response?.headers.get('retry-after')]).toEqual(['429 Throttled', undefined]);
  expect((await failure(kv.getSecret('busy'))).response?.headers.get('retry-after')).toBe('7');
  expect((await kv.getSecret('busy')).value).toBe('v');
});

test('the service limits count new versions in ten seconds', async () => {
  const tight = await startVault(run.ctx, { identity, rateLimit: { scale: 0.01 } });
  const kv = new SecretClient(tight.url('kv'), new DefaultAzureCredential(), { retryOptions: { maxRetries: 0 } });
  for (let n = 0; n < 3; n += 1) await kv.setSecret('limited', String(n));
  expect(told(await failure(kv.setSecret('limited', '3')))).toBe('429 Throttled');
  expect((await kv.getSecret('limited')).value).toBe('2');
  run.ctx.clock.advance(10_000);
  await kv.setSecret('limited', '3');
  await tight.stop();
});

test('bad input is refused with 400, an unknown name with 404', async () => {
  const kv = client();
  const tags = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`t${n}`, 'x']));
  await kv.setSecret('limits', 'x'.repeat(25_600));
  await kv.setSecret('limits', '');
  const bad = [
    kv.setSecret('limits', 'x'.repeat(25_601)),
    kv.setSecret('limits', 'x', { contentType: 'c'.repeat(256) }),
    kv.setSecret('limits', 'x', { tags }),
    kv.setSecret('under_score', 'x'),
  ];
  for (const call of bad) expect(told(await failure(call))).toBe('400 BadParameter');
  const missing = await failure(kv.getSecret('missing'));
  expect(told(missing)).toBe('404 SecretNotFound');
  expect(missing.message).toContain('A secret with (name/id) missing was not found in this key vault.');
});

test('tokens of another audience, forged, expired or revoked are refused with the challenge', async () => {
  const other = await startIdentity(run.ctx, { tokenLifetimeMs: DAY });
  const guarded = await startVault(run.ctx, { identity: other });
  const url = `${guarded.url('kv')}/secrets/any/?api%2Dversion=2026-04-01`;
  const call = (token: string): Promise<Response> => fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const wrong = await call(await other.issue('https://management.azure.com'));
  expect(wrong.status).toBe(401);
  expect(wrong.headers.get('www-authenticate')).toBe(
    `Bearer authorization="https://login.microsoftonline.com/${other.principal.tenantId}", resource="https://vault.sandbox.test"`,
  );
  expect(await wrong.text()).toContain('AKV10022: Invalid audience.');
  const good = await other.issue('https://vault.sandbox.test');
  expect((await call(good)).status).toBe(404);
  expect((await call(`${good.slice(0, -8)}AAAAAAAA`)).status).toBe(401);
  expect((await call(await identity.issue('https://vault.sandbox.test'))).status).toBe(401);
  other.revokeAll();
  expect((await call(good)).status).toBe(401);
  const next = await other.issue('https://vault.sandbox.test');
  expect((await call(next)).status).toBe(404);
  run.ctx.clock.advance(2 * DAY);
  expect((await call(next)).status).toBe(401);
  await guarded.stop();
  await other.stop();
});

test('the identity endpoint wants its header', async () => {
  const url = `${identity.env.IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=https%3A%2F%2Fvault.sandbox.test`;
  expect((await fetch(url)).status).toBe(400);
  expect((await fetch(url, { headers: { 'x-identity-header': 'guess' } })).status).toBe(403);
  const headers = { 'x-identity-header': identity.env.IDENTITY_HEADER };
  expect((await fetch(`${url}&client_id=someone-else`, { headers })).status).toBe(400);
  const token = (await (await fetch(url, { headers })).json()) as Record<string, unknown>;
  expect([token['token_type'], typeof token['expires_on']]).toEqual(['Bearer', 'string']);
});

test('faults: a dropped answer did the work, a dropped request did not', async () => {
  const kv = client('kv', { maxRetries: 0 });
  await kv.setSecret('lost', '1');
  run.ctx.faults.add({ system: 'vault', match: '^PUT /secrets/lost', times: 1, action: { drop: 'before' } });
  run.ctx.faults.add({ system: 'vault', match: '^PUT /secrets/lost', times: 1, action: { drop: 'after' } });
  await failure(kv.setSecret('lost', 'never'));
  await failure(kv.setSecret('lost', '2'));
  expect(vault.peek('kv', 'lost').map((one) => one.value)).toEqual(['1', '2']);
  expect(run.ctx.traffic.entries.filter((entry) => entry.outcome === 'dropped')).toHaveLength(2);
});

test('a method that is not there is 405, and every value ever written can be asked for', async () => {
  const token = await identity.issue('https://vault.sandbox.test');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${vault.url('kv')}/secrets/?api-version=7.6`, { method: 'PUT', headers, body: '{}' });
  expect([answer.status, await answer.json()]).toEqual([
    405,
    { error: { code: 'MethodNotAllowed', message: 'HTTP PUT not allowed' } },
  ]);
  expect(vault.writtenValues()).toContain('canary-value');
});
