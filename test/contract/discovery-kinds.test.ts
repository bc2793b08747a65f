import { DefaultAzureCredential } from '@azure/identity';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery } from '../../src/consumers/discovery.ts';
import { createConsumers } from '../../src/consumers/registry.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { makeEntity, makeService } from './api-management.stage.ts';
import { makeStore, referenceTo } from './app-configuration.stage.ts';
import { bindHost, makeCertificate, makeSite } from './app-service.stage.ts';
import { makeGateway } from './application-gateway.stage.ts';
import { makeProfile } from './front-door.stage.ts';
import { makeHub, ROWS } from './signalr-certificate.stage.ts';

/** Every kind of consumer that the registry has, found by one look through the subscription. */
let cloud: ConsumerCloud;
beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());

it('one certificate is found wherever it is used, and one that is used nowhere is not', async () => {
  const credential = new DefaultAzureCredential();
  const adapters = createConsumers({
    credential: () => Promise.resolve(credential),
    armEndpoint: cloud.arm.origin,
    clock: cloud.clock,
    ...{ rewritePinned: false, frontDoor: 'follow', apiManagement: 'follow', restart: 'soft', aks: 'off' },
    ...{ sentinel: false, configurationSuffix: cloud.configuration.suffix },
  });
  const host = 'www.sandbox.test';
  const more = ['shop.sandbox.test'];
  const { object } = await cloud.vault.make('web', { names: [host, ...more] });
  const unused = await cloud.vault.make('unused', { names: [host] });
  const text = `@Microsoft.KeyVault(SecretUri=${cloud.vault.url('web')})`;
  const [site, slot] = [
    makeSite(cloud, { settings: { TLS: text } }),
    makeSite(cloud, { settings: { TLS: text } }, 'next'),
  ];
  makeSite(cloud, { settings: { OTHER: 'plain' } });
  const bound = makeCertificate(cloud, 'web');
  bindHost(site.site, host, bound.state);
  const gateway = makeGateway(cloud, { tls: cloud.vault.url('web') }, [{ certificate: 'tls', hosts: more }]);
  const profile = makeProfile(cloud, [{ secret: 'cert', certificate: 'web', hosts: [host] }]);
  const api = makeService(cloud, [{ host, url: cloud.vault.url('web') }]);
  for (const one of ['namedValues', 'certificates'] as const)
    makeEntity(cloud, api.resource, one, cloud.vault.url('web'));

  const hubs = ROWS.map((row) => makeHub(cloud, [{ certificate: 'web', hosts: more }], row));
  const configuration = makeStore(cloud, [{ key: 'Tls', ...referenceTo(cloud, 'web') }]);

  const subscriptions = [cloud.arm.subscriptionId];
  const discovery = createDiscovery({ adapters, arm: cloud.client, clock: cloud.clock, subscriptions });
  const found = await discovery.find(object, cloud.call());
  expect(found.gaps).toEqual([]);
  const seen = found.references.map(({ kind, parent, hosts }) => `${kind} ${parent} ${hosts.join()}`);
  expect(seen.sort()).toEqual(
    [
      `app-configuration ${configuration.resource.id} `,
      `app-service-reference ${site.resource.id} `,
      `app-service-reference ${slot.resource.id} `,
      `app-service-certificate ${bound.resource.id} ${host}`,
      `application-gateway ${gateway.resource.id} ${more.join()}`,
      ...ROWS.map(({ kind }, n) => `${kind} ${hubs[n]?.resource.id ?? ''} ${more.join()}`),
      `front-door ${profile.resource.id} ${host}`,
      `api-management-host ${api.resource.id} ${host}`,
      `api-management-named-value ${api.resource.id} `,
      `api-management-certificate ${api.resource.id} `,
    ].sort(),
  );
  expect(await discovery.find(unused.object, cloud.call())).toEqual({ references: [], gaps: [] });
});
