import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../sandbox/arm/services/network/gateway.ts';
import { POLL_MS } from '../../sandbox/arm/services/network/gateway.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { applicationGateway } from '../../src/consumers/application-gateway/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { changeBySomebodyElse, makeGateway, urlsOf, type Listens } from './application-gateway.stage.ts';

/** An Application Gateway over ARM on the wire, and real handshakes with what it serves. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let host: string;
let old: VersionRef;
let resource: Resource;
let gateway: Gateway;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `web${made}`;
  host = `www${made}.sandbox.test`;
  old = await cloud.vault.make(name, { names: [host] });
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

function put(
  url: string,
  listens: readonly Listens[] = [{ certificate: 'tls', hosts: [host] }],
  tags?: Record<string, string>,
) {
  ({ resource, gateway } = makeGateway(cloud, { tls: url }, listens, tags));
  cloud.ctx.traffic.clear();
}
const renew = (names: readonly string[] = [host]): Promise<VersionRef> => cloud.vault.make(name, { names });
const consumer = (rewritePinned = false) =>
  applicationGateway({ arm: cloud.client, clock: cloud.clock, rewritePinned });

async function found(version = old): Promise<Reference> {
  const candidate = { id: resource.id, type: 'microsoft.network/applicationgateways', location: 'westeurope' };
  const references = await consumer().find(candidate, version.object, cloud.call());
  expect(references).toHaveLength(1);
  return references[0] as Reference;
}
const refresh = async (version: VersionRef, rewritePinned = false, operation?: string): Promise<Refreshed> =>
  consumer(rewritePinned).refresh(await found(version), version, operation, cloud.call());
const confirm = async (version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(await found(version), version, cloud.call());
const calls = (): string[] => cloud.ctx.traffic.entries.map(({ operation }) => operation.split(' ')[0] ?? '');

/** Follows what runs, as the engine does, up to its end. */
async function ended(version: VersionRef, started: Refreshed): Promise<Refreshed> {
  let now = started;
  for (let n = 0; n < 9 && now.is === 'running'; n += 1) now = await refresh(version, true, now.operation);
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

describe('what a gateway refers to', () => {
  it('is found by its certificates, each with its version and the hosts of its listeners', async () => {
    const api = await cloud.vault.make('api', { names: ['*.api.sandbox.test'] });
    ({ resource } = makeGateway(
      cloud,
      { one: cloud.vault.url(name), two: cloud.vault.url(name, old.version), three: cloud.vault.url('api') },
      [
        { certificate: 'one', hosts: [host, 'other.sandbox.test'] },
        { certificate: 'two', hosts: [] },
        { certificate: 'three', hosts: ['*.api.sandbox.test'] },
      ],
    ));
    const candidate = { id: resource.id, type: 'microsoft.network/applicationgateways', location: 'westeurope' };
    const find = (version: VersionRef) => consumer().find(candidate, version.object, cloud.call());
    const base = { kind: 'application-gateway', parent: resource.id };
    expect(await find(old)).toEqual([
      { ...base, id: `${resource.id}#sslCertificates/one`, hosts: [host, 'other.sandbox.test'] },
      { ...base, id: `${resource.id}#sslCertificates/two`, hosts: [], pinned: old.version },
    ]);
    expect(await find(api)).toMatchObject([{ hosts: ['*.api.sandbox.test'] }]);
    expect(await find({ ...old, object: { ...old.object, name: 'nobody' } })).toEqual([]);
  });
});

describe('a certificate without a version', () => {
  it('is looked for at once when a tag is changed, and no tag is lost', async () => {
    put(cloud.vault.url(name));
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    const fresh = await renew();
    const before = await confirm(fresh);
    expect(before).toMatchObject({ is: 'pending' });
    expect(before.detail).toContain(`serves ${old.certificate?.sha256 ?? ''}`);
    cloud.ctx.traffic.clear();
    expect(await refresh(fresh)).toEqual({ is: 'pushed' });
    expect(calls()).toEqual(['GET', 'GET', 'PATCH']);
    expect(gateway.body['tags']).toMatchObject({
      owner: 'shop',
      KeyturnRefreshed: expect.stringContaining(name) as string,
    });
    const after = await confirm(fresh);
    expect(after).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(after.detail).toContain(`${host} at 127.0.0.1:${cloud.front.port}`);
  });

  it('may be told again, which is another change', async () => {
    put(cloud.vault.url(name));
    const fresh = await renew();
    await refresh(fresh);
    const first = gateway.body['tags'];
    cloud.ctx.clock.advance(1000);
    await refresh(fresh);
    expect(gateway.body['tags']).not.toEqual(first);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('is found by the gateway itself within four hours, which is all where there is no room for a tag', async () => {
    const full = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`tag${n}`, '']));
    put(cloud.vault.url(name), undefined, full);
    const fresh = await renew();
    expect(await refresh(fresh)).toEqual({ is: 'follows' });
    expect(gateway.body['tags']).toEqual(full);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    cloud.ctx.clock.advance(POLL_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(consumer().lagMs.follows).toBe(POLL_MS);
  });

  it('is proven at the gateway’s own address, also for a wildcard and for a listener of every host', async () => {
    old = await cloud.vault.make(name, { names: [`*.${host}`] });
    put(cloud.vault.url(name), [{ certificate: 'tls', hosts: [`*.${host}`] }]);
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    cloud.arm.resources.remove(resource.id);
    host = `${host.replace('.sandbox.test', '')}.nowhere.sandbox.test`;
    old = await cloud.vault.make(name, { names: [host] });
    put(cloud.vault.url(name), [
      { certificate: 'tls', hosts: [host] },
      { certificate: 'tls', hosts: [] },
    ]);
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });
});

describe('where nobody can look from here', () => {
  it('the word of the gateway is the weaker proof', async () => {
    host = `${name}.nowhere.sandbox.test`;
    old = await cloud.vault.make(name, { names: [host] });
    put(cloud.vault.url(name));
    cloud.arm.resources.remove(addressId());
    const seen = await confirm(old);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    expect(seen.detail).toContain('ENOTFOUND');
    const fresh = await renew();
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    await refresh(fresh);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
  });

  it('a name that leads elsewhere tells nothing about the gateway', async () => {
    host = `${name}.elsewhere.sandbox.test`;
    old = await cloud.vault.make(name, { names: [host] });
    put(cloud.vault.url(name));
    cloud.arm.resources.remove(addressId());
    const fresh = await renew();
    const edge = await cloud.vault.make(`edge${name}`, { names: [host, 'edge.sandbox.test'] });
    const at = (version: VersionRef) =>
      cloud.vault.lookUp(new URL(version.object.vault).host, version.object.name, version.version);
    const serve = (version: VersionRef) => cloud.front.put(host, '127.0.0.3', [at(version) ?? []].flat());
    serve(edge);
    expect(await confirm(fresh)).toMatchObject({
      is: 'unreachable',
      remedy: expect.stringContaining('nslookup') as string,
    });
    // The edge has the new one already; the gateway behind it shows the old one.
    serve(fresh);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'pending' });
    expect(seen.detail).toContain('something else may stand in front of it');
  });

  it('a gateway that hangs, or whose listener is disabled, is unreachable, with what to look at', async () => {
    put(cloud.vault.url(name));
    cloud.ctx.faults.add({ system: 'tls', match: `^HELLO ${host}`, times: 1, action: { drop: 'before' } });
    expect(await confirm(old)).toMatchObject({ is: 'unreachable' });
    gateway.mayRead = false;
    const fresh = await renew();
    await refresh(fresh);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'unreachable', remedy: expect.stringContaining('openssl s_client') as string });
  });
});

