import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Extension } from '../../sandbox/arm/services/compute/extension.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { createDiscovery } from '../../src/consumers/discovery.ts';
import { vmExtension } from '../../src/consumers/vm-extension/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { ARC_MACHINE, makeExtension, MACHINE, SET, toldOf } from './vm-extension.stage.ts';

/** The Key Vault extension of machines, over ARM on the wire. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let extension: Extension;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `vm-cert-${made}`;
  old = await renew();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  cloud.arm.resources.remove(resource.id);
});

const consumer = (rewritePinned = false) => vmExtension({ arm: cloud.client, rewritePinned });
const renew = (): Promise<VersionRef> => cloud.vault.make(name, { names: ['unused.test'], keyType: 'EC' });
function put(...made: Parameters<typeof makeExtension> extends [unknown, ...infer R] ? R : never): void {
  ({ resource, extension } = makeExtension(cloud, ...made));
}
const find = (version = old): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: '', location: '' }, version.object, cloud.call());
async function one(): Promise<Reference> {
  const [reference, ...more] = await find();
  expect(more).toEqual([]);
  cloud.ctx.traffic.clear();
  return reference as Reference;
}
async function pushed(reference: Reference, version: VersionRef, rewritePinned = false): Promise<Refreshed> {
  let now = await consumer(rewritePinned).refresh(reference, version, undefined, cloud.call());
  for (let n = 0; n < 9 && now.is === 'running'; n += 1)
    now = await consumer(rewritePinned).refresh(reference, version, now.operation, cloud.call());
  return now;
}
const confirm = (reference: Reference, version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(reference, version, cloud.call());
const writes = (): readonly string[] =>
  cloud.ctx.traffic.entries.map(({ operation }) => operation).filter((operation) => !operation.startsWith('GET'));
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

describe('what an extension observes', () => {
  it('is found in texts and in objects, those that follow together and those that name a version each', async () => {
    const url = cloud.vault.url(name);
    put([
      url,
      { url: url.toUpperCase().replace('HTTPS', 'https'), certificateStoreLocation: '/etc/app' },
      { url: cloud.vault.url(name, old.version), certificateStoreLocation: '/etc/old' },
      cloud.vault.url(`${name}0`),
      { url: 'no url' },
      7,
    ]);
    const base = { kind: 'vm-extension', parent: resource.id, hosts: [] };
    expect(await find()).toEqual([
      { ...base, id: `${resource.id}#secrets/${name}` },
      { ...base, id: `${resource.id}#secrets/${name}/${old.version}`, pinned: old.version },
    ]);
  });

  it('of another publisher is not looked at', async () => {
    put([cloud.vault.url(name)], { properties: { type: 'CustomScript' } });
    expect(await find()).toEqual([]);
  });

  it('is asked for only where Resource Graph’s copy mentions it: most extensions have nothing to do with a vault', async () => {
    put([cloud.vault.url(name)]);
    const others = [
      makeExtension(cloud, [], { properties: { publisher: 'Microsoft.Azure.Monitor', type: 'Agent', settings: {} } }),
      makeExtension(cloud, [cloud.vault.url('another')]),
    ];
    const discovery = createDiscovery({
      ...{ adapters: [consumer()], arm: cloud.client, clock: cloud.clock },
      subscriptions: [cloud.arm.subscriptionId],
    });
    cloud.ctx.traffic.clear();
    const { references, gaps } = await discovery.find(old.object, cloud.call());
    expect(gaps).toEqual([]);
    expect(references.map(({ parent }) => parent)).toEqual([resource.id]);
    const asked = cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm');
    expect(asked.map(({ operation }) => operation.split(' ')[0])).toEqual(['POST', 'GET']);
    for (const other of others) cloud.arm.resources.remove(other.resource.id);
  });
});

describe('an extension that follows', () => {
  it('is made to start anew, and nothing of it is lost', async () => {
    put([{ url: cloud.vault.url(name), acls: [{ user: 'app1' }] }], { properties: { suppressFailures: false } });
    const before = extension.properties;
    const reference = await one();
    const fresh = await renew();
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing('polling') });
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual([`PATCH ${resource.id}`]);
    expect(extension.starts).toBe(1);
    expect([...extension.installed.values()]).toEqual([fresh.version]);
    const { forceUpdateTag, ...rest } = extension.properties;
    expect(rest).toEqual(before);
    expect(forceUpdateTag).toContain(fresh.version.slice(0, 12));
    const seen = await confirm(reference, fresh);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'control-plane', detail: containing('not seen from here') });
  });

  it('is known to have started for each of several certificates', async () => {
    const other = await cloud.vault.make(`${name}-b`, { names: ['b.test'] });
    put([cloud.vault.url(name), cloud.vault.url(`${name}-b`)]);
    const [first, second] = [await one(), (await find(other))[0] as Reference];
    await pushed(first, old);
    await pushed(second, other);
    expect(await confirm(first, old)).toMatchObject({ is: 'adopted' });
    expect(await confirm(second, other)).toMatchObject({ is: 'adopted' });
    for (let n = 0; n < 12; n += 1) await pushed(second, await cloud.vault.make(`${name}-b`, { names: ['b.test'] }));
    expect(String(extension.properties['forceUpdateTag']).length).toBeLessThan(200);
  });

  it('that does not wait for its certificates tells nobody what it has', async () => {
    put([cloud.vault.url(name)], { management: { requireInitialSync: false } });
    const reference = await one();
    await pushed(reference, old);
    expect(await confirm(reference, old)).toMatchObject({ is: 'unreachable', remedy: containing('openssl x509') });
    put([cloud.vault.url(name)], {
      management: { requireInitialSync: undefined },
      properties: { type: 'KeyVaultForWindows', typeHandlerVersion: '4.0', ...toldOf(cloud, name) },
    });
    expect(await confirm(await one(), old)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
  });

  it('of an Arc machine is told the same way', async () => {
    put([cloud.vault.url(name)], {}, ARC_MACHINE);
    const reference = await one();
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    const allow = cloud.arm.deny('Microsoft.HybridCompute/machines/extensions/write', resource.id);
    const denied = await failure(pushed(reference, await renew()));
    allow();
    expect(denied.remedy).toContain('Azure Connected Machine Resource Administrator');
  });

  it('of a scale set is told in its model, and its instances tell nobody', async () => {
    put([cloud.vault.url(name)], {}, SET);
    const reference = await one();
    expect(reference).toMatchObject({
      id: `${resource.id}/extensions/KeyVault#secrets/${name}`,
      parent: resource.id,
    });
    const fresh = await renew();
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(extension.starts).toBe(1);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'unreachable', detail: containing('instances') });
  });

  it('of a scale set whose instances are brought to its model by hand is left to its own polling', async () => {
    put([cloud.vault.url(name)], {}, SET);
    extension.upgrades = 'Manual';
    const reference = await one();
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toEqual({ is: 'follows' });
    expect(writes()).toEqual([]);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'unreachable' });
  });
});

describe('an extension that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    put([{ url: cloud.vault.url(name, old.version) }]);
    const reference = await one();
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toMatchObject({ is: 'reported', remedy: containing('rewritePinned') });
    expect(writes()).toEqual([]);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing(old.version) });
  });

  it('follows from then on, and nothing else of its settings is changed', async () => {
    const { version } = await cloud.vault.make('other', { names: ['other.test'] });
    const [kept, other] = [{ url: cloud.vault.url(name), x: 1 }, cloud.vault.url('other', version)];
    const pinned = cloud.vault.url(name, old.version);
    put([kept, { url: pinned, certificateStoreName: 'MY', accounts: ['Network Service'] }, `${pinned}/`, other]);
    const before = structuredClone(extension.properties);
    const [, reference] = await find();
    const fresh = await renew();
    expect(await pushed(reference as Reference, fresh, true)).toMatchObject({ is: 'pushed' });
    const url = cloud.vault.url(name).replace(/\/$/, '');
    const entries = [kept, { url, certificateStoreName: 'MY', accounts: ['Network Service'] }, url, other];
    const settings = structuredClone(before['settings']) as { secretsManagementSettings: object };
    Object.assign(settings.secretsManagementSettings, { observedCertificates: entries });
    expect(extension.properties).toEqual({ ...before, settings, forceUpdateTag: containing('keyturn') });
    expect(await confirm(reference as Reference, fresh)).toMatchObject({ is: 'adopted' });
  });
});

describe('what goes wrong', () => {
  it('a machine that is off is named, and not started', async () => {
    put([cloud.vault.url(name)]);
    const reference = await one();
    extension.isMachineOff = true;
    expect(await pushed(reference, await renew())).toMatchObject({ is: 'reported', remedy: containing('az vm start') });
  });

  it('a URL that gives no private key is named', async () => {
    put([cloud.vault.url(name).replace('/secrets/', '/certificates/')]);
    expect(await pushed(await one(), old)).toMatchObject({ is: 'reported', remedy: containing('/secrets/') });
    expect(writes()).toEqual([]);
  });

  it('a certificate without its key is refused before anything is sent', async () => {
    put([cloud.vault.url(name)]);
    const reference = await one();
    const bad = await cloud.vault.make(name, { names: ['unused.test'], exportable: false });
    expect(await failure(pushed(reference, bad))).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it('a machine whose identity may not read the vault is named with what to grant', async () => {
    put([cloud.vault.url(name)]);
    const reference = await one();
    extension.mayRead = false;
    const fresh = await renew();
    const error = await failure(pushed(reference, fresh));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'unknown' });
    expect(error.remedy).toContain('Key Vault Secrets User');
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing('403') });
  });

  it('a failure that has another cause is for a person to see', async () => {
    put([cloud.vault.url(name)]);
    const reference = await one();
    const body = { status: 'Failed', error: { code: 'VMExtensionProvisioningTimeout', message: 'No answer.' } };
    cloud.ctx.faults.add({ system: 'arm', match: '/operations/', times: 1, action: { status: 200, body } });
    expect(await failure(pushed(reference, await renew()))).toMatchObject({ code: 'HUMAN_REQUIRED' });
  });

  it('an entry that was taken away, and an operation of somebody else’s ARM, are not followed', async () => {
    put([cloud.vault.url(name)]);
    const reference = await one();
    const elsewhere = consumer().refresh(reference, old, 'https://evil.example/operations/1', cloud.call());
    expect(await failure(elsewhere)).toMatchObject({ code: 'JOURNAL_INVALID' });
    extension.properties = { ...extension.properties, settings: {} };
    expect(await failure(pushed(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(confirm(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(resource.service.address).toBe(MACHINE);
  });
});
