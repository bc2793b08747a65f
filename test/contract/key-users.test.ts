import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startVault } from '../../sandbox/vault/vault.ts';
import type { VaultService } from '../../sandbox/vault/vault.ts';
import { FOLLOW_MS } from '../../sandbox/arm/cmk.ts';
import { STORAGE_USER } from '../../src/consumers/key-users/rows/storage.ts';
import { createKeyUsers, KEY_USER_ROWS } from '../../src/consumers/key-users/users.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Call, Clock, KeyUse, KeyUser } from '../../src/rotation/ports.ts';
import { startStorageCloud, type StorageCloud } from '../support/storage-cloud.ts';

/** Each kind of user over ARM on the wire: what it shows, how it is moved on, and what it refuses. */
interface Kind {
  readonly kind: string;
  readonly make: (cloud: StorageCloud, name: string) => string;
  readonly write: string;
  readonly read: string;
  /** The calls that move it on, without the polls. */
  readonly calls: readonly string[];
  readonly later: boolean;
}

const resource =
  (address: string) =>
  (cloud: StorageCloud, name: string): string =>
    cloud.arm.create(address, { name }).id;

const KINDS: readonly Kind[] = [
  {
    kind: 'storage account',
    make: (cloud, name) => cloud.arm.createAccount(name).id,
    write: 'Microsoft.Storage/storageAccounts/write',
    read: 'Microsoft.Storage/storageAccounts/read',
    calls: ['GET', 'PATCH'],
    later: false,
  },
  {
    kind: 'SQL server (TDE protector)',
    make: resource('Microsoft.Sql/servers/{name}'),
    write: 'Microsoft.Sql/servers/encryptionProtector/write',
    read: 'Microsoft.Sql/servers/encryptionProtector/read',
    calls: ['GET', 'PUT', 'PUT'],
    later: true,
  },
  {
    kind: 'disk encryption set',
    make: resource('Microsoft.Compute/diskEncryptionSets/{name}'),
    write: 'Microsoft.Compute/diskEncryptionSets/write',
    read: 'Microsoft.Compute/diskEncryptionSets/read',
    calls: ['GET', 'PATCH'],
    later: true,
  },
  {
    kind: 'Cosmos DB account',
    make: resource('Microsoft.DocumentDB/databaseAccounts/{name}'),
    write: 'Microsoft.DocumentDB/databaseAccounts/write',
    read: 'Microsoft.DocumentDB/databaseAccounts/read',
    calls: ['GET', 'PATCH'],
    later: true,
  },
  {
    kind: 'container registry',
    make: resource('Microsoft.ContainerRegistry/registries/{name}'),
    write: 'Microsoft.ContainerRegistry/registries/write',
    read: 'Microsoft.ContainerRegistry/registries/read',
    calls: ['GET', 'PATCH'],
    later: true,
  },
];

/** Waits between polls pass at once. */
const HASTY: Clock = {
  now: () => new Date(),
  after: (_ms, callback) => {
    const soon = setImmediate(callback);
    return () => clearImmediate(soon);
  },
};

let cloud: StorageCloud;
let vault: VaultService;
let users: readonly KeyUser[];
let made = 0;
const key = () => ({ vault: vault.url('kv'), name: 'cmk' });
const call = (): Call => ({ signal: new AbortController().signal, now: () => cloud.ctx.clock.now() });

beforeAll(async () => {
  cloud = await startStorageCloud();
  vault = await startVault(cloud.ctx, { identity: cloud.identity });
  cloud.arm.attachKeys(vault.keys);
  users = createKeyUsers(cloud.deps);
});
afterAll(async () => {
  await vault.stop();
  await cloud.stop();
});
beforeEach(() => cloud.ctx.faults.clear());

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}

it('has a kind of user for each, and each claims its own ids only', () => {
  expect(users.map(({ kind }) => kind)).toEqual(KINDS.map(({ kind }) => kind));
});

