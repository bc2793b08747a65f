import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CERTIFICATE_LAG_MS, type Held } from '../../sandbox/arm/services/app/environment.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { containerAppsCertificate } from '../../src/consumers/container-apps-certificate/consumer.ts';
import { createDiscovery } from '../../src/consumers/discovery.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import {
  giveSuffix,
  IDENTITY,
  makeCertificate,
  makeContainerApp,
  makeEnvironment,
  type MadeEnvironment,
} from './container-apps.stage.ts';

/** Certificates of Container Apps environments over ARM on the wire, and real handshakes with what their apps serve. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let host: string;
let old: VersionRef;
let environment: MadeEnvironment;
let gone: Resource[];

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  [name, host] = [`web${made}`, `www${made}.sandbox.test`];
  old = await renew();
  environment = makeEnvironment(cloud);
  gone = [environment.resource];
  cloud.ctx.traffic.clear();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  for (const { id } of gone) cloud.arm.resources.remove(id);
});

const renew = (): Promise<VersionRef> => cloud.vault.make(name, { names: [host, `*.${host}`], keyType: 'EC' });
const consumer = (rewritePinned = false) =>
  containerAppsCertificate({ arm: cloud.client, clock: cloud.clock, rewritePinned, port: cloud.front.port });

/** A certificate that an app binds to the host. */
function bound(url: string): { resource: Resource; held: Held } {
  const certificate = makeCertificate(cloud, environment, url);
  // ARM gives ids back in another case than they were given.
  const app = makeContainerApp(cloud, { environment, domains: { [host]: certificate.resource.id.toUpperCase() } });
  gone.push(certificate.resource, app.resource);
  return certificate;
}
async function found(resource: Resource, version = old): Promise<Reference> {
  const candidate = { id: resource.id, type: '', location: '' };
  const [one, ...more] = await consumer().find(candidate, version.object, cloud.call());
  expect(more).toEqual([]);
  cloud.ctx.traffic.clear();
  return one as Reference;
}
const refresh = (reference: Reference, version: VersionRef, operation?: string, rewrite = false): Promise<Refreshed> =>
  consumer(rewrite).refresh(reference, version, operation, cloud.call());
const confirm = (reference: Reference, version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(reference, version, cloud.call());
async function pushed(reference: Reference, version: VersionRef, rewrite = false): Promise<Refreshed> {
  let now = await refresh(reference, version, undefined, rewrite);
  for (let n = 0; n < 40 && now.is === 'running'; n += 1) {
    cloud.ctx.clock.advance(15_000);
    now = await refresh(reference, version, now.operation, rewrite);
  }
  return now;
}
const writes = (): readonly string[] =>
  cloud.ctx.traffic.entries.map(({ operation }) => operation).filter((one) => /^(?:PUT|PATCH|DELETE)/.test(one));
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|PRIVATE KEY/);
  return error;
}

