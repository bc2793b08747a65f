import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOST_FOLLOW_MS, type ApiService } from '../../sandbox/arm/services/api-management/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { apiManagementHost, type HostDeps } from '../../src/consumers/api-management-host/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { keptOf, makeService, urlsOf, type HostGiven } from './api-management.stage.ts';

/** Host names of API Management over ARM on the wire, and real handshakes with what the service serves. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let hosts: readonly string[];
let old: VersionRef;
let resource: Resource;
let service: ApiService;
let reference: Reference;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  await cloud.vault.make('uploaded', { names: ['uploaded.sandbox.test'], keyType: 'EC' });
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `api${made}`;
  hosts = [`api${made}.sandbox.test`, `portal${made}.sandbox.test`];
  old = await renew();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

const PUSH = { apiManagement: 'push' } as const;
const REWRITE = { rewritePinned: true } as const;
const consumer = (settings: Partial<HostDeps> = {}) =>
  apiManagementHost({
    ...{ arm: cloud.client, clock: cloud.clock, rewritePinned: false, apiManagement: 'follow', port: cloud.front.port },
    ...settings,
  });
/** EC keys are made faster, and the service takes them. */
const renew = (): Promise<VersionRef> => cloud.vault.make(name, { names: hosts, keyType: 'EC' });
const following = (): readonly HostGiven[] => [
  { host: hosts[0] ?? '', url: cloud.vault.url(name) },
  { host: hosts[1] ?? '', url: cloud.vault.url(name), type: 'DeveloperPortal' },
];
const pinned = (): readonly HostGiven[] =>
  hosts.map((host) => ({ host, url: cloud.vault.url(name, old.version), type: 'Proxy' }));
const find = (): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: '', location: '' }, old.object, cloud.call());

async function put(given: readonly HostGiven[] = following(), change: Partial<ApiService> = {}): Promise<void> {
  ({ resource, service } = makeService(cloud, [{ host: 'uploaded.sandbox.test' }, ...given], change));
  reference = (await find())[0] as Reference;
  cloud.ctx.traffic.clear();
}
const properties = (change: object): void => {
  service.more = { ...service.more, properties: { ...(service.more['properties'] as object), ...change } };
};
const refresh = (version: VersionRef, settings?: Partial<HostDeps>, operation?: string): Promise<Refreshed> =>
  consumer(settings).refresh(reference, version, operation, cloud.call());
const confirm = (version: VersionRef): Promise<Confirmation> => consumer().confirm(reference, version, cloud.call());
const writes = (): string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation.split(' ')[0] ?? '');

/** Pushes as the engine does. @param each what happens between two calls */
async function pushed(
  version: VersionRef,
  settings: Partial<HostDeps>,
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
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}
const containing = (text: string): string => expect.stringContaining(text) as string;

describe('what a service refers to', () => {
  it('is found by its host names: those that follow together, each that names a version by itself', async () => {
    const more = { host: 'more.sandbox.test', url: `${cloud.vault.url(name, old.version)}/`, type: 'Management' };
    await put([...following(), more, { host: 'other.sandbox.test', url: cloud.vault.url(`uploaded`) }]);
    const base = { kind: 'api-management-host', parent: resource.id };
    expect(await find()).toEqual([
      { ...base, id: resource.id, hosts },
      {
        ...{ ...base, hosts: ['more.sandbox.test'], pinned: old.version },
        id: `${resource.id}#hostnameConfigurations/more.sandbox.test`,
      },
    ]);
    expect(cloud.ctx.traffic.entries).toHaveLength(1);
  });
});

