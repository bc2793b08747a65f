import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { Json } from '../../sandbox/arm/services/bodies.ts';
import { lookOf } from '../../sandbox/arm/services/shown.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { createDiscovery } from '../../src/consumers/discovery.ts';
import { reported } from '../../src/consumers/reported/consumer.ts';
import { ROWS } from '../../src/consumers/reported/rows.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Reference, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';

/** The kinds that are found and named, and that only a person changes: each over ARM on the wire. */
const HOST = 'shop.sandbox.test';
const VAULT_ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv';

let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;
const made: Resource[] = [];

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
  fresh = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
});
afterAll(() => cloud.stop());
afterEach(() => {
  for (const { id } of made.splice(0)) cloud.arm.resources.remove(id);
});

interface Kind {
  readonly kind: string;
  readonly address: string;
  /** A resource that refers to the secret of this name, in this version or in none. */
  readonly properties?: (secret: string, version?: string) => Json;
  readonly part?: (secret: string, version?: string) => Json;
  readonly place: string;
  readonly served?: true;
  readonly remedy: string;
}

const url = (secret: string, version?: string): string => cloud.vault.url(secret, version);
const customDomains = (secret: string, version?: string): Json => ({
  customDomains: [
    { fullyQualifiedDomainName: HOST, certificateUrl: url(secret, version), validationState: 'Approved' },
  ],
});

const KINDS: readonly Kind[] = [
  {
    kind: 'firewall-authority',
    address: 'Microsoft.Network/firewallPolicies/{name}',
    properties: (secret, version) => ({
      transportSecurity: { certificateAuthority: { name: 'ca', keyVaultSecretId: url(secret, version) } },
    }),
    place: 'certificateAuthority',
    remedy: 'trust the new authority first',
  },
  {
    kind: 'vpn-connection',
    address: 'Microsoft.Network/connections/{name}',
    properties: (secret, version) => ({
      certificateAuthentication: {
        outboundAuthCertificate: url(secret, version).replace('/secrets/', '/certificates/'),
      },
    }),
    place: 'outboundAuthCertificate',
    remedy: 'the other end',
  },
  {
    kind: 'front-door-classic',
    address: 'Microsoft.Network/frontDoors/{name}',
    properties: (secretName, secretVersion = 'Latest') => ({
      frontendEndpoints: [
        { name: 'default', properties: { hostName: 'x.azurefd.net', customHttpsConfiguration: null } },
        {
          name: 'shop',
          properties: {
            hostName: HOST,
            customHttpsConfiguration: { vault: { id: VAULT_ID }, secretName, secretVersion },
          },
        },
      ],
    }),
    place: 'shop',
    served: true,
    remedy: 'front-door frontend-endpoint enable-https',
  },
  {
    kind: 'cdn-classic',
    address: 'Microsoft.Cdn/profiles/{profile}/endpoints/{name}',
    part: (secretName, secretVersion) => ({
      hostName: HOST,
      customHttpsParameters: {
        certificateSource: 'AzureKeyVault',
        certificateSourceParameters: { vaultName: 'KV', secretName: secretName.toUpperCase(), secretVersion },
      },
    }),
    place: 'part',
    served: true,
    remedy: 'cdn custom-domain enable-https',
  },
  {
    kind: 'event-grid-namespace',
    address: 'Microsoft.EventGrid/namespaces/{name}',
    properties: (secret, version) => ({
      topicsConfiguration: {},
      topicSpacesConfiguration: customDomains(secret, version),
    }),
    place: `topicSpacesConfiguration.${HOST}`,
    served: true,
    remedy: 'eventgrid namespace',
  },
  {
    kind: 'vm-secrets',
    address: 'Microsoft.Compute/virtualMachines/{name}',
    properties: (secret, version) => ({
      osProfile: {
        secrets: [
          {
            sourceVault: { id: VAULT_ID },
            vaultCertificates: [{ certificateUrl: url(secret, version), certificateStore: 'My' }],
          },
        ],
      },
    }),
    place: 'osProfile.secrets My',
    remedy: 'az vm secret add',
  },
  {
    kind: 'spring-certificate',
    address: 'Microsoft.AppPlatform/Spring/{name}',
    part: (keyVaultCertName, certVersion) => ({
      ...{ type: 'KeyVaultCertificate', vaultUri: old.object.vault, keyVaultCertName },
      ...{ certVersion: certVersion ?? 'f'.repeat(32), autoSync: certVersion === undefined ? 'Enabled' : 'Disabled' },
    }),
    place: 'part',
    remedy: '--enable-auto-sync',
  },
];

function put({ address, properties, part }: Kind, secret: string, version?: string): Resource {
  const resource = cloud.arm.create(address, { name: `r${cloud.arm.resources.all().length}` });
  made.push(resource);
  lookOf(resource).properties = properties?.(secret, version) ?? {};
  lookOf(resource).parts = part === undefined ? {} : { part: part(secret, version) };
  return resource;
}
const adapters = (): readonly ConsumerAdapter[] =>
  reported({ arm: cloud.client, clock: cloud.clock, port: cloud.front.port });
