/** Every row over ARM and the data planes on the wire: what the shared contract suite does not ask. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { Call, Clock, Issued, Rotator, Target } from '../../src/rotation/ports.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { ArmKeyHarness, rowOf } from '../contract/arm-key.harness.ts';
import { PLACES, type Place } from '../../sandbox/arm/places.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';

let cloud: StorageCloud;
beforeAll(async () => {
  cloud = await startStorageCloud();
});
afterAll(() => cloud.stop());

const call = (): Call => ({ signal: new AbortController().signal, now: () => cloud.ctx.clock.now() });
const placeOf = (kind: string, slot?: string): Place => {
  const place = PLACES.find((one) => one.kind === kind && (slot === undefined || one.slots.includes(slot)));
  if (place === undefined) throw new Error(`no place for ${kind}`);
  return place;
};

interface Bench {
  readonly harness: ArmKeyHarness;
  readonly rotator: Rotator;
  readonly target: Target;
  readonly current: Issued;
  readonly idle: string;
  /** The resource's own id in ARM. */
  readonly scope: string;
  readonly keys: () => ReadonlyMap<string, { readonly value: string; readonly id: string }>;
  readonly set: (rotationId?: string) => Promise<Issued | 'pending'>;
}

async function benchOf(place: Place, clock?: Clock): Promise<Bench> {
  const harness = new ArmKeyHarness(place, () => cloud);
  await harness.start();
  const { input, current } = await harness.fresh();
  const rotator = clock === undefined ? harness.rotator : armKeyRotator(harness.row, { ...cloud.deps, clock });
  const target = rotator.parseTarget(input);
  const resource = harness.resourceOf(input);
  if (resource === undefined) throw new Error('no resource');
  const idle = target.slots.find((slot) => slot !== target.current) ?? '';
  const set = (rotationId = 'r') => rotator.set(target, { rotationId, slot: idle, current }, call());
  return { harness, rotator, target, current, idle, scope: resource.id, keys: () => resource.keys, set };
}

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  return error;
}

function done(outcome: Issued | 'pending'): Issued {
  if (outcome === 'pending') throw new Error('it is pending');
  return outcome;
}

/** What ARM was asked since, method and last part. */
const armCalls = (): string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system }) => system === 'arm')
    .map(
      ({ operation, outcome }) => `${operation.split(' ')[0] ?? ''} ${operation.split('/').at(-1) ?? ''} ${outcome}`,
    );

describe.each(PLACES)('$kind $slots at $address', (place) => {
  it('is set, tested and revoked, and nothing but the pair changes', async () => {
    const { rotator, target, current, idle, keys, set } = await benchOf(place);
    const before = new Map([...keys()].map(([slot, { value }]) => [slot, value]));
    const issued = done(await set());
    await rotator.test(target, issued, call());
    await rotator.test(target, current, call());
    await rotator.revoke(target, current.slot, { endSessions: false }, call());
    expect((await failure(rotator.test(target, current, call()))).code).toBe('CREDENTIAL_REJECTED');
    const pair = target.slots.map((slot) => (place.set === undefined ? slot : `${place.set}/${slot}`));
    const changed = [...keys()].filter(([slot, { value }]) => before.get(slot) !== value).map(([slot]) => slot);
    expect(changed.sort()).toEqual([...pair].sort());
    expect(issued.slot).toBe(idle);
  });

  it('names the action, the scope and the command when the role is missing', async () => {
    const { rotator, target, current, idle, scope, set } = await benchOf(place);
    const mend = cloud.arm.deny('*', scope);
    const error = await failure(set());
    const [blocker] = await rotator.check(target, idle, current, call());
    mend();
    for (const { code, message, remedy } of [error, blocker ?? error]) {
      expect(code).toBe('ACCESS_DENIED');
      expect(message).toMatch(new RegExp(`${place.address.split('/')[0] ?? ''}/\\S+/action on /subscriptions/`, 'i'));
      expect(remedy).toContain(`az role assignment create --assignee-object-id ${cloud.identity.principal.objectId}`);
      expect(remedy).toContain(`--role "${rowOf(place.kind).role}"`);
    }
  });

  it('says that a lock is in the way, and that the vault holds none of its keys', async () => {
    const { rotator, target, scope, set, idle } = await benchOf(place);
    const unlock = cloud.arm.lock(scope);
    expect(await failure(set())).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure', effect: 'none' });
    unlock();
    const stale = { credentialId: target.current, slot: target.current, value: new SecretValue('c3RhbGU=') };
    const [blocker] = await rotator.check(target, idle, stale, call());
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(blocker?.remedy).toContain('look it up with: az rest --method post --uri "/subscriptions/');
  });
});

