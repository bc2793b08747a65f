import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Given, Store } from '../../sandbox/app-configuration/store.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { appConfiguration, type ConfigurationDeps } from '../../src/consumers/app-configuration/consumer.ts';
import { placeIn, referenceIdOf, telling, toldOf } from '../../src/consumers/app-configuration/settings.ts';
import { scopeOf } from '../../src/consumers/app-configuration/store.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import {
  configurationDeps,
  makeStore,
  PLAIN,
  REFERENCE_TYPE,
  referenceTo,
  SENTINEL,
} from './app-configuration.stage.ts';

/** References in App Configuration, over its data plane on the wire, with tokens of Entra. */
let cloud: ConsumerCloud;
let deps: ConfigurationDeps;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let store: Store;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  deps = configurationDeps(cloud);
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `db-password-${made}`;
  old = await renew();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

type Settings = Partial<ConfigurationDeps>;
const consumer = (settings: Settings = {}) => appConfiguration({ ...deps, ...settings });
async function renew(of = name): Promise<VersionRef> {
  const { object, version } = await cloud.vault.make(of, { names: ['unused.test'], keyType: 'EC' });
  return { object: { ...object, kind: 'secret' }, version };
}
const put = (settings: readonly Given[], told: readonly string[] = []): void => {
  ({ resource, store } = makeStore(cloud, settings, told));
};
const find = (settings?: Settings, object = old.object): Promise<readonly Reference[]> =>
  consumer(settings).find({ id: resource.id, type: '', location: '' }, object, cloud.call());
async function one(): Promise<Reference> {
  const [reference, ...more] = await find();
  expect(more).toEqual([]);
  cloud.ctx.traffic.clear();
  return reference as Reference;
}
const refresh = (reference: Reference, version: VersionRef, settings?: Settings): Promise<Refreshed> =>
  consumer(settings).refresh(reference, version, undefined, cloud.call());
const confirm = (reference: Reference, version: VersionRef, settings?: Settings): Promise<Confirmation> =>
  consumer(settings).confirm(reference, version, cloud.call());
const calls = (): readonly string[] => cloud.ctx.traffic.entries.map(({ operation }) => operation);
const writes = (): readonly string[] => calls().filter((operation) => !operation.startsWith('GET'));
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(new RegExp(`Bearer |eyJ|${PLAIN}`));
  return error;
}

describe('what a store refers to', () => {
  it('is found with key and label, over all pages of its list, however its content type is written', async () => {
    const other = referenceTo(cloud, `${name}0`);
    put([
      { key: 'Db:Password', ...referenceTo(cloud, name) },
      { key: 'Db:Password', label: 'prod/eu +1', ...referenceTo(cloud, name, old.version) },
      {
        key: 'Loose',
        ...referenceTo(cloud, name),
        content_type: `${REFERENCE_TYPE.split(';')[0] ?? ''} ; Charset=UTF-8`,
      },
      { key: 'Other', ...other },
      { key: 'Plain', value: referenceTo(cloud, name).value ?? '', content_type: 'application/json' },
      { key: 'Broken', value: '{"uri":', content_type: REFERENCE_TYPE },
    ]);
    cloud.ctx.traffic.clear();
    const base = { kind: 'app-configuration', parent: resource.id, hosts: [] };
    expect(await find()).toEqual([
      { ...base, id: `${resource.id}#Db%3APassword` },
      { ...base, id: `${resource.id}#Db%3APassword?label=prod%2Feu%20%2B1`, pinned: old.version },
      { ...base, id: `${resource.id}#Loose` },
    ]);
    expect(calls().filter((operation) => !operation.startsWith('GET /msi'))).toEqual(
      Array.from({ length: 5 }, () => `GET ${resource.names['name'] ?? ''}/kv`),
    );
  });

  it.each([{ key: 'a' }, { key: 'a/b?label=c#%20', label: 'x=y&z' }, { key: 'ä ö+', label: ' ' }])(
    'has an id from which %j is read again',
    (place) => expect(placeIn(referenceIdOf('/subscriptions/x', place))).toEqual(place),
  );

  it('is asked of its own host only, whatever links and names say', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }]);
    const body = { items: [], '@nextLink': 'https://elsewhere.example.com/kv?after=0&api-version=1.0' };
    cloud.ctx.faults.add({ system: 'app-configuration', match: '^GET', times: 1, action: { status: 200, body } });
    expect(await find()).toHaveLength(1);
    const reference = await one();
    const elsewhere = { ...reference, parent: reference.parent.replace(/[^/]+$/, 'elsewhere.example.com:443') };
    expect(await failure(confirm(elsewhere, old))).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(calls()).toEqual([]);
  });

  it.each([
    ['azconfig.io', 'https://appconfig.azure.com/.default'],
    ['azconfig.azure.us', 'https://appconfig.azure.us/.default'],
    ['AzConfig.azure.cn:443', 'https://appconfig.azure.cn/.default'],
  ])('of %s is asked with a token for %s', (suffix, scope) => expect(scopeOf(suffix)).toBe(scope));
});

