import { DefaultAzureCredential } from '@azure/identity';
import { KeyClient } from '@azure/keyvault-keys';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startEventGrid } from '../../sandbox/eventgrid/eventgrid.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type Refusal, type VaultService } from '../../sandbox/vault/vault.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Call, KeysPort, ObjectRef } from '../../src/rotation/ports.ts';
import { createKeys } from '../../src/vault/keys.ts';
import { setEnvironment } from '../support/storage-cloud.ts';

/* The keys port over the unmodified SDK, against the sandbox's vault. */
const DAY = 86_400_000;

let run: Run;
let identity: IdentityService;
let service: VaultService;
let port: KeysPort;
const undo: (() => unknown)[] = [];
let made = 0;
let object: ObjectRef;

beforeAll(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  service = await startVault(run.ctx, { identity });
  undo.push(installSandboxDns(), trustSandbox(run.ctx.pki), setEnvironment(identity.env));
  port = createKeys({ credential: () => Promise.resolve(new DefaultAzureCredential()) });
});
afterAll(async () => {
  await service.stop();
  await identity.stop();
  for (const one of undo) one();
  run.dispose();
});
beforeEach(() => {
  service.setAccess('kv', 'allow');
  service.keys.rotationKeepsTags = true;
  run.ctx.faults.clear();
  made += 1;
  object = { kind: 'key', vault: service.url('kv'), name: `key-${made}` };
  service.keys.seed('kv', object.name, { tags: { Rotator: 'vault-key' }, expiresInMs: 20 * DAY });
  run.ctx.traffic.clear();
});

const call = (signal = new AbortController().signal): Call => ({ signal, now: () => run.ctx.clock.now() });
const newest = () => service.keys.peek('kv', object.name).at(-1);
const wire = () => run.ctx.traffic.entries.filter((one) => one.system === 'vault' && one.outcome !== '401').length;