const adapterOf = ({ kind }: Kind): ConsumerAdapter => adapters().find((one) => one.kind === kind) as ConsumerAdapter;
async function one(kind: Kind, { id }: Resource): Promise<Reference> {
  const candidate = { id, type: '', location: '' };
  const [reference, ...more] = await adapterOf(kind).find(candidate, old.object, cloud.call());
  expect(more).toEqual([]);
  return reference as Reference;
}
const containing = (text: string): string => expect.stringContaining(text) as string;

it('every row is here', () => {
  expect(KINDS.map(({ kind }) => kind)).toEqual(ROWS.map(({ kind }) => kind));
});

describe.each(KINDS)('$kind', (kind) => {
  it('is found by what it refers to, in one call, and by nothing else', async () => {
    const resource = put(kind, 'web', old.version);
    cloud.ctx.traffic.clear();
    expect(await one(kind, resource)).toEqual({
      ...{ kind: kind.kind, id: `${resource.id}#${kind.place}`, parent: resource.id, pinned: old.version },
      hosts: kind.served ? [HOST] : [],
    });
    expect(cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm')).toHaveLength(1);
    const other = { ...old.object, name: 'web0' };
    expect(await adapterOf(kind).find({ id: resource.id, type: '', location: '' }, other, cloud.call())).toEqual([]);
    lookOf(resource).properties = {};
    lookOf(resource).parts = { part: {} };
    expect(await adapterOf(kind).find({ id: resource.id, type: '', location: '' }, old.object, cloud.call())).toEqual(
      [],
    );
  });

  it('is reported, with why and what to do, and nothing is changed', async () => {
    const pinned = put(kind, 'web', old.version);
    const reference = await one(kind, pinned);
    cloud.ctx.traffic.clear();
    const told = await adapterOf(kind).refresh(reference, fresh, undefined, cloud.call());
    expect(told).toMatchObject({ is: 'reported', detail: containing(old.version), remedy: containing(kind.remedy) });
    expect(inspect(told)).not.toContain('undefined');
    const calls = cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm');
    expect(calls.map(({ operation }) => operation.split(' ')[0])).toEqual(['GET']);
    const follows = await one(kind, put(kind, 'web'));
    expect(follows).not.toHaveProperty('pinned');
    expect(await adapterOf(kind).refresh(follows, fresh, undefined, cloud.call())).toMatchObject({ is: 'reported' });
  });

  it('is looked at all the same: a person may have done it', async () => {
    const resource = put(kind, 'web', old.version);
    const reference = await one(kind, resource);
    const confirm = () => adapterOf(kind).confirm(reference, fresh, cloud.call());
    expect(await confirm()).toMatchObject({ is: 'pending', detail: containing(old.version) });
    lookOf(resource).properties = kind.properties?.('web', fresh.version) ?? {};
    lookOf(resource).parts = kind.part === undefined ? {} : { part: kind.part('web', fresh.version) };
    const serve = (version: VersionRef): void => {
      const seen = cloud.vault.lookUp('kv', 'web', version.version);
      if (kind.served && seen !== undefined) lookOf(resource).serves.set(HOST, seen);
    };
    serve(old);
    if (kind.served) expect(await confirm()).toMatchObject({ is: 'pending' });
    serve(fresh);
    expect(await confirm()).toMatchObject({ is: 'adopted', proof: kind.served ? 'handshake' : 'control-plane' });
  });

  it('that names no version, and serves nobody, tells nothing', async () => {
    if (kind.served) return;
    const reference = await one(kind, put(kind, 'web'));
    const seen = await adapterOf(kind).confirm(reference, fresh, cloud.call());
    expect(seen).toMatchObject({ is: 'unreachable', remedy: containing(fresh.version) });
  });

  it('that is gone, or refers to something else, is gone; one that may not be read names the role', async () => {
    const resource = put(kind, 'web');
    const reference = await one(kind, resource);
    const failure = (): Promise<unknown> =>
      adapterOf(kind)
        .refresh(reference, fresh, undefined, cloud.call())
        .catch((error: unknown) => error);
    const allow = cloud.arm.deny('*', resource.id);
    const denied = await failure();
    allow();
    expect(denied).toBeInstanceOf(RotationError);
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', remedy: containing('--role "Reader"') });
    lookOf(resource).properties = {};
    lookOf(resource).parts = {};
    expect(await failure()).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    cloud.arm.resources.remove(resource.id);
    expect(await failure()).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});

it('machines and tunnels without a certificate are not asked, and everybody else once', async () => {
  const expected = KINDS.map((kind) => `${kind.kind} ${put(kind, 'web', old.version).id}`);
  const seldom = KINDS.filter(({ kind }) => kind === 'vm-secrets' || kind === 'vpn-connection');
  for (const kind of seldom) lookOf(put(kind, 'another')).properties = { osProfile: { secrets: [] } };
  const subscriptions = [cloud.arm.subscriptionId];
  const deps = { adapters: adapters(), arm: cloud.client, clock: cloud.clock, subscriptions };
  cloud.ctx.traffic.clear();
  const { references, gaps } = await createDiscovery(deps).find(old.object, cloud.call());
  expect(gaps).toEqual([]);
  expect(references.map(({ kind, parent }) => `${kind} ${parent}`).sort()).toEqual(expected.sort());
  expect(seldom).toHaveLength(2);
  expect(cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm')).toHaveLength(1 + KINDS.length);
});