describe('a host that follows', () => {
  it('is waited for by default, and nothing is changed; every region is asked for it at its own address', async () => {
    await put();
    const seen = await confirm(old);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(seen.detail).toContain(`${hosts[0] ?? ''} at 127.0.0.2`);
    expect(seen.detail).not.toContain(`${hosts[1] ?? ''} at 127.0.0.2`);
    const fresh = await renew();
    expect(await refresh(fresh)).toEqual({ is: 'follows' });
    expect(writes()).toEqual([]);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing(old.certificate?.sha256 ?? '?') });
    cloud.ctx.clock.advance(HOST_FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(consumer().lagMs).toEqual({ pushed: HOST_FOLLOW_MS, follows: HOST_FOLLOW_MS });
  });

  it('is pushed by one update when the settings say so, and nothing else of the service is lost by it', async () => {
    await put();
    const before = keptOf(service);
    const urls = urlsOf(service);
    const fresh = await renew();
    expect(await pushed(fresh, PUSH)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual(['PATCH']);
    expect(keptOf(service)).toEqual(before);
    expect(urlsOf(service)).toEqual(urls);
    expect(cloud.arm.serves('uploaded.sandbox.test')).toHaveLength(1);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('follows where the update did not make the service look, and is not updated again for that', async () => {
    await put(following(), { looksWhenUpdated: false });
    const fresh = await renew();
    expect(await pushed(fresh, PUSH)).toEqual({ is: 'follows' });
    expect(service.updates).toBe(1);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    cloud.ctx.clock.advance(HOST_FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('of the Developer tier is never updated, which would take its gateway down', async () => {
    await put(following(), { tier: 'Developer' });
    expect(await refresh(await renew(), PUSH)).toEqual({ is: 'follows' });
    expect(service.updates).toBe(0);
  });

  it('waits while somebody else updates the service, and is not updated where that was enough', async () => {
    await put();
    const fresh = await renew();
    service.provisioningState = 'Updating';
    const told = await pushed(fresh, PUSH, () => {
      const held = cloud.vault.lookUp('kv', name);
      if (held !== undefined) service.hosts.slice(2).forEach((host) => (host.held = held));
      service.provisioningState = 'Succeeded';
    });
    expect(told).toEqual({ is: 'pushed' });
    expect(writes()).toEqual([]);
  });

  it('does not wait for an update of somebody else where it would not be updated anyway', async () => {
    await put();
    service.provisioningState = 'Updating';
    expect(await refresh(await renew())).toEqual({ is: 'follows' });
    service.tier = 'Developer';
    expect(await refresh(await renew(), PUSH)).toEqual({ is: 'follows' });
  });

  it('does not wait for ever', async () => {
    await put();
    const fresh = await renew();
    const first = await refresh(fresh, PUSH);
    const operation = first.is === 'running' ? first.operation : '';
    const release = cloud.arm.slow(resource.id);
    cloud.ctx.clock.advance(3600_000);
    expect(await refresh(fresh, PUSH, operation)).toEqual(first);
    cloud.ctx.clock.advance(2.5 * 3600_000);
    const over = await failure(refresh(fresh, PUSH, operation));
    expect(over).toMatchObject({ code: 'CONFLICT', recovery: 'retry', remedy: containing('az apim show') });
    expect(service.updates).toBe(1);
    release();
    const third = await renew();
    await find();
    service.provisioningState = 'Updating';
    expect(await failure(refresh(third, PUSH, `waiting since 2020-01-01T00:00:00Z`))).toMatchObject({
      code: 'CONFLICT',
    });
  });
});

describe('a host that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    await put(pinned());
    expect(reference.pinned).toBe(old.version);
    const fresh = await renew();
    expect(await refresh(fresh, PUSH)).toMatchObject({ is: 'reported', remedy: containing('rewritePinned') });
    cloud.ctx.clock.advance(HOST_FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing(`names version ${old.version}`) });
    expect(service.updates).toBe(0);
  });

  it('is made to follow, with all others of the service, by one update', async () => {
    await put(pinned());
    const before = keptOf(service);
    const [one, two] = await find();
    const fresh = await renew();
    expect(await pushed(fresh, REWRITE)).toEqual({ is: 'pushed' });
    expect(urlsOf(service).slice(2)).toEqual(hosts.map(() => cloud.vault.url(name).replace(/\/$/, '')));
    expect(keptOf(service)).toEqual(before);
    for (const each of [one, two] as readonly Reference[]) {
      expect(await consumer().confirm(each, fresh, cloud.call())).toMatchObject({ is: 'adopted', proof: 'handshake' });
      expect(await consumer(REWRITE).refresh(each, fresh, undefined, cloud.call())).toEqual({ is: 'pushed' });
    }
    expect(service.updates).toBe(1);
  });

  it('is left to its owner in the Developer tier, who chooses when it is down', async () => {
    await put(pinned(), { tier: 'Developer' });
    const told = await refresh(await renew(), REWRITE);
    expect(told).toMatchObject({ is: 'reported', detail: containing('Developer tier is down') });
    expect(service.updates).toBe(0);
  });

  it('that somebody changes back during the update is not fought for', async () => {
    await put(pinned());
    const fresh = await renew();
    const first = await refresh(fresh, REWRITE);
    cloud.ctx.clock.advance(60_000);
    await find();
    service.hosts
      .slice(2)
      .forEach((host) => (host.body = { ...host.body, keyVaultId: cloud.vault.url(name, old.version) }));
    const operation = first.is === 'running' ? first.operation : '';
    expect(await refresh(fresh, REWRITE, operation)).toEqual(first);
    const error = await failure(refresh(fresh, REWRITE, operation));
    expect(error).toMatchObject({ code: 'CONFLICT', message: containing('somebody else changes it') });
    expect(service.updates).toBe(1);
  });
});

describe('what is served, and where', () => {
  it('is asked at the service’s own addresses, whatever stands in front of it', async () => {
    hosts = [`api${made}.elsewhere.sandbox.test`];
    old = await renew();
    await put(following().slice(0, 1));
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    // A tier whose addresses are not its own is asked where DNS leads, and there is a CDN.
    service.tier = 'StandardV2';
    const held = cloud.vault.lookUp('kv', 'uploaded');
    const mend = cloud.front.put(hosts[0] ?? '', '127.0.0.3', held === undefined ? [] : [held]);
    expect(await confirm(old)).toMatchObject({ is: 'unreachable', remedy: containing('nslookup') });
    mend();
  });

  it('is pending where one region of several is behind', async () => {
    await put();
    const held = cloud.vault.lookUp('kv', name, old.version);
    const fresh = await renew();
    cloud.ctx.clock.advance(HOST_FOLLOW_MS);
    const mend = cloud.front.put(hosts[0] ?? '', '127.0.0.2', held === undefined ? [] : [held]);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing('127.0.0.2') });
    properties({ additionalLocations: [{ publicIPAddresses: ['127.0.0.2'], disableGateway: true }] });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    mend();
  });

  it('is the service’s own word where its network is closed, marked as the weaker proof', async () => {
    await put();
    properties({ virtualNetworkType: 'Internal', privateIPAddresses: ['127.0.0.9'], additionalLocations: [] });
    const fresh = await renew();
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing(old.certificate?.sha1 ?? '?') });
    cloud.ctx.clock.advance(HOST_FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
  });
});

