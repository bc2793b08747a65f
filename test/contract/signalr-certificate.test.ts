import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FOLLOW_MS, type Hub } from '../../sandbox/arm/services/signalr/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { hubCertificate, type HubDeps } from '../../src/consumers/signalr-certificate/consumer.ts';
import { SIGNALR, type HubRow } from '../../src/consumers/signalr-certificate/rows.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { makeHub, ROWS, type Bound } from './signalr-certificate.stage.ts';

/** Custom certificates of SignalR and Web PubSub over ARM on the wire, and real handshakes with what their domains serve. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let hosts: readonly string[];
let old: VersionRef;
let resource: Resource;
let hub: Hub;
let reference: Reference;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `live${made}`;
  hosts = [`live${made}.sandbox.test`];
  old = await renew();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

const REWRITE = { rewritePinned: true } as const;
const consumer = (settings: Partial<HubDeps> = {}, row: HubRow = SIGNALR) =>
  hubCertificate(row, {
    ...{ arm: cloud.client, clock: cloud.clock, rewritePinned: false, port: cloud.front.port },
    ...settings,
  });
const renew = (): Promise<VersionRef> => cloud.vault.make(name, { names: hosts, keyType: 'EC' });
const find = (row?: HubRow): Promise<readonly Reference[]> =>
  consumer({}, row).find({ id: resource.id, type: '', location: '' }, old.object, cloud.call());
async function put(change: Partial<Bound> = {}): Promise<void> {
  ({ resource, hub } = makeHub(cloud, [{ certificate: name, hosts, ...change }]));
  [reference] = (await find()) as [Reference];
  cloud.ctx.traffic.clear();
}
const refresh = (version: VersionRef, settings?: Partial<HubDeps>, operation?: string): Promise<Refreshed> =>
  consumer(settings).refresh(reference, version, operation, cloud.call());
const confirm = (version: VersionRef): Promise<Confirmation> => consumer().confirm(reference, version, cloud.call());
/** Pushes as the engine does: again and again, with what the last call said. */
async function pushed(version: VersionRef, settings?: Partial<HubDeps>): Promise<Refreshed> {
  let now = await refresh(version, settings);
  for (let n = 0; n < 90 && now.is === 'running'; n += 1) {
    cloud.ctx.clock.advance(60_000);
    now = await refresh(version, settings, now.operation);
  }
  return now;
}
const writes = (): readonly string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation);
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}