describe('a reference that follows', () => {
  it('is told by the sentinel with its label, and nothing else is changed', async () => {
    const tags = { owner: 'shop' };
    put([
      { key: 'Db', label: 'prod', ...referenceTo(cloud, name) },
      { key: SENTINEL, label: 'prod', value: '7', content_type: 'text/plain', tags },
    ]);
    const before = store.find('Db', 'prod');
    const reference = await one();
    const fresh = await renew();
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    expect(await refresh(reference, fresh)).toEqual({ is: 'pushed' });
    expect(store.find('Db', 'prod')).toBe(before);
    expect(store.find(SENTINEL)).toBeUndefined();
    const sentinel = store.find(SENTINEL, 'prod');
    expect(sentinel).toMatchObject({ content_type: 'text/plain', tags });
    expect(JSON.parse(sentinel?.value ?? '')).toEqual({ [`kv.vault.sandbox.test/${name}`]: fresh.version });
    const seen = await confirm(reference, fresh);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    expect(seen.detail).toContain('cannot be seen');
    expect(await refresh(reference, fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toHaveLength(1);
  });

  it('keeps its word on the sentinel when another object is renewed after it', async () => {
    const two = `${name}-two`;
    await renew(two);
    put([
      { key: 'One', ...referenceTo(cloud, name) },
      { key: 'Two', ...referenceTo(cloud, two) },
    ]);
    const [fresh, other] = [await renew(), await renew(two)];
    const reference = await one();
    const [second] = await find({}, other.object);
    await refresh(reference, fresh);
    await refresh(second as Reference, other);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted' });
    expect(await confirm(second as Reference, other)).toMatchObject({ is: 'adopted' });
    expect(await confirm(reference, await renew())).toMatchObject({ is: 'pending' });
  });

  it('is forgotten by a sentinel that would grow beyond what a setting holds, the oldest first', () => {
    let value = '';
    const versions = Array.from({ length: 200 }, (_, n) => ({
      object: { ...old.object, name: `secret-${n}` },
      version: n.toString(16).padStart(32, '0'),
    }));
    for (const version of versions) value = telling({ ...SETTING, value }, version);
    expect(value.length).toBeLessThan(6001);
    const [first, last] = [versions[0] as VersionRef, versions[199] as VersionRef];
    expect(toldOf({ value }, last.object)).toBe(last.version);
    expect(toldOf({ value }, first.object)).toBeUndefined();
  });

  it('is left to follow where no sentinel is named, and nobody claims to know who has read it', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }]);
    const reference = await one();
    const fresh = await renew();
    expect(await refresh(reference, fresh, { sentinel: false })).toEqual({ is: 'follows' });
    const seen = await confirm(reference, fresh, { sentinel: false });
    expect(seen).toMatchObject({ is: 'unreachable', remedy: expect.stringContaining('"sentinel"') as string });
    expect(writes()).toEqual([]);
  });

  it('is pending as long as a reader does not see what was written', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }], [name]);
    const reference = await one();
    const fresh = await renew();
    store.lagMs = 10_000;
    await refresh(reference, fresh);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    // Who writes on top of what he has not seen is refused.
    expect(await failure(refresh(reference, await renew()))).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    cloud.ctx.clock.advance(10_000);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted' });
  });
});

