import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { DefaultAzureCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type Refusal, type VaultService } from '../../sandbox/vault/vault.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import {
  SecretValue,
  type Administrators,
  type Call,
  type NewVersion,
  type ObjectRef,
  type VaultPort,
} from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { createAdministrators } from '../../src/vault/administrators.ts';
import { createNamedSecrets } from '../../src/vault/named-secrets.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import { readSettings } from '../../src/config/settings.ts';

/*
 * The vault port over the unmodified SDK: against the sandbox's vault, and what can be asked of any vault also against
 * a real one when TEST_KEYVAULT_URL names it (the signed-in identity needs Key Vault Secrets Officer there).
 */
const REAL = process.env['TEST_KEYVAULT_URL'];
const DAY = 86_400_000;
const CANARY = `canary-${randomBytes(12).toString('hex')}`;

let run: Run;
let identity: IdentityService;
let service: VaultService;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  service = await startVault(run.ctx, { identity, recoverDelayMs: DAY });
});

afterAll(async () => {
  await service.stop();
  await identity.stop();
  run.dispose();
});

beforeEach(() => {
  service.setAccess('kv', 'allow');
  run.ctx.faults.clear();
  run.ctx.traffic.clear();
});

const call = (signal = new AbortController().signal): Call => ({ signal, now: () => new Date() });

function next(value: string, changes: Partial<NewVersion> = {}): NewVersion {
  const expiresOn = new Date(Math.floor(Date.now() / 1000) * 1000 + 90 * DAY);
  return { value: new SecretValue(value), expiresOn, tags: { CredentialId: 'app_a' }, ...changes };
}

async function failure(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.then(
    () => expect.fail('the call should have failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RotationError);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
  return error as RotationError;
}

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

/** What holds of every vault. */
function contract(start: () => { readonly port: VaultPort; readonly vault: string }): void {
  let port: VaultPort;
  let vault: string;
  const name = `keyturn-${randomBytes(5).toString('hex')}`;
  const object = (suffix: string): ObjectRef => ({ kind: 'secret', vault, name: `${name}-${suffix}` });
  beforeAll(() => {
    ({ port, vault } = start());
  });

  it('writes value, expiry, content type and tags together, and reads them back', async () => {
    const written = next('v-1', { contentType: 'text/plain', tags: { CredentialId: 'app_a', RotationId: 'r-1' } });
    const { version } = await port.write(object('a'), written, call());
    const current = await port.current(object('a'), call());
    expect(current).toMatchObject({
      version,
      enabled: true,
      managed: false,
      contentType: 'text/plain',
      expiresOn: written.expiresOn,
      tags: { CredentialId: 'app_a', RotationId: 'r-1' },
    });
    expect(current.value.reveal()).toBe('v-1');
    expect(version).toMatch(/^[0-9a-f]{32}$/);
  });

  it('lists versions newest first, and disables one without touching the rest of it, twice', async () => {
    const first = await port.write(object('b'), next('v-1', { tags: { n: '1' } }), call());
    await passASecond();
    const second = await port.write(object('b'), next('v-2', { tags: { n: '2' } }), call());
    for (let times = 0; times < 2; times += 1) await port.disable(object('b'), first.version, call());
    const versions = await port.versions(object('b'), call());
    expect(versions.map(({ version, enabled, tags }) => ({ version, enabled, tags }))).toEqual([
      { version: second.version, enabled: true, tags: { n: '2' } },
      { version: first.version, enabled: false, tags: { n: '1' } },
    ]);
    expect(versions[1]?.expiresOn).toBeInstanceOf(Date);
  });

  it('lists the secrets of the vault with the attributes of the current version', async () => {
    await port.write(object('C'), next('v-1', { tags: { Owner: 'me' } }), call());
    const found = [];
    for await (const listing of port.list(vault, call())) if (listing.object.name === `${name}-c`) found.push(listing);
    expect(found).toMatchObject([{ object: { kind: 'secret', vault }, enabled: true, tags: { Owner: 'me' } }]);
  });

  it('says TARGET_NOT_FOUND of what is not there, and knows no versions of it', async () => {
    const error = await failure(port.current(object('absent'), call()));
    expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain(`az keyvault secret recover --vault-name`);
    expect(await port.versions(object('absent'), call())).toEqual([]);
  });

  it('says HUMAN_REQUIRED of a disabled current version', async () => {
    const { version } = await port.write(object('d'), next(CANARY), call());
    await port.disable(object('d'), version, call());
    const error = await failure(port.current(object('d'), call()));
    expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'none' });
    expect(error.remedy).toContain('az keyvault secret set-attributes');
  });

  it('says CONFIG_INVALID of a name that is none', async () => {
    const bad = { kind: 'secret', vault, name: 'under_score' } as const;
    expect(await failure(port.write(bad, next(CANARY), call()))).toMatchObject({
      code: 'CONFIG_INVALID',
      effect: 'none',
    });
  });
}