async function failure(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.then(
    () => expect.fail('the call should have failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RotationError);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer ey/);
  return error as RotationError;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a key', () => {
  it('is read, rotated, amended and listed, with one request for each', async () => {
    const before = await port.current(object, call());
    expect(before).toMatchObject({ enabled: true, managed: false, tags: { Rotator: 'vault-key' } });
    expect(before.expiresOn?.getTime()).toBe((newest()?.exp ?? 0) * 1000);
    const after = await port.rotate(object, call());
    expect(after).toMatchObject({ version: newest()?.id, tags: { Rotator: 'vault-key' } });
    expect(after.expiresOn).toBeUndefined();
    const expiresOn = new Date(Math.floor(Date.now() / 1000) * 1000 + 90 * DAY);
    await port.amend(object, after.version, { expiresOn, tags: { KeyUser: 'x' } }, call());
    expect(await port.current(object, call())).toMatchObject({ expiresOn, tags: { KeyUser: 'x' } });
    const versions = await port.versions(object, call());
    expect(new Set(versions.map(({ version }) => version))).toEqual(new Set([after.version, before.version]));
    expect(wire()).toBe(5);
    const listed = (await all(port.list(object.vault, call()))).find((one) => one.object.name === object.name);
    expect(listed).toMatchObject({ object, expiresOn, tags: { KeyUser: 'x' } });
  });

  it('may lose its tags when it is rotated', async () => {
    service.keys.rotationKeepsTags = false;
    expect((await port.rotate(object, call())).tags).toEqual({});
  });

  it('that backs a certificate says so, and a disabled one can be read or not', async () => {
    service.keys.seed('kv', object.name, { managed: true });
    expect((await port.current(object, call())).managed).toBe(true);
    service.keys.seed('kv', object.name, { enabled: false });
    expect((await port.current(object, call())).enabled).toBe(false);
    const innererror = { code: 'KeyDisabled' };
    const body = {
      error: { code: 'Forbidden', message: 'Operation get is not allowed on a disabled key.', innererror },
    };
    run.ctx.faults.add({ system: 'vault', match: '^GET /keys/', action: { status: 403, body } });
    expect(await failure(port.current(object, call()))).toMatchObject({ code: 'HUMAN_REQUIRED' });
  });

  it('that is not there is not found, for every call of it', async () => {
    const gone: ObjectRef = { ...object, name: 'no-such-key' };
    for (const work of [port.current(gone, call()), port.rotate(gone, call()), port.amend(gone, 'x', {}, call())]) {
      const error = await failure(work);
      expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', effect: 'none' });
      expect(error.remedy).toContain('az keyvault key recover --vault-name kv');
    }
  });
});

describe('the rotation policy', () => {
  const set = (lifetimeActions: object[], expiryTime?: string): Promise<unknown> => {
    const client = new KeyClient(object.vault, new DefaultAzureCredential());
    const policy = { lifetimeActions, ...(expiryTime === undefined ? {} : { expiresIn: expiryTime }) };
    return client.updateKeyRotationPolicy(object.name, policy as Parameters<KeyClient['updateKeyRotationPolicy']>[1]);
  };

  it('of a key without one rotates nothing, whether the service has a default or none', async () => {
    expect(await port.rotationPolicy(object, call())).toEqual({});
    run.ctx.faults.add({
      system: 'vault',
      match: 'rotationpolicy',
      action: { status: 404, body: { error: { code: 'KeyNotFound' } } },
    });
    expect(await port.rotationPolicy(object, call())).toEqual({});
  });

  it('tells when the vault rotates, and what life it gives', async () => {
    await set([{ action: 'Rotate', timeAfterCreate: 'P3M' }], 'P1Y');
    expect(await port.rotationPolicy(object, call())).toEqual({
      rotates: { from: 'creation', period: { months: 3, days: 0 } },
      expiry: { months: 12, days: 0 },
    });
    await set(
      [
        { action: 'Rotate', timeBeforeExpiry: 'P30D' },
        { action: 'Notify', timeBeforeExpiry: 'P60D' },
      ],
      'P90D',
    );
    expect(await port.rotationPolicy(object, call())).toEqual({
      rotates: { from: 'expiry', period: { months: 0, days: 30 } },
      expiry: { months: 0, days: 90 },
    });
    const made = await port.rotate(object, call());
    expect(made.expiresOn?.getTime()).toBe(made.createdOn.getTime() + 90 * DAY);
  });

  it('that cannot be understood is reported, not guessed', async () => {
    const body = { attributes: { expiryTime: 'PT5H' }, lifetimeActions: [] };
    run.ctx.faults.add({ system: 'vault', match: 'rotationpolicy', action: { status: 200, body } });
    expect(await failure(port.rotationPolicy(object, call()))).toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('a refusal', () => {
  it.each<[Refusal, string]>([
    ['ForbiddenByRbac', 'az role assignment create --role "Key Vault Crypto Officer"'],
    ['AccessDenied', '--key-permissions get list update rotate getrotationpolicy'],
    ['ForbiddenByFirewall', 'az keyvault network-rule add'],
  ])('%s names what mends it', async (deny, remedy) => {
    service.setAccess('kv', { deny, of: 'key' });
    const error = await failure(port.rotate(object, call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain(remedy);
    expect((await failure(all(port.list(object.vault, call())))).code).toBe('ACCESS_DENIED');
  });

  it('names the action, and leaves secrets alone', async () => {
    service.setAccess('kv', { deny: 'ForbiddenByRbac', of: 'key', actions: ['rotate'] });
    const { message } = await failure(port.rotate(object, call()));
    expect(message).toContain('Microsoft.KeyVault/vaults/keys/rotate/action');
    expect(await port.current(object, call())).toBeDefined();
  });

  it('of too many requests is waited for; a lost answer is unknown; nothing is repeated', async () => {
    service.setAccess('kv', { deny: 'Throttled', retryAfterSeconds: 3 });
    expect(await failure(port.rotate(object, call()))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 3000 });
    service.setAccess('kv', 'allow');
    run.ctx.faults.add({ system: 'vault', match: '/rotate$', action: { drop: 'after' } });
    expect(await failure(port.rotate(object, call()))).toMatchObject({ effect: 'unknown' });
    expect(service.keys.peek('kv', object.name)).toHaveLength(2);
    run.ctx.faults.clear();
    expect(await failure(port.rotate(object, call(AbortSignal.abort())))).toMatchObject({ code: 'TIMED_OUT' });
    expect(service.keys.peek('kv', object.name)).toHaveLength(2);
  });
});

it('the vault tells Event Grid of a key’s new version, its nearing end and its end', async () => {
  const grid = await startEventGrid(run.ctx, { vault: service });
  service.keys.seed('kv', object.name, {
    expiresInMs: 70 * DAY,
    policy: {
      lifetimeActions: [{ trigger: { timeBeforeExpiry: 'P60D' }, action: { type: 'Notify' } }],
      attributes: {},
    },
  });
  const types = () =>
    grid
      .events()
      .filter(({ subject }) => subject === object.name)
      .map(({ eventType }) => eventType);
  await grid.idle();
  expect(types()).toEqual(['Microsoft.KeyVault.KeyNewVersionCreated']);
  run.ctx.clock.advance(11 * DAY);
  await grid.idle();
  expect(types()).toContain('Microsoft.KeyVault.KeyNearExpiry');
  run.ctx.clock.advance(60 * DAY);
  await grid.idle();
  expect(types()).toContain('Microsoft.KeyVault.KeyExpired');
  expect(grid.events().at(-1)?.data).toMatchObject({ ObjectType: 'Key', VaultName: 'kv' });
  await grid.stop();
});