it('a storage account that is back at Microsoft’s keys uses none, whatever is left of the customer’s', () => {
  const keyvaultproperties = { keyvaulturi: 'https://kv.vault.azure.net', keyname: 'cmk', keyversion: 'a' };
  const use = (keySource: string): KeyUse =>
    STORAGE_USER.use({ properties: { encryption: { keySource, keyvaultproperties } } });
  expect(use('Microsoft.Storage').key).toBeUndefined();
  expect(use('Microsoft.Keyvault').key).toEqual({ vault: 'https://kv.vault.azure.net', name: 'cmk' });
});

it.each(KINDS)('a $kind is not asked for by a name that climbs: .. and .', async ({ kind }) => {
  const user = users.find((one) => one.kind === kind);
  const type = KEY_USER_ROWS.find((row) => row.kind === kind)?.type ?? '';
  const frame = `/subscriptions/${cloud.arm.subscriptionId}/resourceGroups`;
  for (const id of [
    `${frame}/rg/providers/${type}/..`,
    `${frame}/rg/providers/${type}/.`,
    `${frame}/../providers/${type}/a1b2c`,
  ]) {
    expect(user?.claims(id)).toBe(true);
    expect((await failure(user?.read(id, call()) ?? Promise.resolve())).code).toBe('CONFIG_INVALID');
  }
});