/** Versions carry whole seconds: the sandbox's clock is moved, a real vault's is waited for. */
async function passASecond(): Promise<void> {
  run.ctx.clock.advance(1000);
  if (REAL === undefined) return;
  const from = Date.now();
  await expect.poll(() => Date.now() - from, { timeout: 5000 }).toBeGreaterThan(1000);
}

if (REAL !== undefined) {
  describe(`the vault port on ${REAL}`, () => {
    const credential = new DefaultAzureCredential();
    const port = createVault({ credential: () => Promise.resolve(credential) });
    contract(() => ({ port, vault: new URL(REAL).origin }));
  });
}

describe('the vault port on the sandbox', () => {
  let port: VaultPort;
  let vault: string;
  const object = (name: string): ObjectRef => ({ kind: 'secret', vault, name });

  beforeAll(() => {
    const before = { ...process.env };
    Object.assign(process.env, identity.env);
    undo.push(installSandboxDns(), trustSandbox(run.ctx.pki), () => (process.env = before));
    const credential = new DefaultAzureCredential();
    vault = service.url('kv');
    port = createVault({ credential: () => Promise.resolve(credential) });
  });
  afterAll(() => {
    for (const one of undo) one();
  });

  contract(() => ({ port, vault }));

  it('makes one request for each call', async () => {
    const { version } = await port.write(object('count'), next('v'), call());
    run.ctx.traffic.clear();
    await port.current(object('count'), call());
    await port.write(object('count'), next('w'), call());
    await port.versions(object('count'), call());
    await port.disable(object('count'), version, call());
    expect(
      run.ctx.traffic.entries.map(({ system, operation, outcome }) => `${system} ${operation} ${outcome}`),
    ).toEqual([
      'vault GET /secrets/count 200',
      'vault PUT /secrets/count 200',
      'vault GET /secrets/count/versions 200',
      `vault PATCH /secrets/count/${version} 200`,
    ]);
  });

  it('follows pages to the end', async () => {
    for (let n = 0; n < 30; n += 1) service.seed('kv2', `s${n}`, { value: 'x' });
    const names = [];
    for await (const listing of port.list(service.url('kv2'), call())) names.push(listing.object.name);
    expect(new Set(names).size).toBe(30);
  });

  it('reads the value of an expired version, as the service does', async () => {
    service.seed('kv', 'expired', { value: 'old', expiresInMs: -DAY });
    expect((await port.current(object('expired'), call())).value.reveal()).toBe('old');
  });

  it('refuses before it sends anything what the service would refuse', async () => {
    const tags = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`t${n}`, 'x'.repeat(n === 0 ? 257 : 1)]));
    const bad = next('ü'.repeat(12_801), {
      expiresOn: new Date('2038-01-19T03:14:07Z'),
      contentType: 'c'.repeat(256),
      tags,
    });
    const error = await failure(port.write(object('limits'), bad, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems.map((problem) => problem.path)).toEqual([
      'value',
      'expiresOn',
      'contentType',
      'tags',
      'tags.t0',
    ]);
    expect(() => port.validate(bad)).toThrow(/25602 bytes/);
    expect(run.ctx.traffic.entries).toEqual([]);
    port.validate(next('x'.repeat(25_600), { expiresOn: new Date('2038-01-19T03:14:06Z') }));
  });

  it.each<[Refusal, RegExp, RegExp]>([
    [
      'ForbiddenByRbac',
      /setSecret\/action/,
      /^az role assignment create --role "Key Vault Secrets Officer" .*vaults\/kv"/,
    ],
    [
      'AccessDenied',
      /no access policy with the permission set/,
      /^az keyvault set-policy --name kv --object-id [0-9a-f]{8}-/,
    ],
    ['ForbiddenByFirewall', /firewall/, /az keyvault network-rule add --name kv .*--ip-address [0-9.]+/],
    ['ForbiddenByConnection', /private endpoint/, /az keyvault update --name kv --public-network-access Enabled/],
  ])('says ACCESS_DENIED of %s and what to run', async (deny, message, remedy) => {
    service.setAccess('kv', { deny });
    for (const work of [port.write(object('x'), next(CANARY), call()), port.current(object('x'), call())]) {
      const error = await failure(work);
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(error.remedy).toMatch(remedy);
    }
    expect((await failure(port.write(object('x'), next(CANARY), call()))).message).toMatch(message);
    const listed = await failure(first(port.list(vault, call())));
    expect(listed).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
  });

  it('puts the caller and the scope of the refusal into the command', async () => {
    service.setAccess('kv', { deny: 'ForbiddenByRbac' });
    const { remedy } = await failure(port.current(object('x'), call()));
    expect(remedy).toContain(`--assignee-object-id ${identity.principal.objectId}`);
    expect(remedy).toContain(`--scope "${service.resourceId('kv')}"`);
  });

  it('says CONFLICT of a deleted name with the command that recovers it, and to wait while it is recovered', async () => {
    service.seed('kv', 'gone', { value: 'x' });
    service.remove('kv', 'gone');
    const deleted = await failure(port.write(object('gone'), next(CANARY), call()));
    expect(deleted).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure', effect: 'none' });
    expect(deleted.remedy).toBe('az keyvault secret recover --vault-name kv --name gone');
    for (const inner of ['ObjectIsBeingDeleted', 'ObjectIsBeingRecovered']) {
      const body = { error: { code: 'Conflict', message: `Secret is ${inner}`, innererror: { code: inner } } };
      run.ctx.faults.add({ system: 'vault', match: '^PUT', times: 1, action: { status: 409, body } });
      const busy = await failure(port.write(object('gone'), next(CANARY), call()));
      expect(busy).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    }
  });

  it.each<[string, Record<string, string>, number | undefined]>([
    ['without Retry-After', {}, undefined],
    ['with Retry-After in seconds', { 'retry-after': '7' }, 7000],
    ['with retry-after-ms', { 'retry-after-ms': '250' }, 250],
  ])('says THROTTLED of 429 %s, once', async (_, headers, retryAfterMs) => {
    const body = { error: { code: 'Throttled', message: 'Request was not processed.' } };
    run.ctx.faults.add({ system: 'vault', match: '^(PUT|GET)', action: { status: 429, body, headers } });
    for (const work of [() => port.write(object('t'), next(CANARY), call()), () => port.current(object('t'), call())]) {
      run.ctx.traffic.clear();
      const error = await failure(work());
      expect(error).toMatchObject({ code: 'THROTTLED', recovery: 'retry', effect: 'none' });
      expect(error.retryAfterMs).toBe(retryAfterMs);
      expect(run.ctx.traffic.entries).toHaveLength(1);
    }
  });

  it.each([
    [500, '<html>'],
    [503, '<html>'],
    [503, undefined],
    [502, ''],
    [504, 'null'],
  ])('says UNAVAILABLE of %i with the body %j, and not what a write did', async (status, body) => {
    run.ctx.faults.add({ system: 'vault', match: '.', action: { status, body } });
    const write = await failure(port.write(object('u'), next(CANARY), call()));
    expect(write).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown' });
    const read = await failure(port.current(object('u'), call()));
    expect(read).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'none' });
  });

  it('says that the effect is unknown when the answer of a write is lost, and the write did happen', async () => {
    run.ctx.faults.add({ system: 'vault', match: '^PUT', times: 1, action: { drop: 'after' } });
    const error = await failure(port.write(object('lost'), next(CANARY), call()));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown' });
    expect(service.peek('kv', 'lost')).toHaveLength(1);
  });

  it('says TIMED_OUT when the call is aborted while the vault is slow', async () => {
    run.ctx.faults.add({ system: 'vault', match: '.', action: { delayMs: 3_600_000 } });
    for (const [work, effect] of [
      [(one: Call) => port.write(object('slow'), next(CANARY), one), 'unknown'],
      [(one: Call) => port.current(object('slow'), one), 'none'],
    ] as const) {
      expect(await failure(work(call(AbortSignal.timeout(100))))).toMatchObject({
        code: 'TIMED_OUT',
        recovery: 'retry',
        effect,
      });
    }
  });

  it('says UNAVAILABLE of a vault whose name is unknown: nothing was sent', async () => {
    const nowhere: ObjectRef = { kind: 'secret', vault: 'https://kv.vault.invalid', name: 'x' };
    const error = await failure(port.write(nowhere, next(CANARY), call()));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'none' });
  });

  it('says ACCESS_DENIED of a token that the vault refuses, with the role to grant', async () => {
    const body = { error: { code: 'Unauthorized', message: 'AKV10032: Invalid issuer.' } };
    run.ctx.faults.add({ system: 'vault', match: '.', action: { status: 401, body } });
    const error = await failure(port.current(object('x'), call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.message).toContain('AKV10032');
  });

  it('says ACCESS_DENIED when the app has no identity', async () => {
    const none = createVault({
      credential: () => Promise.resolve(new DefaultAzureCredential({ managedIdentityClientId: 'x' })),
    });
    run.ctx.faults.add({ system: 'identity', match: '.', action: { status: 400, body: { error: 'invalid_request' } } });
    const error = await failure(none.current(object('x'), call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('az functionapp identity assign');
  });

  describe('administrators', () => {
    const credential = new DefaultAzureCredential();
    const at = (ms: number): Call => ({ ...call(), now: () => new Date(ms) });
    const build = (): Administrators =>
      createAdministrators({
        secrets: createNamedSecrets(port),
        credential: () => Promise.resolve(credential),
        parseValue,
        settings: readSettings({
          KEYTURN_VAULTS: vault,
          KeyturnStorage: 'UseDevelopmentStorage=true',
          KEYTURN_ADMINISTRATORS: JSON.stringify({
            'db.example.com': { user: 'sa', secret: `${vault}/secrets/admin` },
            'json.example.com': { secret: `${vault}/secrets/admin-json` },
            'bare.example.com': { secret: `${vault}/secrets/admin` },
            '*.database.windows.net': { user: 'keyturn-mi', managedIdentity: true },
          }),
        }),
      });

    it('are read from the vault once in five minutes, however many ask', async () => {
      service.seed('kv', 'admin', { value: CANARY });
      const administrators = build();
      run.ctx.traffic.clear();
      const asked = await Promise.all(
        Array.from({ length: 100 }, () => administrators.for('db.example.com', 's', at(0))),
      );
      await administrators.for('DB.example.com:1433', 's', at(299_999));
      expect(run.ctx.traffic.entries.map((entry) => entry.operation)).toEqual(['GET /secrets/admin']);
      const [admin] = asked;
      expect(admin).toMatchObject({ kind: 'password', user: 'sa' });
      expect(admin?.kind === 'password' && admin.password.reveal() === CANARY).toBe(true);
      await administrators.for('db.example.com', 's', at(300_000));
      expect(run.ctx.traffic.entries).toHaveLength(2);
    });

    it('do not keep a failed reading', async () => {
      const administrators = build();
      service.setAccess('kv', { deny: 'ForbiddenByRbac' });
      expect(await failure(administrators.for('db.example.com', 's', at(0)))).toMatchObject({ code: 'ACCESS_DENIED' });
      service.setAccess('kv', 'allow');
      expect(await administrators.for('db.example.com', 's', at(1))).toMatchObject({ user: 'sa' });
    });

    it('may be whole in the secret, and are refused when it holds no user', async () => {
      service.seed('kv', 'admin-json', { value: JSON.stringify({ username: 'root', password: CANARY }) });
      const admin = await build().for('json.example.com', 's', at(0));
      expect(admin).toMatchObject({ kind: 'password', user: 'root' });
      const error = await failure(build().for('bare.example.com', 's', at(0)));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
      expect(error.problems[0]?.path).toBe('settings.KEYTURN_ADMINISTRATORS');
    });

    it("are the app's identity with a token for the system's scope", async () => {
      const admin = await build().for('srv.database.windows.net', 'https://database.windows.net/.default', call());
      expect(admin).toMatchObject({ kind: 'token', user: 'keyturn-mi' });
      const token = admin.kind === 'token' ? admin.token.reveal() : '';
      expect(identity.verifyToken(token, 'https://database.windows.net').ok).toBe(true);
    });

    it('are CONFIG_INVALID for a host that the settings do not know', async () => {
      const error = await failure(build().for('other.example.org', 's', call()));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
      expect(error.remedy).toContain('KEYTURN_ADMINISTRATORS');
    });
  });
});