function addressId(): string {
  return resource.id.replace('applicationGateways/agw', 'publicIPAddresses/pip');
}

describe('a certificate that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    put(cloud.vault.url(name, old.version));
    const fresh = await renew();
    expect(await confirm(fresh)).toMatchObject({
      is: 'pending',
      detail: expect.stringContaining(old.version) as string,
    });
    const told = await refresh(fresh);
    expect(told).toMatchObject({
      is: 'reported',
      remedy: expect.stringContaining('az network application-gateway ssl-cert update') as string,
    });
    expect(calls()).not.toContain('PUT');
  });

  it('follows from then on, by a PUT of the whole gateway that changes nothing else', async () => {
    put(cloud.vault.url(name, old.version));
    const before = structuredClone(gateway.body) as { properties: { sslCertificates: { properties: object }[] } };
    const fresh = await renew();
    const started = await refresh(fresh, true);
    expect(started).toMatchObject({ is: 'running', operation: expect.stringContaining('/operations/') as string });
    expect(gateway.provisioningState).toBe('Updating');
    expect(await ended(fresh, started)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(urlsOf(gateway)).toEqual([`https://kv.vault.sandbox.test/secrets/${name}`, undefined]);
    const { sslCertificates: _before, ...rest } = before.properties;
    expect(gateway.body).toMatchObject({ ...before, properties: rest });
    expect(await found(fresh)).not.toHaveProperty('pinned');
  });

  it('is left to the ingress controller where that writes the gateway', async () => {
    put(cloud.vault.url(name, old.version), undefined, { 'managed-by-k8s-ingress': '1.7.2' });
    const told = await refresh(await renew(), true);
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining('ingress controller') as string });
    expect(calls()).not.toContain('PUT');
  });
});