describe('what an environment refers to', () => {
  it('is found with the domains of the apps that bind it, and no other', async () => {
    const { resource } = bound(cloud.vault.url(name));
    const other = makeContainerApp(cloud, { environment, domains: { 'b.sandbox.test': 'another-certificate' } });
    const unbound = makeContainerApp(cloud, {
      environment,
      domains: { 'c.sandbox.test': resource.id },
      binding: 'Disabled',
    });
    gone.push(other.resource, unbound.resource);
    expect(await found(resource)).toEqual({
      ...{ kind: 'container-apps-certificate', id: resource.id, parent: environment.resource.id, hosts: [host] },
    });
    expect(await found(environment.resource)).toBeUndefined();
    const unused = makeCertificate(cloud, environment, cloud.vault.url(name, old.version));
    gone.push(unused.resource);
    expect(await found(unused.resource)).toMatchObject({ hosts: [], pinned: old.version });
  });

  it('costs one GET of who refers to it and one list of the apps around it', async () => {
    const { resource } = bound(cloud.vault.url(name));
    gone.push(makeCertificate(cloud, environment, cloud.vault.url('other')).resource);
    const [arm, clock] = [cloud.client, cloud.clock];
    const subscriptions = [cloud.arm.subscriptionId];
    const discovery = createDiscovery({ adapters: [consumer()], arm, clock, subscriptions });
    const { references, gaps } = await discovery.find(old.object, cloud.call());
    expect([references.map(({ id }) => id), gaps]).toEqual([[resource.id], []]);
    // The environment's copy in the graph says nothing of a vault: so it is asked.
    const asked = cloud.ctx.traffic.entries.map(({ operation }) => operation).filter((one) => one.includes('App/'));
    expect(asked.filter((one) => one.includes('/certificates/'))).toHaveLength(1);
    expect(asked.filter((one) => one.endsWith('/containerApps'))).toHaveLength(1);
    expect(asked).toHaveLength(3);
  });

  it('has the DNS suffix of the environment, which every app of it serves', async () => {
    giveSuffix(cloud, environment, host, cloud.vault.url(name));
    const inside = makeContainerApp(cloud, { environment });
    gone.push(inside.resource);
    const reference = await found(environment.resource);
    expect(reference).toEqual({
      kind: 'container-apps-certificate',
      id: `${environment.resource.id}#customDomainConfiguration`,
      parent: environment.resource.id,
      hosts: [`*.${host}`, `${inside.resource.names['name'] ?? ''}.${host}`],
    });
    expect(await confirm(reference, old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });
});

describe('a certificate that follows', () => {
  it('is put again with all that is the user’s, and proven by handshakes', async () => {
    const { resource, held } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    const { more, tags } = structuredClone(held);
    const fresh = await renew();
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    expect(await refresh(reference, fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toHaveLength(1);
    expect(held).toMatchObject({ more, tags, identity: IDENTITY, keyVaultUrl: cloud.vault.url(name) });
    expect(await confirm(reference, fresh)).toMatchObject({
      ...{ is: 'adopted', proof: 'handshake', detail: expect.stringContaining(host) as string },
    });
  });

  it('that takes its time is waited for', async () => {
    const { resource, held } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    const fresh = await renew();
    held.lag = 3;
    const first = await refresh(reference, fresh);
    expect(first).toMatchObject({ is: 'running', operation: expect.stringMatching(/^put since \S+$/) as string });
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
  });

  it('follows in its own time where putting it does not make the service look', async () => {
    const { resource, held } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    held.looksWhenPut = false;
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toEqual({ is: 'follows' });
    expect(writes()).toHaveLength(1);
    expect(await confirm(reference, fresh)).toMatchObject({
      ...{ is: 'pending', detail: expect.stringContaining(old.certificate?.sha1 ?? '?') as string },
    });
    cloud.ctx.clock.advance(CERTIFICATE_LAG_MS);
    expect(consumer().lagMs.follows).toBe(CERTIFICATE_LAG_MS);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('that no app binds, or whose host is closed to us, has the weaker proof', async () => {
    const unused = makeCertificate(cloud, environment, cloud.vault.url(name));
    gone.push(unused.resource);
    expect(await confirm(await found(unused.resource), old)).toMatchObject({
      ...{ is: 'adopted', proof: 'control-plane', detail: expect.stringContaining('no host name is bound') as string },
    });
  });
});

describe('the certificate of a DNS suffix', () => {
  it('is sent again by a PATCH that is followed to its end, also after a crash', async () => {
    const held = giveSuffix(cloud, environment, host, cloud.vault.url(name));
    const app = makeContainerApp(cloud, { environment });
    gone.push(app.resource);
    const reference = await found(environment.resource);
    const fresh = await renew();
    const first = await refresh(reference, fresh);
    expect(first).toMatchObject({ operation: expect.stringMatching(/^put since \S+ at https:/) as string });
    const slow = cloud.arm.slow(environment.resource.id);
    expect(await refresh(reference, fresh, first.is === 'running' ? first.operation : '')).toEqual(first);
    slow();
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(held).toMatchObject({ identity: IDENTITY, seen: { version: fresh.version } });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('is put again when its operation was canceled for another change, and follows where it is forgotten', async () => {
    const held = giveSuffix(cloud, environment, host, cloud.vault.url(name));
    const reference = await found(environment.resource);
    const fresh = await renew();
    const first = await refresh(reference, fresh);
    cloud.arm.supersede(environment.resource.id);
    const operation = first.is === 'running' ? first.operation : '';
    await refresh(reference, fresh, operation);
    expect(await refresh(reference, fresh, operation)).toMatchObject({ is: 'running' });
    expect(writes()).toHaveLength(2);
    const forgotten = `${cloud.arm.origin}/providers/Microsoft.App/operations/0?api-version=2025-07-01`;
    held.looksWhenPut = false;
    const since = new Date(cloud.ctx.clock.now().getTime() - 3_600_000).toISOString();
    expect(await refresh(reference, fresh, `put since ${since} at ${forgotten}`)).toEqual({ is: 'follows' });
  });

  it('names the grant when its operation fails for the vault', async () => {
    const held = giveSuffix(cloud, environment, host, cloud.vault.url(name));
    const reference = await found(environment.resource);
    held.mayRead = false;
    const error = await failure(pushed(reference, await renew()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.remedy).toContain('az containerapp env identity show');
  });
});

describe('a certificate that names a version', () => {
  it('of a DNS suffix is left alone with the command for it', async () => {
    giveSuffix(cloud, environment, host, cloud.vault.url(name, old.version));
    const told = await refresh(await found(environment.resource), await renew());
    expect(told).toMatchObject({ remedy: expect.stringContaining(`--dns-suffix ${host}`) as string });
    expect(writes()).toEqual([]);
  });

  it('is left alone unless the settings allow to let it follow', async () => {
    const { resource, held } = bound(cloud.vault.url(name, old.version));
    const reference = await found(resource);
    expect(reference).toMatchObject({ pinned: old.version });
    const fresh = await renew();
    const told = await refresh(reference, fresh);
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining(old.version) as string });
    expect(told).toMatchObject({ remedy: expect.stringContaining('az containerapp env certificate upload') as string });
    expect(writes()).toEqual([]);
    expect(await pushed(reference, fresh, true)).toEqual({ is: 'pushed' });
    expect(held.keyVaultUrl).toBe(`https://kv.vault.sandbox.test/secrets/${name}`);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });
});

describe('what goes wrong', () => {
  it('a version that does not cover a host, or has no key, is refused before anything is sent', async () => {
    const { resource } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    const bad = await cloud.vault.make(name, { names: ['another.sandbox.test'], exportable: false });
    const error = await failure(refresh(reference, bad));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems).toHaveLength(2);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it.each([
    ['refused at once', 0],
    ['found out later', 1],
  ])('an environment whose identity may not read the vault, %s, names the grant', async (_name, lag) => {
    const { resource, held } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    Object.assign(held, { mayRead: false, lag });
    const error = await failure(pushed(reference, await renew()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.remedy).toContain('Key Vault Secrets User');
  });

  it('one that was given another secret, or an uploaded file, is no longer ours', async () => {
    const { resource, held } = bound(cloud.vault.url(name));
    const reference = await found(resource);
    for (const url of [cloud.vault.url('other'), '']) {
      held.keyVaultUrl = url;
      expect(await failure(refresh(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
      expect(await failure(confirm(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    }
  });

  it('apps that may not be listed are named with what to grant: their hosts would not be known', async () => {
    const { resource } = bound(cloud.vault.url(name));
    const allow = cloud.arm.deny('Microsoft.App/containerApps/read', `/subscriptions/${cloud.arm.subscriptionId}`);
    const error = await failure(found(resource));
    allow();
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.remedy).toContain('--role "Reader" --scope "/subscriptions/');
  });

  it('an operation that is not of this ARM is not asked for: the token would go there', async () => {
    giveSuffix(cloud, environment, host, cloud.vault.url(name));
    const reference = await found(environment.resource);
    const elsewhere = 'put since 2026-01-01T00:00:00Z at https://evil.example/operations/1';
    expect(await failure(refresh(reference, await renew(), elsewhere))).toMatchObject({ code: 'JOURNAL_INVALID' });
  });
});