describe('a reference that names a version', () => {
  const REWRITE = { rewritePinned: true } as const;

  it('is left alone unless the settings allow to rewrite it', async () => {
    put([{ key: "It's", label: 'prod', ...referenceTo(cloud, name, old.version) }]);
    const reference = await one();
    const fresh = await renew();
    const told = await refresh(reference, fresh);
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining(old.version) as string });
    expect(JSON.stringify(told)).toContain(String.raw`--key 'It'\\''s' --label 'prod'`);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    expect(writes()).toEqual([]);
  });

  it('names the new one, keeps everything else, and the sentinel tells of it', async () => {
    const value = JSON.stringify({
      note: old.version,
      uri: cloud.vault.url(name, old.version.toUpperCase()),
      more: [1],
    });
    const kept = { content_type: REFERENCE_TYPE.replace(';', '; '), tags: { owner: 'shop' } };
    put([{ key: 'Db/Password', ...kept, value }]);
    const reference = await one();
    const fresh = await renew();
    expect(await refresh(reference, fresh, REWRITE)).toEqual({ is: 'pushed' });
    expect(store.find('Db/Password')).toMatchObject(kept);
    expect(JSON.parse(store.find('Db/Password')?.value ?? '')).toEqual({
      ...{ note: old.version, uri: cloud.vault.url(name, fresh.version), more: [1] },
    });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    expect(await refresh(reference, fresh, REWRITE)).toEqual({ is: 'pushed' });
    expect(writes()).toHaveLength(2);
  });

  it('is sent back with members that nobody knows of yet', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name, old.version) }]);
    const sent: unknown[] = [];
    const rest: ConfigurationDeps['rest'] = {
      async send(request, call) {
        if (request.method === 'PUT') sent.push(request.json);
        const answer = await deps.rest.send(request, call);
        return { ...answer, text: answer.text.replace(/^\{/, '{"next_year":{"x":[1]},') };
      },
    };
    await refresh(await one(), await renew(), { ...REWRITE, rest, sentinel: false });
    expect(sent).toEqual([
      {
        ...{ next_year: { x: [1] }, content_type: REFERENCE_TYPE, tags: {} },
        value: expect.not.stringContaining(old.version) as string,
      },
    ]);
  });

  it('is proven by what it names alone where there is no sentinel', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name, old.version) }]);
    const reference = await one();
    const fresh = await renew();
    expect(await refresh(reference, fresh, { ...REWRITE, sentinel: false })).toEqual({ is: 'pushed' });
    expect(await confirm(reference, fresh, { sentinel: false })).toMatchObject({
      is: 'adopted',
      proof: 'control-plane',
    });
    expect(store.find(SENTINEL)).toBeUndefined();
  });

  it('that is locked is left to who has locked it', async () => {
    put([{ key: 'Db', locked: true, ...referenceTo(cloud, name, old.version) }]);
    const told = await refresh(await one(), await renew(), REWRITE);
    expect(told).toMatchObject({ is: 'reported', remedy: expect.stringContaining('kv unlock') as string });
    expect(writes()).toEqual([]);
  });

  it('that somebody changes at the same moment is not written over', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name, old.version) }]);
    const reference = await one();
    const changed = cloud.vault.url('another');
    const rest: ConfigurationDeps['rest'] = {
      async send(request, call) {
        const answer = await deps.rest.send(request, call);
        if (request.method === 'GET') store.put({ key: 'Db', value: JSON.stringify({ uri: changed }) }, call.now());
        return answer;
      },
    };
    const error = await failure(refresh(reference, await renew(), { ...REWRITE, rest }));
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    expect(store.find('Db')?.value).toContain(changed);
    expect(await failure(refresh(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});

describe('what goes wrong', () => {
  it('a sentinel that is locked, or is something else, is named with what to do', async () => {
    put([
      { key: 'Db', ...referenceTo(cloud, name) },
      { key: SENTINEL, value: '1', locked: true },
    ]);
    const reference = await one();
    const fresh = await renew();
    const locked = await failure(refresh(reference, fresh));
    expect(locked).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure' });
    expect(locked.remedy).toContain(`--key '${SENTINEL}'`);
    const taken = await failure(refresh(reference, fresh, { sentinel: 'Db' }));
    expect(taken).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(writes()).toEqual([]);
    // Locked between the look and the write.
    store.put({ key: SENTINEL, value: '1' }, cloud.ctx.clock.now());
    const body = { type: 'https://azconfig.io/errors/key-locked', title: 'Modifing key is not allowed', status: '409' };
    cloud.ctx.faults.add({ system: 'app-configuration', match: '^PUT', times: 1, action: { status: 409, body } });
    const late = await failure(refresh(reference, fresh));
    expect(late).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure' });
  });

  it('a store without public access is no place that was looked through, and what it says is not believed', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }], [name]);
    const reference = await one();
    store.isPublic = false;
    const gap = await failure(find());
    expect(gap).toMatchObject({ code: 'UNAVAILABLE', recovery: 'reconfigure' });
    expect(gap.remedy).toContain('private endpoint');
    expect(await confirm(reference, old)).toMatchObject({ is: 'unreachable', remedy: gap.remedy });
    expect(await failure(refresh(reference, await renew()))).toMatchObject({ recovery: 'reconfigure' });
  });

  it('a name that does not resolve is a store that is gone, or one that cannot be reached: ARM knows', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }]);
    const nowhere = { suffix: 'nowhere.sandbox.test' };
    const lost = await failure(find(nowhere));
    expect(lost).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
    expect(lost.remedy).toContain(`nslookup ${resource.names['name'] ?? ''}.nowhere.sandbox.test;`);
    const deny = cloud.arm.deny('Microsoft.AppConfiguration/configurationStores/read', resource.id);
    expect(await failure(find(nowhere))).toMatchObject({ code: 'UNAVAILABLE' });
    deny();
    // And a store that is there is not taken for gone because something answers so.
    cloud.ctx.faults.add({ system: 'app-configuration', match: '^GET', times: 1, action: { status: 404 } });
    expect(await failure(find())).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
    cloud.arm.resources.remove(resource.id);
    expect(await failure(find(nowhere))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(find())).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });

  it('who may not read, and who asks too often, is told so', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }]);
    const deny = cloud.arm.deny('Microsoft.AppConfiguration/configurationStores/keyValues/read', resource.id);
    const denied = await failure(find());
    deny();
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(denied.remedy).toContain(`--role "App Configuration Data Reader" --scope "${resource.id}"`);
    const throttle = cloud.arm.throttle(resource.id, 7);
    expect(await failure(find())).toMatchObject({ code: 'THROTTLED', retryAfterMs: 7000 });
    throttle();
    const rest = { send: (...[request, call]: Parameters<typeof deps.rest.send>) => deps.rest.send({ ...request, url: new URL(request.url.href.replace('api-version', 'v')) }, call) }; // prettier-ignore
    expect(await failure(find({ rest }))).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
  });

  it('a list without an end is not taken for a store without references', async () => {
    put([{ key: 'Db', ...referenceTo(cloud, name) }]);
    const text = JSON.stringify({ items: [], '@nextLink': '/kv?after=0' });
    const rest = { send: () => Promise.resolve({ status: 200, text, header: () => undefined }) };
    expect(await failure(find({ rest }))).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
  });
});

const SETTING = { key: SENTINEL, contentType: '', isLocked: false, body: {} } as const;
