import { afterAll, beforeAll } from 'vitest';
import { appConfiguration } from '../../src/consumers/app-configuration/consumer.ts';
import { appServiceCertificate } from '../../src/consumers/app-service-certificate/consumer.ts';
import { appServiceReference } from '../../src/consumers/app-service-reference/consumer.ts';
import { applicationGateway } from '../../src/consumers/application-gateway/consumer.ts';
import { frontDoor } from '../../src/consumers/front-door/consumer.ts';
import { hubCertificate } from '../../src/consumers/signalr-certificate/consumer.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { configurationDeps, makeStore, referenceTo } from './app-configuration.stage.ts';
import { bindHost, makeCertificate, makeSite } from './app-service.stage.ts';
import { makeGateway } from './application-gateway.stage.ts';
import { consumerSuite } from './consumer-suite.ts';
import { makeProfile } from './front-door.stage.ts';
import { makeHub, ROWS } from './signalr-certificate.stage.ts';

let cloud: ConsumerCloud;
beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());

consumerSuite('app-configuration', () => cloud, {
  adapter: (cloud) => appConfiguration(configurationDeps(cloud)),
  make: (cloud, name) => makeStore(cloud, [{ key: 'Db:Password', ...referenceTo(cloud, name) }], [name]).resource,
  write: {
    system: 'app-configuration',
    match: '^PUT ',
    action: 'Microsoft.AppConfiguration/configurationStores/keyValues/write',
    role: 'App Configuration Data Owner',
  },
});

consumerSuite('app-service-reference', () => cloud, {
  adapter: ({ client: arm }) => appServiceReference({ arm, restart: 'soft', rewritePinned: false }),
  make: (cloud, name) =>
    makeSite(cloud, { settings: { KEY: `@Microsoft.KeyVault(SecretUri=${cloud.vault.url(name)})` } }).resource,
  write: { match: '^POST .*/refresh', action: 'Microsoft.Web/sites/config/write', role: 'Website Contributor' },
});

consumerSuite('app-service-certificate', () => cloud, {
  adapter: ({ client: arm, clock, front: { port } }) => appServiceCertificate({ arm, clock, port }),
  make(cloud, name, host) {
    const { resource, state } = makeCertificate(cloud, name);
    bindHost(makeSite(cloud, {}).site, host, state);
    return resource;
  },
  write: { match: '^PUT .*/certificates/', action: 'Microsoft.Web/certificates/write', role: 'Website Contributor' },
});

consumerSuite('application-gateway', () => cloud, {
  adapter: ({ client: arm, clock }) => applicationGateway({ arm, clock, rewritePinned: false }),
  make: (cloud, name, host) =>
    makeGateway(cloud, { tls: cloud.vault.url(name) }, [{ certificate: 'tls', hosts: [host] }]).resource,
  write: {
    match: '^PATCH',
    action: 'Microsoft.Network/applicationGateways/write',
    role: 'Network Contributor',
  },
});

consumerSuite('front-door', () => cloud, {
  adapter: ({ client: arm, clock, front: { port } }) =>
    frontDoor({ arm, clock, rewritePinned: false, frontDoor: 'push', port }),
  make: (cloud, name, host) => makeProfile(cloud, [{ secret: 'cert', certificate: name, hosts: [host] }]).resource,
  write: { match: '^PUT .*/secrets/', action: 'Microsoft.Cdn/profiles/secrets/write', role: 'CDN Profile Contributor' },
});

for (const row of ROWS) {
  consumerSuite(row.kind, () => cloud, {
    adapter: ({ client: arm, clock, front: { port } }) =>
      hubCertificate(row, { arm, clock, rewritePinned: false, port }),
    make: (cloud, name, host) => makeHub(cloud, [{ certificate: name, hosts: [host] }], row).resource,
    write: {
      match: '^PUT .*/customCertificates/',
      action: `${row.type}/customCertificates/write`,
      role: 'SignalR/Web PubSub Contributor',
    },
  });
}