describe.each(ROWS)('what a resource refers to, as $kind', (row) => {
  it('is found by its certificates, with the names of the domains that use them', async () => {
    const other = await cloud.vault.make(`${name}-other`, { names: hosts, keyType: 'EC' });
    ({ resource, hub } = makeHub(
      cloud,
      [
        { certificate: name, pinned: old.version, hosts: [...hosts, 'second.sandbox.test'] },
        { certificate: other.object.name, hosts: ['third.sandbox.test'] },
      ],
      row,
    ));
    const id = `${resource.id}/customCertificates/${name}-cert`;
    expect(await find(row)).toEqual([
      { kind: row.kind, id, parent: resource.id, hosts: [...hosts, 'second.sandbox.test'], pinned: old.version },
    ]);
    hub.domains.clear();
    expect(await find(row)).toEqual([]);
  });

  it('costs one list where it has nothing of the object, and none of its tier is a gap', async () => {
    ({ resource } = makeHub(cloud, [], row));
    cloud.ctx.traffic.clear();
    expect(await find(row)).toEqual([]);
    expect(cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm')).toHaveLength(1);
    const error = { code: 'InvalidSku', message: 'Custom certificates need the Premium tier.' };
    cloud.ctx.faults.add({ system: 'arm', match: '^GET', times: 1, action: { status: 400, body: { error } } });
    expect(await find(row)).toEqual([]);
    const bad = { code: 'BadRequest', message: 'Something else.' };
    cloud.ctx.faults.add({ system: 'arm', match: '^GET', times: 1, action: { status: 400, body: { error: bad } } });
    expect(await failure(find(row))).toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('a certificate that follows', () => {
  it('is put again as it is, and served at once where that makes the service look', async () => {
    await put();
    const before = hub.certificates.get(`${name}-cert`)?.properties;
    const fresh = await renew();
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(hub.certificates.get(`${name}-cert`)?.properties).toEqual(before);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(writes()).toHaveLength(1);
  });

  it('has it within the hour where putting it again does nothing', async () => {
    await put();
    hub.looksWhenPut = false;
    const fresh = await renew();
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    cloud.ctx.clock.advance(FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(consumer().lagMs.pushed).toBeGreaterThan(FOLLOW_MS);
  });

  it('has no weaker proof: nothing but its hosts shows which version it has', async () => {
    hosts = [`live${made}.nowhere.sandbox.test`];
    old = await renew();
    await put();
    expect(await confirm(old)).toMatchObject({ is: 'unreachable' });
  });
});

describe('a certificate that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    await put({ pinned: old.version });
    const fresh = await renew();
    const told = await refresh(fresh);
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining(old.version) as string });
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    expect(writes()).toEqual([]);
  });

  it('names the new one, with everything else as it was', async () => {
    await put({ pinned: old.version });
    const before = hub.certificates.get(`${name}-cert`)?.properties;
    const fresh = await renew();
    expect(await pushed(fresh, REWRITE)).toEqual({ is: 'pushed' });
    expect(hub.certificates.get(`${name}-cert`)?.properties).toEqual({
      ...before,
      keyVaultSecretVersion: fresh.version,
    });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(await refresh(fresh, REWRITE)).toEqual({ is: 'pushed' });
    expect(writes()).toHaveLength(1);
  });

  it('is proven by what it names where its hosts are closed to the app, and only once it was taken', async () => {
    hosts = [`live${made}.nowhere.sandbox.test`];
    old = await renew();
    await put({ pinned: old.version });
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    const certificate = hub.certificates.get(`${name}-cert`);
    if (certificate !== undefined) certificate.provisioningState = 'Failed';
    expect(await confirm(old)).toMatchObject({ is: 'unreachable' });
  });
});

describe('what goes wrong', () => {
  it('a name that is not covered is refused before anything is sent', async () => {
    await put();
    const bad = await cloud.vault.make(name, { names: ['else.sandbox.test'], exportable: false, keyType: 'EC' });
    const error = await failure(refresh(bad));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(error.problems).toHaveLength(2);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });

  it('a vault that its identity may not read is named when the operation has failed, and may be mended', async () => {
    await put();
    const fresh = await renew();
    hub.mayRead = false;
    const denied = await failure(pushed(fresh));
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'unknown' });
    expect(denied.remedy).toContain('--role "Key Vault Secrets User"');
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: expect.stringContaining('Failed') as string });
    hub.mayRead = true;
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('a tier that has no custom certificates any more, and a certificate of no authority, are told apart', async () => {
    await put();
    const fresh = await renew();
    hub.tier = 'Standard_S1';
    const tier = await failure(refresh(fresh));
    expect(tier).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(tier.remedy).toContain('az signalr update');
    const error = { code: 'InvalidCertificate', message: 'Self-signed certificates are not supported.' };
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT', times: 1, action: { status: 400, body: { error } } });
    expect((await failure(refresh(fresh))).remedy).toContain('an authority that clients trust');
    const other = { code: 'BadRequest', message: 'Something else.' };
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT', times: 1, action: { status: 400, body: { error: other } } });
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    hub.tier = 'Premium_P1';
    cloud.vault.disable(name, fresh.version);
    expect(await failure(pushed(fresh))).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human' });
  });

  it('somebody else’s change is waited for, and not for ever', async () => {
    await put();
    const fresh = await renew();
    const certificate = hub.certificates.get(`${name}-cert`);
    if (certificate !== undefined) certificate.provisioningState = 'Updating';
    expect(await refresh(fresh)).toMatchObject({
      is: 'running',
      operation: expect.stringMatching(/^busy since/) as string,
    });
    expect(await failure(pushed(fresh))).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human' });
    expect(writes()).toEqual([]);
    if (certificate !== undefined) certificate.provisioningState = 'Succeeded';
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
  });

  it('an operation that was superseded, or that ARM has forgotten, is made again', async () => {
    await put();
    const fresh = await renew();
    const first = await refresh(fresh);
    const operation = first.is === 'running' ? first.operation : '';
    cloud.arm.supersede(resource.id);
    const certificate = hub.certificates.get(`${name}-cert`);
    if (certificate !== undefined) certificate.provisioningState = 'Succeeded';
    await refresh(fresh, {}, operation);
    expect(await refresh(fresh, {}, operation.replace(/[0-9a-f-]{36}/, 'gone'))).toMatchObject({ is: 'running' });
    expect(writes()).toHaveLength(2);
    const elsewhere = await failure(refresh(fresh, {}, 'https://elsewhere.example.com/operations/1'));
    expect(elsewhere).toMatchObject({ code: 'JOURNAL_INVALID' });
  });

  it('a domain that was given another certificate is gone', async () => {
    await put();
    hub.domains.clear();
    expect(await failure(confirm(old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    const certificate = hub.certificates.get(`${name}-cert`);
    if (certificate !== undefined)
      certificate.properties = { ...certificate.properties, keyVaultSecretName: 'another' };
    expect(await failure(refresh(old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});