describe('an operation that ARM ends later', () => {
  /** Waits take no time. */
  const hasty: Clock = {
    now: () => cloud.ctx.clock.now(),
    after: (_ms, callback) => {
      const turn = setImmediate(callback);
      return () => clearImmediate(turn);
    },
  };

  it('of Cosmos DB answers 202 without a body, and the key is listed when it is over', async () => {
    const { set } = await benchOf(placeOf('cosmos-db'));
    cloud.ctx.traffic.clear();
    done(await set());
    expect(armCalls().map((line) => line.replace(/[0-9a-f-]{36}/, '<id>'))).toEqual([
      'POST listKeys 200',
      'POST regenerateKey 202',
      'GET <id> 200',
      'GET <id> 200',
      'POST listKeys 200',
    ]);
  });

  it('is not waited for: set answers pending, and goes on with the same operation when it is called again', async () => {
    const { scope, set, rotator, target } = await benchOf(placeOf('cosmos-db'), hasty);
    const mend = cloud.arm.slow(scope);
    cloud.ctx.traffic.clear();
    expect(await set()).toBe('pending');
    expect(await set()).toBe('pending');
    mend();
    await rotator.test(target, done(await set()), call());
    expect(armCalls().filter((line) => line.startsWith('POST regenerateKey'))).toHaveLength(1);
  });

  it('of another rotation is none of this one’s', async () => {
    const { scope, set } = await benchOf(placeOf('cosmos-db'), hasty);
    const mend = cloud.arm.slow(scope);
    cloud.ctx.traffic.clear();
    expect(await set('one')).toBe('pending');
    mend();
    done(await set('two'));
    expect(armCalls().filter((line) => line.startsWith('POST regenerateKey'))).toHaveLength(2);
  });

  it('keeps a revoke from being called done before it is', async () => {
    const { scope, rotator, target, current } = await benchOf(placeOf('signalr'), hasty);
    const mend = cloud.arm.slow(scope);
    const revoke = () => rotator.revoke(target, current.slot, { endSessions: false }, call());
    expect(await failure(revoke())).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown' });
    await rotator.test(target, current, call());
    mend();
    await revoke();
    expect((await failure(rotator.test(target, current, call()))).code).toBe('CREDENTIAL_REJECTED');
  });

  it.each([
    ['at another address', { location: 'https://evil.example/operations/1' }],
    ['at no address', {}],
  ])('%s is not followed: the token goes to ARM only', async (_, headers) => {
    const { scope, set } = await benchOf(placeOf('redis'));
    const match = `${scope.split('/').at(-1) ?? ''}/regenerateKey$`;
    const id = cloud.ctx.faults.add({ system: 'arm', match, action: { status: 202, headers } });
    const error = await failure(set());
    expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown' });
    expect(error.message).toContain('the answer 202 names no operation of this ARM');
    cloud.ctx.faults.remove(id);
  });

  it.each([
    ['failed', { status: 200, body: { status: 'Failed' } }, 'UNAVAILABLE', 'the operation ended as Failed'],
    ['is not known any more', { status: 404, body: {} }, 'UNAVAILABLE', 'its operation is not known any more'],
    ['is asked about too often', { status: 429, headers: { 'retry-after': '3' } }, 'THROTTLED', '429'],
  ] as const)('that %s may have had its effect', async (_, action, code, says) => {
    const { set } = await benchOf(placeOf('cosmos-db'));
    const id = cloud.ctx.faults.add({ system: 'arm', match: '^GET /providers/', action });
    const error = await failure(set());
    cloud.ctx.faults.remove(id);
    expect(error).toMatchObject({ code, recovery: 'retry', effect: 'unknown' });
    expect(error.message).toContain(says);
    done(await set());
  });

  it('of somebody else is a conflict that passes', async () => {
    for (const kind of ['cosmos-db', 'redis']) {
      const { scope, set } = await benchOf(placeOf(kind));
      const mend = cloud.arm.busy(scope);
      expect(await failure(set())).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
      mend();
    }
  });
});