describe.each(KINDS)('a $kind', ({ kind, make, write, read, calls, later }) => {
  let id: string;
  let user: KeyUser;
  let old: string;
  const use = (): Promise<KeyUse> => user.read(id, call());
  const moveOn = (version = latest()): Promise<'moved' | 'pending'> => user.moveOn(id, { ...key(), version }, call());
  const latest = (): string => vault.keys.peek('kv', 'cmk').at(-1)?.id ?? '';
  const wire = (): string[] => cloud.ctx.traffic.entries.map(({ operation }) => operation.split(' ')[0] ?? '');

  beforeEach(() => {
    made += 1;
    vault.keys.seed('kv', 'cmk');
    old = latest();
    id = make(cloud, `user${made}`);
    const found = users.filter((one) => one.claims(id));
    expect(found).toHaveLength(1);
    user = found[0] as KeyUser;
    cloud.arm.encrypt(id, `${vault.keys.url('kv', 'cmk')}/${old}`);
    vault.keys.rotate('kv', 'cmk');
    cloud.ctx.traffic.clear();
  });

  it('that pins a version is moved on with the fewest calls, may be moved again, and shows the new one', async () => {
    expect(user.kind).toBe(kind);
    expect(await use()).toEqual({ follows: 'pinned', key: key(), version: old });
    cloud.ctx.traffic.clear();
    expect(await moveOn()).toBe('moved');
    expect(wire()[0]).toBe('GET');
    expect(wire().filter((verb) => verb !== 'GET')).toEqual(calls.filter((verb) => verb !== 'GET'));
    expect(await use()).toEqual({ follows: 'pinned', key: key(), version: latest() });
    expect(cloud.arm.encryptedWith(id)).toBe(`${vault.keys.url('kv', 'cmk')}/${latest()}`);
    expect(await moveOn()).toBe('moved');
    expect((await use()).version).toBe(latest());
  });

  it('that follows by itself is seen to have followed when its service has looked', async () => {
    const url = vault.keys.url('kv', 'cmk');
    const pinnedOnly = kind === 'disk encryption set' || kind.startsWith('SQL');
    cloud.arm.encrypt(id, pinnedOnly ? `${url}/${old}` : url, true);
    vault.keys.rotate('kv', 'cmk');
    const before = await use();
    expect(before.follows).toBe('versionless');
    expect(before.version).not.toBe(latest());
    cloud.ctx.clock.advance(FOLLOW_MS);
    expect(await use()).toEqual({ follows: 'versionless', key: key(), version: latest() });
  });

  it('that Microsoft encrypts uses no key', async () => {
    made += 1;
    expect((await user.read(make(cloud, `plain${made}`), call())).key).toBeUndefined();
  });

  it('is not given another key than the one it uses', async () => {
    vault.keys.seed('kv', 'another');
    cloud.arm.encrypt(id, `${vault.keys.url('kv', 'another')}/${vault.keys.peek('kv', 'another').at(-1)?.id ?? ''}`);
    expect(await failure(moveOn())).toMatchObject({ code: 'CONFLICT', effect: 'none' });
    expect(cloud.arm.encryptedWith(id)).toContain('/another/');
  });

  it('refuses a version that is not there or is disabled, and stays as it was', async () => {
    const error = await failure(moveOn('0123456789abcdef0123456789abcdef'));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    vault.keys.amend('kv', 'cmk', { enabled: false });
    expect((await failure(moveOn())).message).toContain('is not enabled');
    expect(cloud.arm.encryptedWith(id)).toContain(old);
    vault.keys.amend('kv', 'cmk', { enabled: true });
  });

  it('names the action that is refused, and the command that grants it', async () => {
    const mend = [cloud.arm.deny(write, id), cloud.arm.deny(read, id)];
    const denied = await failure(use());
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(denied.message).toContain(read);
    mend[1]?.();
    const refused = await failure(moveOn());
    expect(refused.message).toContain(write);
    expect(refused.remedy).toContain(
      `az role assignment create --assignee-object-id ${cloud.identity.principal.objectId}`,
    );
    expect(refused.remedy).toContain(id);
    mend[0]?.();
  });

  it('tells apart one that is throttled, busy, locked or gone', async () => {
    const throttled = cloud.arm.throttle(id, 7);
    expect(await failure(use())).toMatchObject({ code: 'THROTTLED', retryAfterMs: 7000 });
    throttled();
    const busy = cloud.arm.busy(id);
    expect(await failure(moveOn())).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    busy();
    const locked = cloud.arm.lock(id);
    expect(await failure(moveOn())).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure' });
    locked();
    const gone = await failure(user.read(`${id}x`, call()));
    expect(gone).toMatchObject({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure' });
    expect(gone.remedy).toContain('tag KeyUser');
  });

  it('says that nobody knows when the answer is lost', async () => {
    cloud.ctx.faults.add({ system: 'arm', match: '^P(?:ATCH|UT) ', times: 1, action: { drop: 'after' } });
    expect(await failure(moveOn())).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
  });

  it('that takes long is pending, and shows it', async () => {
    if (!later) {
      expect(await moveOn()).toBe('moved');
      return;
    }
    const mend = cloud.arm.slow(id);
    const impatient = createKeyUsers({ ...cloud.deps, clock: HASTY }).find((one) => one.claims(id));
    expect(await impatient?.moveOn(id, { ...key(), version: latest() }, call())).toBe('pending');
    if (!kind.startsWith('SQL')) expect(await use()).toMatchObject({ busy: true });
    // However slow it stays: looking again comes to the last call.
    for (let look = 0; look < 3; look += 1) await impatient?.moveOn(id, { ...key(), version: latest() }, call());
    const operations = cloud.ctx.traffic.entries.map(({ operation }) => operation);
    const last = kind.startsWith('SQL') ? /^PUT .*encryptionProtector/i : /^P(?:ATCH|UT) /;
    expect(
      operations.filter((operation) => last.test(operation)),
      operations.join('\n'),
    ).not.toEqual([]);
    mend();
  });

  it('is described for a dry run, and its id is checked', async () => {
    const lines = user.describe(id, key());
    expect(lines).toHaveLength(calls.length - 1);
    expect(lines.join()).toContain(`https://${new URL(cloud.arm.origin).host}${id}`);
    const wrong = id.replace(cloud.arm.subscriptionId, 'mine');
    expect((await failure(user.read(wrong, call()))).problems).toMatchObject([{ path: 'tags.KeyUser' }]);
  });
});