describe('what goes wrong', () => {
  it('a key that cannot be had, PEM, or a name that is not covered is refused before anything is sent', async () => {
    await put();
    const [first = ''] = hosts;
    const bad = await cloud.vault.make(name, {
      ...{ names: [first], keyType: 'EC', exportable: false, contentType: 'application/x-pem-file' },
    });
    const error = await failure(refresh(bad, PUSH));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems.map(({ path }) => path)).toEqual([
      ...['policy.key_props.exportable', 'policy.secret_props.contentType', 'policy.x509_props.sans'],
    ]);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it('a certificate whose status is Failed is named, with what its identity needs', async () => {
    await put();
    const fresh = await renew();
    service.hosts.slice(2).forEach((host) => (host.status = 'Failed'));
    const error = await failure(refresh(fresh));
    expect(error).toMatchObject({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: containing(hosts[0] ?? '?'),
    });
    expect(error.remedy).toContain('--role "Key Vault Secrets User"');
    properties({ publicIPAddresses: ['127.0.0.9'], additionalLocations: [] });
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing('its status Failed') });
  });

  it('a service that may not read the vault, or whose uploaded certificate cannot be sent back, says so', async () => {
    await put();
    const fresh = await renew();
    service.mayRead = false;
    const denied = await failure(refresh(fresh, PUSH));
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(denied.remedy).toContain('az apim show -g rg-sandbox');
    service.mayRead = true;
    delete service.hosts[1]?.held;
    const refused = await failure(refresh(fresh, PUSH));
    expect(refused).toMatchObject({ code: 'CONFIG_INVALID', remedy: containing('import it into a vault') });
    expect(service.updates).toBe(0);
  });

  it.each([
    [
      'KeyVaultFailure',
      'Failed to access KeyVault secret using Managed Service Identity',
      'ACCESS_DENIED',
      'Secrets User',
    ],
    ['ActivationFailed', 'The deployment of the units failed.', 'HUMAN_REQUIRED', 'az resource show'],
  ])('an update that ends as %s is no success', async (code, message, expected, remedy) => {
    await put();
    const fresh = await renew();
    const first = await refresh(fresh, PUSH);
    const body = { status: 'Failed', error: { code, message } };
    cloud.ctx.faults.add({ system: 'arm', match: '^GET .*/operations/', times: 1, action: { status: 200, body } });
    const error = await failure(refresh(fresh, PUSH, first.is === 'running' ? first.operation : ''));
    expect(error).toMatchObject({ code: expected, effect: 'unknown', remedy: containing(remedy) });
  });

  it('an operation of another ARM is not asked for', async () => {
    await put();
    const kept = 'asked since 2026-01-01T00:00:00.000Z at https://elsewhere.test/operations/1';
    expect(await failure(refresh(await renew(), PUSH, kept))).toMatchObject({ code: 'JOURNAL_INVALID' });
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it('a service in the state Failed is not changed any further', async () => {
    await put();
    service.provisioningState = 'Failed';
    expect(await refresh(await renew(), PUSH)).toMatchObject({ is: 'reported', detail: containing('state Failed') });
    expect(service.updates).toBe(0);
  });

  it('one change at a time: what refuses a second one passes', async () => {
    await put();
    const fresh = await renew();
    const busy = cloud.arm.busy(resource.id);
    const conflict = await failure(refresh(fresh, PUSH));
    expect(conflict).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    expect(conflict.message).toContain('PessimisticConcurrencyConflict');
    busy();
    expect(await pushed(fresh, PUSH)).toEqual({ is: 'pushed' });
  });

  it('a host that was given another certificate, or was taken away, is gone', async () => {
    await put();
    const fresh = await renew();
    service.hosts = service.hosts.slice(0, 2);
    for (const attempt of [confirm(fresh), refresh(fresh, PUSH)]) {
      expect(await failure(attempt)).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    }
    expect(writes()).toEqual([]);
  });
});
