import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CERTIFICATE_LAG_MS } from '../../sandbox/arm/services/web/certificates.ts';
import { siteOf, thumbprintOf, type CertificateState, type SiteState } from '../../sandbox/arm/services/web/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { appServiceCertificate } from '../../src/consumers/app-service-certificate/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { bindHost, makeCertificate, makeSite, VAULT_ID } from './app-service.stage.ts';

/** Certificates of App Service and the host names bound to them, over ARM on the wire, and real handshakes with what is served. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let hosts: readonly [site: string, slot: string, ip: string];
let old: VersionRef;
let resource: Resource;
let state: CertificateState;
let site: SiteState;
let slot: SiteState;
let reference: Reference;
let mine: Resource[] = [];

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `Shop-TLS-${made}`;
  hosts = [`www${made}.sandbox.test`, `staging${made}.sandbox.test`, `ip${made}.sandbox.test`];
  old = await renew();
  ({ resource, state } = makeCertificate(cloud, name));
  const [first, second] = [makeSite(cloud, {}), makeSite(cloud, {}, 'staging')];
  [site, slot] = [first.site, second.site];
  mine = [resource, first.resource, second.resource];
  bindHost(site, hosts[0], state);
  bindHost(slot, hosts[1], state);
  bindHost(site, hosts[2], state, 'IpBasedEnabled');
  reference = (await find())[0] as Reference;
  cloud.ctx.traffic.clear();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  for (const { id } of mine) cloud.arm.resources.remove(id);
});

const renew = (names: readonly string[] = hosts): Promise<VersionRef> => cloud.vault.make(name, { names });
const consumer = () => appServiceCertificate({ arm: cloud.client, clock: cloud.clock, port: cloud.front.port });
const find = (version = old): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: 'microsoft.web/certificates', location: '' }, version.object, cloud.call());
const refresh = (version: VersionRef, operation?: string, signal?: AbortSignal): Promise<Refreshed> =>
  consumer().refresh(reference, version, operation, cloud.call(signal));
const confirm = (version: VersionRef): Promise<Confirmation> => consumer().confirm(reference, version, cloud.call());
async function pushed(version: VersionRef): Promise<Refreshed> {
  let now = await refresh(version);
  for (let n = 0; n < 5 && now.is === 'running'; n += 1) now = await refresh(version, now.operation);
  return now;
}
const planIn = (group: string): string =>
  `/subscriptions/${cloud.arm.subscriptionId}/resourceGroups/${group}/providers/Microsoft.Web/serverfarms/p`;
const writes = (): readonly string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation.replace(/^(\w+) .*\/Microsoft\.Web\//, '$1 '));

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|PRIVATE KEY/);
  return error;
}

describe('what a certificate refers to', () => {
  it('is found whatever the case, with the hosts of sites and slots that are bound to it', async () => {
    expect(await find()).toEqual([
      { kind: 'app-service-certificate', id: resource.id, parent: resource.id, hosts: expect.anything() as string[] },
    ]);
    expect([...reference.hosts].sort()).toEqual([...hosts].sort());
  });

  it('is nothing where it was uploaded, or comes from elsewhere, and costs one call', async () => {
    for (const change of [{ keyVaultSecretName: 'another' }, { keyVaultId: '' }, { keyVaultId: `${VAULT_ID}2` }]) {
      Object.assign(state, { keyVaultId: VAULT_ID, keyVaultSecretName: name, ...change });
      cloud.ctx.traffic.clear();
      expect(await find()).toEqual([]);
      expect(cloud.ctx.traffic.entries).toHaveLength(1);
    }
  });

  it('is also bound in other groups, by the sites on its plan', async () => {
    cloud.arm.accounts.resourceGroups.add('rg-apps');
    const start = `/subscriptions/${cloud.arm.subscriptionId}/resourceGroups`;
    const plan = cloud.arm.resources.create(`${start}/rg-sandbox`, 'Microsoft.Web/serverfarms/{name}', {
      name: 'plan',
    });
    const app = cloud.arm.resources.create(`${start}/rg-apps`, 'Microsoft.Web/sites/{name}', { name: 'app' });
    const two = cloud.arm.resources.create(`${start}/rg-apps`, 'Microsoft.Web/sites/{name}/slots/{slot}', {
      name: 'app',
      slot: 'next',
    });
    mine.push(plan, app, two);
    state.serverFarmId = plan.id;
    siteOf(app).serverFarmId = plan.id;
    bindHost(siteOf(two), 'next.sandbox.test', state);
    expect((await find())[0]?.hosts).toContain('next.sandbox.test');
    cloud.arm.resources.remove(plan.id);
    expect((await find())[0]?.hosts).not.toContain('next.sandbox.test');
  });
});

describe('a new version', () => {
  it('is taken by the same resource put again, and served by every binding', async () => {
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    const fresh = await renew();
    const before = await confirm(fresh);
    expect(before).toMatchObject({
      is: 'pending',
      detail: expect.stringContaining(old.certificate?.sha1 ?? '-') as string,
    });
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual([`PUT certificates/${resource.names['name'] ?? ''}`]);
    expect(state).toMatchObject({ tags: { owner: 'shop' } });
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(seen.detail).toContain(hosts[0]);
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toHaveLength(1);
  });

  it('is bound by us where the bindings stay behind, each as it was: by name or by address', async () => {
    state.bindingsFollow = false;
    const foreign = await cloud.vault.make(`foreign${made}`, { names: ['foreign.sandbox.test'] });
    const other = makeCertificate(cloud, foreign.object.name);
    mine.push(other.resource);
    bindHost(site, 'foreign.sandbox.test', other.state);
    const fresh = await renew();
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(writes().filter((one) => one.includes('hostNameBindings'))).toHaveLength(3);
    const sha1 = fresh.certificate?.sha1;
    expect(site.bindings.get(hosts[0])).toMatchObject({ sslState: 'SniEnabled', thumbprint: sha1 });
    expect(slot.bindings.get(hosts[1])).toMatchObject({ sslState: 'SniEnabled', thumbprint: sha1 });
    expect(site.bindings.get(hosts[2])).toMatchObject({ sslState: 'IpBasedEnabled', thumbprint: sha1 });
    expect(site.bindings.get(hosts[2])?.virtualIP).toBe('20.0.0.7');
    expect(site.bindings.get('foreign.sandbox.test')?.thumbprint).toBe(foreign.certificate?.sha1);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('is bound on after a crash between the two, since the old thumbprint was kept before', async () => {
    state.bindingsFollow = false;
    const fresh = await renew();
    const begun = await refresh(fresh);
    expect(begun).toEqual({ is: 'running', operation: `put over ${old.certificate?.sha1 ?? '-'}` });
    expect(writes()).toEqual([]);
    cloud.ctx.faults.add({ system: 'arm', match: 'PUT .*hostNameBindings', times: 1, action: { status: 503 } });
    const operation = `put over ${old.certificate?.sha1 ?? '-'}`;
    expect(await failure(refresh(fresh, operation))).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' });
    const half = await confirm(fresh);
    expect(half).toMatchObject({ is: 'pending', detail: expect.stringContaining('is bound to') as string });
    expect(await refresh(fresh, operation)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('that App Service took by itself is seen; a host that did not come along is told to a person', async () => {
    state.bindingsFollow = false;
    const fresh = await renew();
    cloud.ctx.clock.advance(CERTIFICATE_LAG_MS);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'pending', detail: expect.stringContaining('is bound to') as string });
    const told = await pushed(fresh);
    expect(told).toMatchObject({
      is: 'reported',
      remedy: expect.stringContaining(`--certificate-thumbprint ${fresh.certificate?.sha1 ?? '-'}`) as string,
    });
    expect(consumer().lagMs.follows).toBe(CERTIFICATE_LAG_MS);
  });

  it('is not bound over what somebody else has bound since', async () => {
    state.bindingsFollow = false;
    const other = makeCertificate(cloud, (await cloud.vault.make(`x${made}`, { names: hosts })).object.name);
    mine.push(other.resource);
    const fresh = await renew();
    await refresh(fresh);
    bindHost(site, hosts[0], other.state);
    expect(await refresh(fresh, `put over ${old.certificate?.sha1 ?? '-'}`)).toEqual({ is: 'pushed' });
    expect(site.bindings.get(hosts[0])?.thumbprint).toBe(thumbprintOf(other.state.seen));
  });

  it.each(['GET', 'PUT'])('is bound to the others where one binding has vanished (404 to the %s)', async (method) => {
    state.bindingsFollow = false;
    const fresh = await renew();
    const operation = `put over ${old.certificate?.sha1 ?? '-'}`;
    const body = { error: { code: 'NotFound', message: 'Hostname was not found.' } };
    cloud.ctx.faults.add({
      system: 'arm',
      match: `^${method} .*hostNameBindings`,
      times: 1,
      action: { status: 404, body },
    });
    expect(await refresh(fresh, operation)).toEqual({ is: 'pushed' });
    const bound = [...site.bindings.values(), ...slot.bindings.values()];
    expect(bound.filter(({ thumbprint }) => thumbprint === fresh.certificate?.sha1)).toHaveLength(2);
    // It is there still: so it is named, and the certificate is not gone.
    expect(await confirm(fresh)).toMatchObject({
      is: 'pending',
      detail: expect.stringContaining('is bound to') as string,
    });
    for (const one of [site, slot]) {
      for (const [host, { thumbprint }] of one.bindings)
        if (thumbprint === old.certificate?.sha1) one.bindings.delete(host);
    }
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('is served by the sites that are there when one is deleted half-way', async () => {
    state.bindingsFollow = false;
    const fresh = await renew();
    await refresh(fresh);
    cloud.arm.resources.remove(mine[2]?.id ?? '');
    expect(await refresh(fresh, `put over ${old.certificate?.sha1 ?? '-'}`)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('is looked for around it also when a group of a site on its plan is being deleted', async () => {
    const start = `/subscriptions/${cloud.arm.subscriptionId}/resourceGroups`;
    const plan = cloud.arm.resources.create(`${start}/rg-sandbox`, 'Microsoft.Web/serverfarms/{name}', {
      name: `p${made}`,
    });
    const app = cloud.arm.resources.create(`${start}/rg-going`, 'Microsoft.Web/sites/{name}', { name: `going${made}` });
    mine.push(plan, app);
    state.serverFarmId = plan.id;
    siteOf(app).serverFarmId = plan.id;
    // The group is not there any more, and the plan lists its site still.
    expect([...((await find())[0]?.hosts ?? [])].sort()).toEqual([...hosts].sort());
    expect(await confirm(old)).toMatchObject({ is: 'adopted' });
  });

  it.each([
    ['region', () => ({ location: 'North Europe' })],
    ['plan’s group', () => ({ serverFarmId: planIn('rg-other') })],
  ])('of another %s is another certificate’s affair, with the same thumbprint', async (_, elsewhere) => {
    state.bindingsFollow = false;
    state.serverFarmId = planIn('rg-sandbox');
    const other = makeCertificate(cloud, name);
    const far = makeSite(cloud, {});
    mine.push(other.resource, far.resource);
    Object.assign(other.state, { serverFarmId: state.serverFarmId }, elsewhere());
    Object.assign(far.site, elsewhere());
    bindHost(far.site, 'far.sandbox.test', other.state);
    expect((await find())[0]?.hosts).not.toContain('far.sandbox.test');
    const fresh = await renew([...hosts, 'far.sandbox.test']);
    await pushed(fresh);
    expect(writes().filter((one) => one.includes('hostNameBindings'))).toHaveLength(3);
    expect(far.site.bindings.get('far.sandbox.test')?.thumbprint).toBe(old.certificate?.sha1);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });

  it('of a certificate whose plan is gone is refused, and the certificate is not taken for gone', async () => {
    const fresh = await renew();
    const body = { error: { code: 'ResourceNotFound', message: 'The Resource serverfarms/plan was not found.' } };
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT .*certificates', times: 1, action: { status: 404, body } });
    const error = await failure(pushed(fresh));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('properties.serverFarmId');
  });

  it('of a certificate that is bound to nothing is proven by what App Service shows', async () => {
    site.bindings.clear();
    slot.bindings.clear();
    reference = (await find())[0] as Reference;
    const fresh = await renew();
    await pushed(fresh);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
  });

  it('is pending while one front end serves the old one', async () => {
    const fresh = await renew();
    await pushed(fresh);
    const held = cloud.vault.lookUp('kv', name, old.version);
    const mend = cloud.front.put(hosts[0], '127.0.0.1', held === undefined ? [] : [held]);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    mend();
  });
});

describe('what goes wrong', () => {
  it.each([
    [{ exportable: false }, 'policy.key_props.exportable'],
    [{ contentType: 'application/x-pem-file' }, 'policy.secret_props.contentType'],
    [{ names: ['elsewhere.sandbox.test'] }, 'policy.x509_props.sans'],
  ])('a version that it could not serve is refused before anything is sent: %o', async (change, path) => {
    const bad = await cloud.vault.make(name, { names: hosts, ...change });
    const error = await failure(refresh(bad));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems.map((one) => one.path)).toEqual([path]);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it.each(['refused', 'silent'] as const)(
    'App Service without access to the vault names the grant: %s',
    async (access) => {
      const fresh = await renew();
      state.access = access;
      const error = await failure(pushed(fresh));
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(error.remedy).toContain('abfa0a7c-a6b6-4736-8310-5855508787cd');
      expect(await confirm(old)).toMatchObject({ is: 'adopted' });
      expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    },
  );

  it('a version that is disabled is named', async () => {
    const fresh = await renew();
    cloud.vault.disable(name, fresh.version);
    const error = await failure(pushed(fresh));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(error.message).toContain('KeyVaultSecretDoesNotExist');
  });

  it('a version that is not the newest any more is tried again', async () => {
    const second = await renew();
    await renew();
    expect(await failure(pushed(second))).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
  });

  it('a certificate that was deleted, or comes from elsewhere now, is gone', async () => {
    const fresh = await renew();
    const operation = `put over ${old.certificate?.sha1 ?? '-'}`;
    const restore = cloud.arm.resources.remove(resource.id);
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(refresh(fresh, operation))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    restore();
    state.keyVaultSecretName = 'another';
    expect(await failure(refresh(fresh, operation))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(confirm(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(writes()).toEqual([]);
  });

  it('refusals are told apart, each with what to do', async () => {
    const fresh = await renew();
    const go = (signal?: AbortSignal) => refresh(fresh, `put over ${old.certificate?.sha1 ?? '-'}`, signal);
    const fault = (match: string, action: Parameters<typeof cloud.ctx.faults.add>[0]['action']): void => {
      cloud.ctx.faults.add({ system: 'arm', match, times: 1, action });
    };
    const deny = cloud.arm.deny('Microsoft.Web/certificates/write', resource.id);
    const denied = await failure(go());
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(denied.remedy).toContain('--role "Website Contributor"');
    deny();
    const throttle = cloud.arm.throttle(resource.id, 7);
    expect(await failure(confirm(fresh))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 7000 });
    throttle();
    fault('^GET', { status: 401, body: { error: { code: 'InvalidAuthenticationToken', message: 'expired' } } });
    expect(await failure(go())).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
    fault('^PUT', { status: 409, body: { error: { code: 'Conflict', message: 'used for hostname' } } });
    expect(await failure(go())).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    fault('^PUT', { status: 500 });
    expect(await failure(go())).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' });
    expect(await failure(go(AbortSignal.abort()))).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
    fault('^PUT', { drop: 'after' });
    expect(await failure(go())).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    // It had been applied: the next call finds that, and puts nothing again.
    cloud.ctx.traffic.clear();
    expect(await go()).toEqual({ is: 'pushed' });
    expect(writes()).toEqual([]);
  });

  it('an answer that is junk is no certificate of the vault', async () => {
    for (const body of ['[]', '{"properties":{"keyVaultId":7}}', '']) {
      cloud.ctx.faults.add({ system: 'arm', match: '^GET', times: 1, action: { status: 200, body } });
      expect(await find()).toEqual([]);
    }
  });
});
