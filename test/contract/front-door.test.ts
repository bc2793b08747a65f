import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEPLOY_MS, FOLLOW_MS, type Profile } from '../../sandbox/arm/services/cdn/profile.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { frontDoor, type FrontDoorDeps } from '../../src/consumers/front-door/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { makeProfile, TLS, type Holds } from './front-door.stage.ts';

/** A Front Door profile over ARM on the wire, and real handshakes with what it serves. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let hosts: readonly string[];
let old: VersionRef;
let resource: Resource;
let profile: Profile;
let reference: Reference;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `web${made}`;
  hosts = [`www${made}.sandbox.test`, `shop${made}.sandbox.test`];
  old = await cloud.vault.make(name, { names: hosts });
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

const consumer = (settings: Partial<FrontDoorDeps> = {}) =>
  frontDoor({
    ...{ arm: cloud.client, clock: cloud.clock, rewritePinned: false, frontDoor: 'follow', port: cloud.front.port },
    ...settings,
  });
const PUSH = { frontDoor: 'push' } as const;

async function find(version = old): Promise<readonly Reference[]> {
  const candidate = { id: resource.id, type: 'microsoft.cdn/profiles', location: 'global' };
  return consumer().find(candidate, version.object, cloud.call());
}

async function put(change: Partial<Holds> = {}): Promise<void> {
  ({ resource, profile } = makeProfile(cloud, [{ secret: 'web-cert', certificate: name, hosts, ...change }]));
  const references = await find();
  expect(references).toHaveLength(1);
  reference = references[0] as Reference;
  cloud.ctx.traffic.clear();
}
const renew = (): Promise<VersionRef> => cloud.vault.make(name, { names: hosts });
const refresh = (version: VersionRef, settings?: Partial<FrontDoorDeps>, operation?: string): Promise<Refreshed> =>
  consumer(settings).refresh(reference, version, operation, cloud.call());
const confirm = (version: VersionRef): Promise<Confirmation> => consumer().confirm(reference, version, cloud.call());
const writes = (): string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation);

/** Pushes as the engine does: again and again, with what the last call said. @param each what happens between two calls */
async function pushed(
  version: VersionRef,
  settings: Partial<FrontDoorDeps>,
  each: () => void = () => undefined,
): Promise<Refreshed> {
  let now = await refresh(version, settings);
  for (let n = 0; n < 90 && now.is === 'running'; n += 1) {
    cloud.ctx.clock.advance(15_000);
    each();
    now = await refresh(version, settings, now.operation);
  }
  return now;
}
/** Deployed at once. */
const deploy = (): void => profile.domains.forEach((domain) => (domain.deployedMs = 0));

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}

describe('what a profile refers to', () => {
  it('is found by its secrets, over all pages of the list, with the hosts of their domains', async () => {
    ({ resource, profile } = makeProfile(cloud, [
      { secret: 'web-cert', certificate: name, hosts: [hosts[0] ?? ''] },
      { secret: 'unused', certificate: name, hosts: [] },
      {
        secret: 'web-pinned',
        certificate: name,
        pinned: old.version,
        hosts: [hosts[1] ?? '', 'a.sandbox.test', 'b.sandbox.test'],
      },
    ]));
    const base = { kind: 'front-door', parent: resource.id };
    expect(await find()).toEqual([
      { ...base, id: `${resource.id}/secrets/web-cert`, hosts: [hosts[0]] },
      {
        ...base,
        id: `${resource.id}/secrets/web-pinned`,
        hosts: [hosts[1], 'a.sandbox.test', 'b.sandbox.test'],
        pinned: old.version,
      },
    ]);
  });

  it('costs one list where the profile has nothing of the object', async () => {
    ({ resource } = makeProfile(cloud, []));
    cloud.ctx.traffic.clear();
    expect(await find()).toEqual([]);
    expect(cloud.ctx.traffic.entries).toHaveLength(1);
  });
});

