import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { Call, Issued, Rotator, Target } from '../../src/rotation/ports.ts';
import type { ArmKeyConfig } from '../../src/rotators/arm-key/row.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { STORAGE_ROW } from '../../src/rotators/arm-key/rows/storage.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';

/** Storage keys over ARM and Blob on the wire: what the shared contract suite does not ask. */
describe('the storage-account rotator on the wire', () => {
  let cloud: StorageCloud;
  let rotator: Rotator<ArmKeyConfig>;
  let target: Target<ArmKeyConfig>;
  let current: Issued;
  let made = 0;
  const call = (): Call => ({ signal: new AbortController().signal, now: () => cloud.ctx.clock.now() });

  beforeAll(async () => {
    cloud = await startStorageCloud();
    rotator = armKeyRotator(STORAGE_ROW, cloud.deps);
  });
  afterAll(() => cloud.stop());

  beforeEach(() => {
    made += 1;
    const { id, keys } = cloud.arm.createAccount(`wire${made}`);
    target = rotator.parseTarget({ providerAddress: id, credentialId: 'key1' });
    current = { credentialId: 'key1', slot: 'key1', value: new SecretValue(keys.key1) };
    cloud.ctx.faults.clear();
    cloud.ctx.traffic.clear();
  });

  const name = (): string => target.config.name;
  const set = (): Promise<Issued | 'pending'> =>
    rotator.set(target, { rotationId: 'r', slot: 'key2', current }, call());
  const wire = (): string[] =>
    cloud.ctx.traffic.entries
      .filter(({ system }) => system === 'arm' || system === 'blob')
      .map(({ system, operation, outcome }) => `${system} ${operation.split('/').at(-1) ?? ''} ${outcome}`);

  async function failure(attempt: Promise<unknown>): Promise<RotationError> {
    const error: unknown = await attempt.then(
      () => new Error('it did not fail'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof RotationError)) throw error;
    return error;
  }

  it('makes two calls for a set, one for a test and one for a revoke, and never repeats one', async () => {
    const issued = await set();
    if (issued === 'pending') throw new Error('storage answers at once');
    expect(issued.value.reveal()).toBe(cloud.arm.keys(name()).key2);
    await rotator.test(target, issued, call());
    await rotator.revoke(target, 'key1', { endSessions: false }, call());
    expect(wire()).toEqual([
      'arm listKeys 200',
      'arm regenerateKey 200',
      'blob ?restype=service&comp=properties 200',
      'arm regenerateKey 200',
    ]);
    expect((await failure(rotator.test(target, current, call()))).code).toBe('CREDENTIAL_REJECTED');
  });

  it('does not repeat a call that failed: that is for the engine', async () => {
    cloud.ctx.faults.add({
      system: 'arm',
      match: 'regenerateKey$',
      action: { status: 503, headers: { 'retry-after': '9' } },
    });
    cloud.ctx.faults.add({ system: 'blob', match: 'comp=properties', action: { status: 503 } });
    expect(await failure(set())).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown', retryAfterMs: 9_000 });
    expect(await failure(rotator.test(target, current, call()))).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' });
    expect(wire()).toHaveLength(3);
  });

  it('refuses when the tag lies about the key in use, with nothing changed', async () => {
    const before = cloud.arm.keys(name());
    const lying: Issued = { ...current, value: new SecretValue(before.key2) };
    const [blocker] = await rotator.check(target, 'key2', lying, call());
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(blocker?.remedy).toContain('CredentialId=key2');
    const error = await failure(rotator.set(target, { rotationId: 'r', slot: 'key2', current: lying }, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(cloud.arm.keys(name())).toEqual(before);
  });

  it('refuses when the vault holds neither key, and says how to look the keys up', async () => {
    const before = cloud.arm.keys(name());
    const drifted: Issued = { ...current, value: new SecretValue('c3RhbGU=') };
    const error = await failure(rotator.set(target, { rotationId: 'r', slot: 'key2', current: drifted }, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain(`az storage account keys list --account-name ${name()}`);
    expect(await rotator.check(target, 'key2', drifted, call())).toHaveLength(1);
    expect(cloud.arm.keys(name())).toEqual(before);
  });

  it('names the command that grants a missing role, as a blocker and as an error', async () => {
    const mend = cloud.arm.deny('Microsoft.Storage/storageAccounts/listKeys/action', target.id);
    const grant = `az role assignment create --assignee-object-id ${cloud.identity.principal.objectId}`;
    const [blocker] = await rotator.check(target, 'key2', current, call());
    expect(blocker?.code).toBe('ACCESS_DENIED');
    expect(blocker?.remedy).toContain(grant);
    expect((await failure(set())).remedy).toContain(grant);
    mend();
    expect(await rotator.check(target, 'key2', current, call())).toEqual([]);
  });

  it('tells a throttled, busy or locked account apart', async () => {
    const throttled = cloud.arm.throttle(target.id, 7);
    expect(await failure(set())).toMatchObject({ code: 'THROTTLED', recovery: 'retry', retryAfterMs: 7_000 });
    throttled();
    const bare = cloud.arm.throttle(target.id);
    expect((await failure(set())).retryAfterMs).toBeUndefined();
    bare();
    const busy = cloud.arm.busy(target.id);
    expect(await failure(set())).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    busy();
    const locked = cloud.arm.lock(target.id);
    expect(await failure(set())).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure' });
    locked();
  });

  it.each([
    ['ResourceNotFound', 'wire1', 'nosuchaccount'],
    ['ResourceGroupNotFound', 'rg-sandbox', 'rg-none'],
  ])('%s: set says so, and revoke counts it as done', async (code, part, replaced) => {
    const address = target.config.path.replace(part === 'wire1' ? name() : part, replaced);
    const missing = rotator.parseTarget({ providerAddress: address, credentialId: 'key1' });
    const error = await failure(rotator.set(missing, { rotationId: 'r', slot: 'key2', current }, call()));
    expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', effect: 'none' });
    expect(error.message).toContain(code);
    await rotator.revoke(missing, 'key2', { endSessions: false }, call());
  });

  it('does not take a subscription that cannot be seen for an account that is gone', async () => {
    const address = target.config.path.replace(cloud.arm.subscriptionId, '00000000-0000-4000-8000-000000000000');
    const foreign = rotator.parseTarget({ providerAddress: address, credentialId: 'key1' });
    const error = await failure(rotator.revoke(foreign, 'key2', { endSessions: false }, call()));
    expect(error.code).toBe('TARGET_NOT_FOUND');
    expect(error.message).toContain('SubscriptionNotFound');
  });

  it.each(['location', 'status'] as const)('follows an operation that ARM finishes later (%s)', async (style) => {
    const mend = cloud.arm.later(target.id, style);
    const issued = await set();
    mend();
    expect(issued === 'pending' ? undefined : issued.value.reveal()).toBe(cloud.arm.keys(name()).key2);
  });

  it('when the answer is lost, says that nobody knows, and a repeated set ends with one live key', async () => {
    cloud.ctx.faults.add({ system: 'arm', match: 'regenerateKey$', times: 1, action: { drop: 'after' } });
    expect(await failure(set())).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown' });
    const issued = await set();
    expect(issued === 'pending' ? undefined : issued.value.reveal()).toBe(cloud.arm.keys(name()).key2);
    expect(cloud.arm.keys(name()).key1).toBe(current.value.reveal());
  });

  it('says that a token was refused, and what to look at', async () => {
    cloud.identity.revokeAll();
    const stale = armKeyRotator(STORAGE_ROW, {
      ...cloud.deps,
      credential: () => Promise.resolve({ getToken: async () => ({ token: 'a.b.c', expiresOnTimestamp: Infinity }) }),
    });
    const error = await failure(stale.list(target, call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.message).toContain('InvalidAuthenticationToken');
  });

  it('says that there is no token at all, with nothing sent', async () => {
    const anonymous = armKeyRotator(STORAGE_ROW, {
      ...cloud.deps,
      credential: () => Promise.reject(new Error('ManagedIdentityCredential: no identity')),
    });
    const error = await failure(anonymous.revoke(target, 'key2', { endSessions: false }, call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('managed identity');
    expect(wire()).toEqual([]);
  });

  it('tells apart a wrong key, an account without shared keys, and a firewall', async () => {
    const account = cloud.arm.accounts.find(name());
    if (account === undefined) throw new Error('no account');
    const wrong = { ...current, value: new SecretValue('bm90IHRoZSBrZXk=') };
    expect((await failure(rotator.test(target, wrong, call()))).code).toBe('CREDENTIAL_REJECTED');
    account.allowSharedKeyAccess = false;
    const switchedOff = await failure(rotator.test(target, current, call()));
    expect(switchedOff).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(switchedOff.remedy).toContain('--allow-shared-key-access true');
    account.allowSharedKeyAccess = true;
    account.firewalled = true;
    const blocked = await failure(rotator.test(target, current, call()));
    expect(blocked).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(blocked.remedy).toContain('network-rule add');
  });
});
