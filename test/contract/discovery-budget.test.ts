import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { serviceOf } from '../../sandbox/arm/services/api-management/state.ts';
import { makeApp } from '../../sandbox/arm/services/app/app.ts';
import { environmentOf, heldBy } from '../../sandbox/arm/services/app/environment.ts';
import { install } from '../../sandbox/arm/services/compute/extension.ts';
import { putUp } from '../../sandbox/arm/services/network/gateway.ts';
import { lookOf } from '../../sandbox/arm/services/shown.ts';
import { SERVICES, type Resource } from '../../sandbox/arm/resources.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { createDiscovery } from '../../src/consumers/discovery.ts';
import { createConsumers } from '../../src/consumers/registry.ts';
import type { Discovered, ObjectRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { addClass, makeCluster } from './aks.stage.ts';
import { makeEntity, makeService } from './api-management.stage.ts';
import { makeStore, referenceTo } from './app-configuration.stage.ts';
import { bindHost, makeCertificate, makeSite } from './app-service.stage.ts';
import { makeGateway } from './application-gateway.stage.ts';
import { makeContainerApp, makeEnvironment, makeCertificate as makeEnvironmentCertificate } from './container-apps.stage.ts'; // prettier-ignore
import { makeProfile } from './front-door.stage.ts';
import { makeHub, ROWS } from './signalr-certificate.stage.ts';
import { makeExtension } from './vm-extension.stage.ts';

/*
 * What a discovery costs, counted at the simulated services: all kinds of the registry as the app has them, and 2,000 resources of all
 * their types in 20 subscriptions. A dozen of those use the object; the others use none, or one of another vault.
 * (A resource of which the graph's copy says nothing of any vault costs a GET as well: see discovery.test.ts.)
 */
const RESOURCES = 2_000;
const SUBSCRIPTIONS = 20;
/** So many rows a page; Azure gives 1,000 at most. */
const PAGE = 400;
const NAME = 'orders-tls';
const HOST = 'www.orders.test';
/** Of another vault. */
const OTHER = 'https://stock.vault.azure.net/secrets/stock-tls';

let cloud: ConsumerCloud;
let object: ObjectRef;
const subscriptions: string[] = [];
/** By type as the graph spells it: the ids of all resources. */
const all = new Map<string, string[]>();
/** The ids of those that use the object, by type. */
const users = new Map<string, string[]>();

function adapters(aks: 'off' | 'restart'): readonly ConsumerAdapter[] {
  return createConsumers({
    credential: cloud.credential,
    armEndpoint: cloud.arm.origin,
    clock: cloud.clock,
    ...{ rewritePinned: false, frontDoor: 'follow', apiManagement: 'follow', restart: 'soft', aks },
    ...{ sentinel: false, configurationSuffix: cloud.configuration.suffix },
  });
}

const typeOf = ({ service }: Resource): string => service.address.replaceAll(/\/\{\w+\}/g, '').toLowerCase();

function known(map: Map<string, string[]>, resource: Resource): Resource {
  map.set(typeOf(resource), [...(map.get(typeOf(resource)) ?? []), resource.id]);
  return resource;
}

/** What makes the graph's copy of such a resource speak of a vault, where its references are in there. */
const FILL: Readonly<Record<string, (resource: Resource) => void>> = {
  'microsoft.network/applicationgateways': (resource) => {
    const sslCertificates = [{ name: 'stock', properties: { keyVaultSecretId: OTHER } }];
    putUp(resource, { location: 'westeurope', properties: { sslCertificates } }, {}, cloud.ctx.clock.now());
  },
  'microsoft.apimanagement/service': (resource) => {
    serviceOf(resource).hosts = [{ body: { type: 'Proxy', hostName: 'api.stock.test', keyVaultId: OTHER } }];
  },
  'microsoft.app/managedenvironments': (resource) => {
    Object.assign(environmentOf(resource), { suffix: 'stock.test' });
    environmentOf(resource).held.keyVaultUrl = OTHER;
  },
  'microsoft.app/managedenvironments/certificates': (resource) => {
    heldBy(resource).keyVaultUrl = OTHER;
  },
  'microsoft.app/containerapps': asApp,
  'microsoft.app/jobs': asApp,
  'microsoft.compute/virtualmachines/extensions': asExtension,
  'microsoft.compute/virtualmachinescalesets': asExtension,
  'microsoft.hybridcompute/machines/extensions': asExtension,
  'microsoft.network/firewallpolicies': (resource) => {
    const certificateAuthority = { name: 'stock', keyVaultSecretId: OTHER };
    lookOf(resource).properties = { transportSecurity: { certificateAuthority } };
  },
  'microsoft.network/frontdoors': (resource) => {
    const vault = { id: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/stock' };
    const customHttpsConfiguration = { vault, secretName: 'stock-tls' };
    lookOf(resource).properties = { frontendEndpoints: [{ name: 'www', properties: { customHttpsConfiguration } }] };
  },
  'microsoft.eventgrid/namespaces': (resource) => {
    const customDomains = [{ fullyQualifiedDomainName: 'events.stock.test', certificateUrl: OTHER }];
    lookOf(resource).properties = { topicsConfiguration: { customDomains } };
  },
};

/** An extension that has nothing to do with a vault, as most have. */
function asExtension(resource: Resource): void {
  install(resource, { publisher: 'Microsoft.Azure.Monitor', settings: {} }, {}, cloud.ctx.clock.now());
}

function asApp(resource: Resource): void {
  const secrets = [{ name: 'stock', keyVaultUrl: OTHER, identity: 'system' }];
  const body = { location: 'westeurope', properties: { configuration: { secrets } } };
  makeApp(resource, body, {}, cloud.ctx.clock.now());
}

/** Consumers of the object, of one kind after the other, and of those that one type has several of. */
function makeUsers(): void {
  const url = cloud.vault.url(NAME);
  const text = `@Microsoft.KeyVault(SecretUri=${url})`;
  const site = makeSite(cloud, { settings: { TLS: text } });
  const slot = makeSite(cloud, { connectionStrings: { Db: { value: text, type: 'Custom' } } }, 'next');
  const bound = makeCertificate(cloud, NAME);
  bindHost(site.site, HOST, bound.state);
  const gateway = makeGateway(cloud, { tls: url }, [{ certificate: 'tls', hosts: ['gateway.orders.test'] }]);
  const profile = makeProfile(cloud, [{ secret: 'cert', certificate: NAME, hosts: [HOST] }]);
  const api = makeService(cloud, [{ host: HOST, url }]);
  makeEntity(cloud, api.resource, 'namedValues', url);
  makeEntity(cloud, api.resource, 'certificates', url);
  const hub = makeHub(cloud, [{ certificate: NAME, hosts: [HOST] }], ROWS[0]);
  const store = makeStore(cloud, [{ key: 'Tls', ...referenceTo(cloud, NAME) }]);
  const environment = makeEnvironment(cloud);
  const held = makeEnvironmentCertificate(cloud, environment, url);
  const secrets = [{ name: 'tls', keyVaultUrl: url, identity: 'system' }];
  const app = makeContainerApp(cloud, { environment, secrets, domains: { [HOST]: held.resource.id } });
  const extension = makeExtension(cloud, [url]);
  const { resource: cluster, cluster: state } = makeCluster(cloud);
  addClass(state, { object: NAME });
  const using = [site, slot, bound, gateway, profile, api, hub, store, held, app, extension, { resource: cluster }];
  for (const { resource } of using) known(users, known(all, resource));
  FILL['microsoft.app/managedenvironments']?.(known(all, environment.resource));
}

function makeOthers(types: readonly string[]): void {
  const made = [...all.values()].flat().length;
  for (let n = 0; n < RESOURCES - made; n += 1) {
    const type = types[n % types.length] ?? '';
    const service = SERVICES.find(({ address }) => address.replaceAll(/\/\{\w+\}/g, '').toLowerCase() === type);
    if (service === undefined) throw new Error(`the sandbox has no ${type}`);
    const places = [...service.address.matchAll(/\{(\w+)\}/g)].map(([, place = '']) => [place, `other-${n}`]);
    const group = `/subscriptions/${subscriptions[n % SUBSCRIPTIONS] ?? ''}/resourceGroups/rg-sandbox`;
    const names = Object.fromEntries(places) as Record<string, string>;
    const resource = cloud.arm.resources.create(group, service.address, names);
    FILL[type]?.(resource);
    known(all, resource);
  }
}

beforeAll(async () => {
  cloud = await startConsumerCloud();
  ({ object } = await cloud.vault.make(NAME, { names: [HOST, 'gateway.orders.test'] }));
  subscriptions.push(cloud.arm.subscriptionId);
  while (subscriptions.length < SUBSCRIPTIONS) subscriptions.push(cloud.arm.subscribe());
  cloud.arm.graph.pageSize = PAGE;
  makeUsers();
  makeOthers([...new Set(adapters('restart').flatMap(({ types }) => types))]);
});
afterAll(() => cloud.stop());
beforeEach(() => cloud.ctx.traffic.clear());

const idsOf = (map: Map<string, string[]>, ...types: readonly string[]): readonly string[] =>
  types.flatMap((type) => map.get(type.toLowerCase()) ?? []);

function find(aks: 'off' | 'restart'): Promise<Discovered> {
  const discovery = createDiscovery({ adapters: adapters(aks), arm: cloud.client, clock: cloud.clock, subscriptions });
  return discovery.find(object, cloud.call());
}

/** Every request to ARM and to the stores, without those for tokens. */
const sent = (system: 'arm' | 'app-configuration'): readonly string[] =>
  cloud.ctx.traffic.entries.filter((entry) => entry.system === system).map(({ operation }) => operation);

/** One GET for each real consumer of a kind whose references the graph shows. */
const GETS = [
  ...['Microsoft.Web/certificates', 'Microsoft.Network/applicationGateways', 'Microsoft.ApiManagement/service'],
  ...[
    'Microsoft.App/managedEnvironments/certificates',
    'Microsoft.App/containerApps',
    'Microsoft.App/managedEnvironments',
  ],
  'Microsoft.Compute/virtualMachines/extensions',
];

/** One list for each parent, and each sort of thing in it, where the graph has none of them. */
const LISTS: readonly (readonly [type: string, below: string])[] = [
  // Two sorts of references, and two lists: App Service has none of both.
  ['Microsoft.Web/sites', '/config/configreferences/appsettings'],
  ['Microsoft.Web/sites', '/config/configreferences/connectionstrings'],
  ['Microsoft.Web/sites/slots', '/config/configreferences/appsettings'],
  ['Microsoft.Web/sites/slots', '/config/configreferences/connectionstrings'],
  ['Microsoft.ApiManagement/service', '/namedValues'],
  ['Microsoft.ApiManagement/service', '/certificates'],
  ['Microsoft.Cdn/profiles', '/secrets'],
  ['Microsoft.Cdn/profiles/endpoints', '/customDomains'],
  ['Microsoft.SignalRService/signalR', '/customCertificates'],
  ['Microsoft.SignalRService/webPubSub', '/customCertificates'],
  ['Microsoft.AppPlatform/Spring', '/certificates'],
];

/** Under which names a real consumer serves is in another list than what it holds: one for each that was found, and for nobody else. */
function listsOfHosts(): readonly string[] {
  const subscription = `/subscriptions/${cloud.arm.subscriptionId}`;
  return [
    ...idsOf(users, 'Microsoft.Cdn/profiles').map((id) => `${id}/customDomains`),
    ...idsOf(users, 'Microsoft.SignalRService/signalR').map((id) => `${id}/customDomains`),
    // The bindings of a certificate of App Service are in its sites, those of an environment's in its apps.
    `${subscription}/resourceGroups/rg-sandbox/providers/Microsoft.Web/sites`,
    `${subscription}/providers/Microsoft.App/containerApps`,
  ];
}

function expected(): readonly string[] {
  const gets = idsOf(users, ...GETS);
  const lists = LISTS.flatMap(([type, below]) => idsOf(all, type).map((id) => `${id}${below}`));
  return [...gets, ...lists, ...listsOfHosts()].map((path) => `GET ${path}`);
}

const QUERY = 'POST /providers/Microsoft.ResourceGraph/resources';
const lower = (texts: readonly string[]): readonly string[] => texts.map((text) => text.toLowerCase()).sort();

it('one query, one GET for each real consumer that the graph shows, one list for each parent that it does not, and nothing else', async () => {
  const { references, gaps } = await find('off');
  expect(gaps).toEqual([]);
  // The API Management service holds it three times, and nobody asks the cluster.
  expect(references).toHaveLength([...users.values()].flat().length + 2 - 1);
  const made = sent('arm');
  const queries = made.filter((operation) => operation.startsWith(QUERY));
  expect(queries.length).toBe(Math.ceil(rowsFor('off') / PAGE));
  expect(lower(made.filter((operation) => !operation.startsWith(QUERY)))).toEqual(lower(expected()));
  // The list of each store, all its pages, at the store itself.
  const stores = idsOf(all, 'Microsoft.AppConfiguration/configurationStores');
  expect(sent('app-configuration').every((operation) => /^GET \S*\/kv\b/.test(operation))).toBe(true);
  expect(sent('app-configuration').length).toBeLessThanOrEqual(2 * stores.length);
  console.info(
    `discovery budget: ${RESOURCES} resources, ${queries.length} pages of one query, ${made.length} requests`,
  );
});

it('with clusters asked as well, one command in each of them more', async () => {
  const { references, gaps } = await find('restart');
  expect(gaps).toEqual([]);
  expect(references.filter(({ kind }) => kind === 'aks-secrets-store')).toHaveLength(1);
  const clusters = idsOf(all, 'Microsoft.ContainerService/managedClusters');
  const commands = clusters.flatMap((id) => [`GET ${id}`, `POST ${id}/runCommand`]);
  const made = sent('arm').filter((operation) => !operation.startsWith(QUERY));
  // A command is asked for until it has ended, and then for what it printed.
  const results = made.filter((operation) => /\/operations\/[0-9a-f-]{36}$/.test(operation));
  expect(lower(made.filter((operation) => !results.includes(operation)))).toEqual(lower([...expected(), ...commands]));
  expect(results.length).toBeLessThanOrEqual(4 * clusters.length);
});

/** The graph gives all of the types that are listed, whoever mentions the object or no vault of the others, and the subscriptions. */
function rowsFor(aks: 'off' | 'restart'): number {
  const listed = new Set(adapters(aks).flatMap(({ inGraph, types }) => (inGraph === false ? types : [])));
  const shown = [...users].flatMap(([type, ids]) => (listed.has(type) || type.endsWith('clusters') ? [] : ids));
  return idsOf(all, ...listed).length + shown.length + SUBSCRIPTIONS;
}