describe('a change by somebody else', () => {
  it('that supersedes ours is kept, and ours is made again on top of it', async () => {
    put(cloud.vault.url(name, old.version));
    const fresh = await renew();
    const started = await refresh(fresh, true);
    changeBySomebodyElse(cloud, resource, { backendAddressPools: [{ name: 'new-pool' }] });
    expect(await ended(fresh, started)).toEqual({ is: 'pushed' });
    expect(urlsOf(gateway)[0]).toBe(`https://kv.vault.sandbox.test/secrets/${name}`);
    expect(gateway.body).toMatchObject({ properties: { backendAddressPools: [{ name: 'new-pool' }] } });
  });

  it('that is under way is waited for; nothing is sent', async () => {
    put(cloud.vault.url(name));
    gateway.provisioningState = 'Updating';
    expect(await failure(refresh(await renew()))).toMatchObject({
      code: 'CONFLICT',
      recovery: 'retry',
      effect: 'none',
    });
    expect(calls()).not.toContain('PATCH');
  });

  it('at the same moment is a conflict, to be read again, and no throttling', async () => {
    put(cloud.vault.url(name, old.version));
    const mend = cloud.arm.busy(resource.id);
    expect(await failure(refresh(await renew(), true))).toMatchObject({
      code: 'CONFLICT',
      recovery: 'retry',
      effect: 'none',
    });
    mend();
  });

  it('that took the certificate away, or gave its entry another one, is no longer ours', async () => {
    put(cloud.vault.url(name));
    const reference = await found();
    const fresh = await renew();
    changeBySomebodyElse(cloud, resource, {
      sslCertificates: [{ name: 'tls', properties: { keyVaultSecretId: cloud.vault.url('other') } }],
    });
    expect(await failure(consumer().refresh(reference, fresh, undefined, cloud.call()))).toMatchObject({
      code: 'TARGET_NOT_FOUND',
    });
    expect(await failure(consumer().confirm(reference, fresh, cloud.call()))).toMatchObject({
      code: 'TARGET_NOT_FOUND',
    });
  });
});

describe('two certificates of one gateway, pushed at once', () => {
  /** Two entries for the same object, each pinned. */
  async function two(): Promise<readonly [first: Reference, second: Reference]> {
    const url = cloud.vault.url(name, old.version);
    ({ resource, gateway } = makeGateway(cloud, { tls: url, spare: url }, [{ certificate: 'tls', hosts: [host] }]));
    const candidate = { id: resource.id, type: '', location: '' };
    const [first, second] = await consumer().find(candidate, old.object, cloud.call());
    return [first as Reference, second as Reference];
  }
  const push = (reference: Reference, version: VersionRef, operation?: string) =>
    consumer(true).refresh(reference, version, operation, cloud.call());
  async function followed(reference: Reference, version: VersionRef, started: Refreshed): Promise<Refreshed> {
    let now = started;
    for (let n = 0; n < 9 && now.is === 'running'; n += 1) now = await push(reference, version, now.operation);
    return now;
  }
  const both = () => [`https://kv.vault.sandbox.test/secrets/${name}`, `https://kv.vault.sandbox.test/secrets/${name}`];

  it('come one after the other', async () => {
    const [first, second] = await two();
    const fresh = await renew();
    const started = await push(first, fresh);
    expect(await failure(push(second, fresh))).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    expect(await followed(first, fresh, started)).toEqual({ is: 'pushed' });
    expect(await followed(second, fresh, await push(second, fresh))).toEqual({ is: 'pushed' });
    expect(urlsOf(gateway).slice(0, 2)).toEqual(both());
  });

  it('do not undo each other, also where the gateway shows itself at rest too early', async () => {
    const [first, second] = await two();
    const fresh = await renew();
    const started = await push(first, fresh);
    // "provisioningState leaves Updating long before the operation ends" (azure-cli #32961).
    gateway.provisioningState = 'Succeeded';
    const superseding = await push(second, fresh);
    expect(await followed(second, fresh, superseding)).toEqual({ is: 'pushed' });
    expect(await followed(first, fresh, started)).toEqual({ is: 'pushed' });
    expect(urlsOf(gateway).slice(0, 2)).toEqual(both());
  });
});