describe('cosmos-db', () => {
  it('tells a read-only key under the name of a read-write one, as Microsoft’s sample leaves it, and what to tag', async () => {
    const { rotator, target, idle, keys, set } = await benchOf(placeOf('cosmos-db'));
    const readOnly = {
      credentialId: 'Primary',
      slot: 'primary',
      value: new SecretValue(keys().get('primaryReadonly')?.value ?? ''),
    };
    const [blocker] = await rotator.check(target, idle, readOnly, call());
    expect(blocker?.message).toContain('the vault holds primaryReadonly');
    expect(blocker?.remedy).toContain('Set the tag CredentialId=primaryReadonly');
    done(await set());
  });
});

describe('iot-hub', () => {
  it('does not overwrite a hub that somebody has changed in between', async () => {
    const { harness, set, keys, target } = await benchOf(placeOf('iot-hub'));
    const before = JSON.stringify([...keys()]);
    const resource = cloud.arm.resources.find(target.id.replace('/iothubkeys/iothubowner', ''));
    const id = cloud.ctx.faults.add({
      system: 'arm',
      match: `^POST .*/${resource?.names['name'] ?? ''}/listkeys$`,
      times: 1,
      action: { delayMs: 200 },
    });
    const attempt = failure(set());
    for (
      let turn = 0;
      !cloud.ctx.traffic.entries.some(
        ({ operation }) => operation.startsWith('GET') && operation.endsWith(resource?.names['name'] ?? '?'),
      );
      turn += 1
    ) {
      if (turn > 2_000) throw new Error('the hub was never read');
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (resource !== undefined) resource.etag = 'another';
    expect(await attempt).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    expect(JSON.stringify([...keys()])).toBe(before);
    cloud.ctx.faults.remove(id);
    expect(harness.name).toBe('iot-hub');
    done(await set());
  });

  it('says that there is no such policy', async () => {
    const { rotator, target, current } = await benchOf(placeOf('iot-hub'));
    const id = target.id.replace('iothubowner', 'nobody');
    const other = rotator.parseTarget({ providerAddress: id, credentialId: 'primaryKey' });
    const attempt = rotator.set(other, { rotationId: 'r', slot: 'secondaryKey', current }, call());
    expect(await failure(attempt)).toMatchObject({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', effect: 'none' });
  });
});

describe('app-configuration', () => {
  it('finds a key by its name on any page, whatever its id has become', async () => {
    const { rotator, target, keys, set } = await benchOf(placeOf('app-configuration', 'Primary Read Only'));
    const first = done(await set('one'));
    const id = keys().get('Secondary Read Only')?.id;
    const second = done(await set('two'));
    expect(keys().get('Secondary Read Only')?.id).not.toBe(id);
    await rotator.test(target, second, call());
    expect((await failure(rotator.test(target, first, call()))).code).toBe('CREDENTIAL_REJECTED');
  });
});

describe('the id in a connection string of app-configuration', () => {
  it('is that of the new key, and is tried with it', async () => {
    const { rotator, target, keys, set } = await benchOf(placeOf('app-configuration'));
    const issued = done(await set());
    expect([target.namesUsers, issued.user]).toEqual([true, keys().get('Secondary')?.id]);
    cloud.ctx.traffic.clear();
    await rotator.test(target, issued, call());
    expect(armCalls()).toEqual([]);
    const mixed = { ...issued, user: keys().get('Primary')?.id ?? '' };
    expect((await failure(rotator.test(target, mixed, call()))).code).toBe('CREDENTIAL_REJECTED');
  });
});

describe('a rule that may not read', () => {
  const bench = async () => {
    const { id, keys } = cloud.arm.create(
      'Microsoft.ServiceBus/namespaces/{name}/queues/{entity}/authorizationRules/{rule}',
      {
        name: `sendonly${++made}`,
        entity: 'orders',
        rule: 'SendOnly',
      },
    );
    const rotator = armKeyRotator(rowOf('service-bus'), cloud.deps);
    const value = new SecretValue(keys.get('PrimaryKey')?.value ?? '');
    const target = rotator.parseTarget({ providerAddress: id, credentialId: 'PrimaryKey' });
    return { rotator, target, id, current: { credentialId: 'PrimaryKey', slot: 'PrimaryKey', value } };
  };
  let made = 0;

  it('is proved by reading the key back', async () => {
    const { rotator, target, current } = await bench();
    cloud.ctx.traffic.clear();
    await rotator.test(target, current, call());
    expect(armCalls()).toEqual(['POST listKeys 200']);
  });

  it('is refused with a wrong key, and with the right key of the other slot', async () => {
    const { rotator, target, current } = await bench();
    const wrong = { ...current, value: new SecretValue('d3Jvbmc=') };
    expect((await failure(rotator.test(target, wrong, call()))).code).toBe('CREDENTIAL_REJECTED');
    const misplaced = { ...current, slot: 'SecondaryKey' };
    expect((await failure(rotator.test(target, misplaced, call()))).code).toBe('CREDENTIAL_REJECTED');
  });
});

describe('function-keys', () => {
  it('makes the second key when there is none yet', async () => {
    const { keys, set, rotator, target } = await benchOf(placeOf('function-keys'));
    expect([...keys().keys()]).not.toContain('functionKeys/default2');
    expect((await rotator.list(target, call())).map(({ slot }) => slot)).toEqual(['default']);
    done(await set());
    expect((await rotator.list(target, call())).map(({ slot }) => slot)).toEqual(['default', 'default2']);
  });
});

describe('the sandbox’s ARM refuses what the services refuse', () => {
  const post = async (
    id: string,
    path: string,
    body?: unknown,
    method = 'POST',
  ): Promise<readonly [number, string]> => {
    const token = await cloud.identity.issue('https://management.azure.com');
    const response = await fetch(`${cloud.arm.origin}${id}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const { error } = (text === '' ? {} : JSON.parse(text)) as { error?: { code: string; message: string } };
    return [response.status, error?.code ?? ''];
  };
  const fresh = (address: string, name: string): string =>
    cloud.arm.create(address, { name, rule: 'Root', database: 'default', subscription: 'sub1' }).id;

  it.each([
    ['Microsoft.DocumentDB/databaseAccounts/{name}', '/regenerateKey?api-version=2025-10-15', { keyKind: 'Primary' }],
    ['Microsoft.Cache/redis/{name}', '/regenerateKey?api-version=2024-11-01', { keyType: 'primaryKey' }],
    ['Microsoft.Cache/redis/{name}', '/regenerateKey?api-version=2024-11-01', { keyKind: 'Primary' }],
    ['Microsoft.CognitiveServices/accounts/{name}', '/regenerateKey?api-version=2025-09-01', { keyName: 'key1' }],
    ['Microsoft.Search/searchServices/{name}', '/regenerateAdminKey/third?api-version=2025-05-01', undefined],
    [
      'Microsoft.AppConfiguration/configurationStores/{name}',
      '/regenerateKey?api-version=2023-03-01',
      { id: 'Primary' },
    ],
    [
      'Microsoft.OperationalInsights/workspaces/{name}',
      '/regenerateSharedKey?api-version=2020-08-01',
      { keyType: 'primarySharedKey' },
    ],
  ])('%s%s %j is a 400', async (address, path, body) => {
    const id = fresh(address, `bad${++made}x`);
    expect((await post(id, path, body))[0]).toBe(400);
  });

  it('a function key without properties is a 400, and a call that no service has is a 405', async () => {
    const id = fresh('Microsoft.Web/sites/{name}', `bad${++made}x`);
    const path = '/host/default/functionKeys/default?api-version=2025-05-01';
    expect(await post(id, path, { name: 'default', value: null }, 'PUT')).toEqual([400, 'BadRequest']);
    expect(await post(id, '/regenerateKey?api-version=2025-05-01', {})).toEqual([405, 'MethodNotAllowed']);
    expect(await post(id.replace(/bad/, 'gone'), path, { properties: {} }, 'PUT')).toEqual([404, 'ResourceNotFound']);
  });
  let made = 0;
});