describe('a secret that follows', () => {
  it('is waited for by default, and nothing is changed', async () => {
    await put();
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    const fresh = await renew();
    expect(await refresh(fresh)).toEqual({ is: 'follows' });
    expect(writes()).toEqual([]);
    const before = await confirm(fresh);
    expect(before).toMatchObject({ is: 'pending' });
    expect(before.detail).toContain(`serves ${old.certificate?.sha256 ?? ''}`);
    cloud.ctx.clock.advance(FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(await refresh(fresh, PUSH)).toEqual({ is: 'pushed' });
    expect(consumer().lagMs.follows).toBe(FOLLOW_MS);
  });

  it('is replaced when the settings say push: new secret, every domain, deployed, seen, and the old one deleted last', async () => {
    await put();
    const fresh = await renew();
    let wasKept = true;
    const told = await pushed(fresh, PUSH, () => {
      // Nothing is deleted while a domain uses it, nor before the points of presence have the new one.
      const isDeployed = [...profile.domains.values()].every(
        ({ secret, deployedMs }) => secret !== 'web-cert' && deployedMs <= cloud.ctx.clock.now().getTime(),
      );
      if (!isDeployed) wasKept &&= profile.secrets.has('web-cert');
    });
    expect(told).toEqual({ is: 'pushed' });
    expect(wasKept).toBe(true);
    expect(writes().map((one) => one.replace(/^(\w+) .*\/profiles\/\w+\//, '$1 '))).toEqual([
      'POST validateSecret',
      `PUT secrets/web-cert-${fresh.version}`,
      `PATCH customDomains/${(hosts[0] ?? '').replaceAll('.', '-')}`,
      `PATCH customDomains/${(hosts[1] ?? '').replaceAll('.', '-')}`,
      'DELETE secrets/web-cert',
    ]);
    expect([...profile.secrets.keys()]).toEqual([`web-cert-${fresh.version}`]);
    for (const { tls } of profile.domains.values()) expect(tls).toEqual(TLS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('is pushed again for the version after that, under a name of the same length', async () => {
    await put();
    await pushed(await renew(), PUSH, deploy);
    const third = await renew();
    reference = (await find())[0] as Reference;
    expect(reference).not.toHaveProperty('pinned');
    expect(await pushed(third, PUSH, deploy)).toEqual({ is: 'pushed' });
    expect([...profile.secrets.keys()]).toEqual([`web-cert-${third.version}`]);
  });

  it('goes on wherever it was left, also where the operation was not kept', async () => {
    await put();
    const fresh = await renew();
    for (let n = 0; n < 12; n += 1) {
      await refresh(fresh, PUSH);
      cloud.ctx.clock.advance(DEPLOY_MS);
    }
    expect([...profile.secrets.keys()]).toEqual([`web-cert-${fresh.version}`]);
    expect(await refresh(fresh, PUSH)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('keeps the old secret where nobody can see the new one, and stops waiting', async () => {
    hosts = [`www${made}.nowhere.sandbox.test`];
    old = await cloud.vault.make(name, { names: hosts });
    await put();
    const fresh = await renew();
    const told = await pushed(fresh, PUSH, () => cloud.ctx.clock.advance(DEPLOY_MS));
    expect(told).toEqual({ is: 'pushed' });
    expect(profile.secrets.has('web-cert')).toBe(true);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    expect(seen.detail).toContain('ENOTFOUND');
  });

  it('is pending while it is being deployed, whatever one point of presence serves', async () => {
    await put();
    const fresh = await renew();
    await pushed(fresh, PUSH, deploy);
    profile.domains.forEach((domain) => (domain.deployedMs = cloud.ctx.clock.now().getTime() + DEPLOY_MS));
    const held = cloud.vault.lookUp('kv', name);
    const mend = hosts.map((host) => cloud.front.put(host, '127.0.0.1', held === undefined ? [] : [held]));
    expect(await confirm(fresh)).toMatchObject({
      is: 'pending',
      detail: expect.stringContaining('being deployed') as string,
    });
    mend.forEach((one) => one());
  });
});

describe('a secret that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    await put({ pinned: old.version });
    expect(reference.pinned).toBe(old.version);
    const fresh = await renew();
    const told = await refresh(fresh, PUSH);
    expect(told).toMatchObject({ is: 'reported', remedy: expect.stringContaining('az afd secret create') as string });
    expect(writes()).toEqual([]);
    cloud.ctx.clock.advance(FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
  });

  it('is replaced by one that follows', async () => {
    await put({ pinned: old.version });
    const fresh = await renew();
    expect(await pushed(fresh, { rewritePinned: true }, deploy)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(profile.secrets.get(`web-cert-${fresh.version}`)).toMatchObject({ useLatestVersion: true });
  });
});

describe('what goes wrong', () => {
  it('an EC key, or a name that is not covered, is refused before anything is sent', async () => {
    await put();
    const bad = await cloud.vault.make(name, { names: [hosts[0] ?? ''], keyType: 'EC' });
    const error = await failure(refresh(bad, PUSH));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems.map(({ path }) => path)).toEqual(['policy.key_props.kty', 'policy.x509_props.sans']);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it('what the profile says of the version before it is given it is named', async () => {
    await put();
    const fresh = await renew();
    profile.mayRead = false;
    const denied = await failure(refresh(fresh, PUSH));
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(denied.remedy).toContain('205478c0-bd83-4e1b-a9d6-db63a3e1e1c8');
    profile.mayRead = true;
    cloud.vault.disable(name, fresh.version);
    expect(await failure(refresh(fresh, PUSH))).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(writes().every((one) => one.startsWith('POST'))).toBe(true);
  });

  it('a host whose name leads elsewhere is unreachable, not stale', async () => {
    hosts = [`www${made}.elsewhere.sandbox.test`];
    old = await cloud.vault.make(name, { names: hosts });
    await put();
    const edge = await cloud.vault.make(`edge${made}`, { names: [...hosts, 'edge.sandbox.test'] });
    const held = cloud.vault.lookUp('kv', edge.object.name);
    const mend = cloud.front.put(hosts[0] ?? '', '127.0.0.3', held === undefined ? [] : [held]);
    expect(await confirm(old)).toMatchObject({
      is: 'unreachable',
      remedy: expect.stringContaining('nslookup') as string,
    });
    mend();
  });

  it('one stale address of several is enough to wait', async () => {
    hosts = [`www${made}.twin.sandbox.test`];
    old = await cloud.vault.make(name, { names: hosts });
    await put();
    const fresh = await renew();
    cloud.ctx.clock.advance(FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    const held = cloud.vault.lookUp('kv', name, old.version);
    const mend = cloud.front.put(hosts[0] ?? '', '127.0.0.2', held === undefined ? [] : [held]);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'pending', detail: expect.stringContaining('127.0.0.2') as string });
    mend();
  });

  it('a domain that was given another certificate, or a profile that was deleted, is gone', async () => {
    await put();
    const fresh = await renew();
    const bring = cloud.arm.resources.remove(resource.id);
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    bring();
    profile.domains.clear();
    expect(await failure(confirm(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(refresh(fresh, PUSH))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(writes()).toEqual([]);
  });

  it('refusals are told apart, each with what to do', async () => {
    await put();
    const fresh = await renew();
    const scope = resource.id;
    const deny = cloud.arm.deny('Microsoft.Cdn/profiles/secrets/write', scope);
    const denied = await failure(refresh(fresh, PUSH));
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(denied.remedy).toContain('--role "CDN Profile Contributor"');
    deny();
    const throttle = cloud.arm.throttle(scope, 7);
    expect(await failure(confirm(fresh))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 7000 });
    throttle();
    const busy = cloud.arm.busy(scope);
    expect(await failure(refresh(fresh, PUSH))).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    busy();
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT', times: 1, action: { status: 500 } });
    expect(await failure(refresh(fresh, PUSH))).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' });
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT', times: 1, action: { drop: 'after' } });
    expect(await failure(refresh(fresh, PUSH))).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
  });

  it('a lock on the old secret does not undo what is adopted', async () => {
    await put();
    const fresh = await renew();
    cloud.ctx.faults.add({
      system: 'arm',
      match: '^DELETE',
      action: { status: 409, body: { error: { code: 'ScopeLocked', message: 'locked' } } },
    });
    expect(await pushed(fresh, PUSH, deploy)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });
});