describe('a gateway that must not be touched', () => {
  it('because it is stopped, is not started', async () => {
    put(cloud.vault.url(name, old.version));
    gateway.operationalState = 'Stopped';
    const told = await refresh(await renew(), true);
    expect(told).toMatchObject({
      is: 'reported',
      remedy: expect.stringContaining('application-gateway start') as string,
    });
    expect(gateway.operationalState).toBe('Stopped');
    expect(await confirm(old)).toMatchObject({
      is: 'unreachable',
      detail: expect.stringContaining('stopped') as string,
    });
  });

  it('because its last change failed, is named', async () => {
    put(cloud.vault.url(name));
    gateway.provisioningState = 'Failed';
    const told = await refresh(await renew());
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining('Failed') as string });
  });
});

describe('what goes wrong', () => {
  it('a version that it could not serve is refused before anything is sent', async () => {
    put(cloud.vault.url(name));
    const bad = await cloud.vault.make(name, {
      names: ['another.sandbox.test'],
      exportable: false,
      contentType: 'application/x-pem-file',
    });
    const reference = await found();
    cloud.ctx.traffic.clear();
    const error = await failure(consumer().refresh(reference, bad, undefined, cloud.call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems).toHaveLength(3);
    expect(calls()).toEqual([]);
  });

  it('an identity of the gateway that may not read the vault is named with what to grant', async () => {
    put(cloud.vault.url(name, old.version));
    gateway.mayRead = false;
    const fresh = await renew();
    const error = await failure(ended(fresh, await refresh(fresh, true)));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
    expect(error.message).toContain('ApplicationGatewayKeyVaultSecretException');
    expect(error.remedy).toContain('Key Vault Secrets User');
  });

  it('refusals are told apart, each with what to do', async () => {
    put(cloud.vault.url(name));
    const fresh = await renew();
    const deny = cloud.arm.deny('Microsoft.Network/applicationGateways/write', resource.id);
    const denied = await failure(refresh(fresh));
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(denied.remedy).toContain('--role "Network Contributor"');
    deny();
    const lock = cloud.arm.lock(resource.id);
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'CONFLICT', recovery: 'reconfigure' });
    lock();
    const reference = await found();
    const throttle = cloud.arm.throttle(resource.id, 7);
    expect(await failure(consumer().confirm(reference, fresh, cloud.call()))).toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: 7000,
    });
    throttle();
    cloud.ctx.faults.add({ system: 'arm', match: '^PATCH', times: 1, action: { status: 500 } });
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown' });
    cloud.ctx.faults.add({ system: 'arm', match: '^PATCH', times: 1, action: { drop: 'after' } });
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    const bring = cloud.arm.resources.remove(resource.id);
    expect(await failure(consumer().refresh(reference, fresh, undefined, cloud.call()))).toMatchObject({
      code: 'TARGET_NOT_FOUND',
    });
    bring();
  });

  it('an operation that is not of this ARM is not asked for: the token would go there', async () => {
    put(cloud.vault.url(name, old.version));
    const error = await failure(refresh(await renew(), true, 'https://evil.example/operations/1'));
    expect(error).toMatchObject({ code: 'JOURNAL_INVALID', recovery: 'human' });
    expect(error.message).toContain('evil.example');
  });

  it('an operation that is forgotten says nothing: the gateway is read again', async () => {
    put(cloud.vault.url(name, old.version));
    const fresh = await renew();
    const forgotten = `${cloud.arm.origin}/providers/Microsoft.Network/operations/00000000?api-version=2025-05-01`;
    const again = await refresh(fresh, true, forgotten);
    expect(again).toMatchObject({ is: 'running' });
    expect(await ended(fresh, again)).toEqual({ is: 'pushed' });
  });

  it('a call that ends is given up', async () => {
    put(cloud.vault.url(name));
    const reference = await found();
    const controller = new AbortController();
    controller.abort();
    const error = await failure(consumer().confirm(reference, old, cloud.call(controller.signal)));
    expect(error).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
  });
});
