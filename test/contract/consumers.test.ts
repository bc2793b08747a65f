import { afterAll, beforeAll } from 'vitest';
import { clusterOf } from '../../sandbox/arm/services/containers/cluster.ts';
import { aksSecretsStore } from '../../src/consumers/aks-secrets-store/consumer.ts';
import { apiManagementCertificate } from '../../src/consumers/api-management-certificate/consumer.ts';
import { apiManagementHost } from '../../src/consumers/api-management-host/consumer.ts';
import { apiManagementNamedValue } from '../../src/consumers/api-management-named-value/consumer.ts';
import { appConfiguration } from '../../src/consumers/app-configuration/consumer.ts';
import { appServiceCertificate } from '../../src/consumers/app-service-certificate/consumer.ts';
import { appServiceReference } from '../../src/consumers/app-service-reference/consumer.ts';
import { applicationGateway } from '../../src/consumers/application-gateway/consumer.ts';
import { containerAppsCertificate } from '../../src/consumers/container-apps-certificate/consumer.ts';
import { containerAppsSecret } from '../../src/consumers/container-apps-secret/consumer.ts';
import { frontDoor } from '../../src/consumers/front-door/consumer.ts';
import { hubCertificate } from '../../src/consumers/signalr-certificate/consumer.ts';
import { vmExtension } from '../../src/consumers/vm-extension/consumer.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { addClass, addWorkload, makeCluster } from './aks.stage.ts';
import { makeEntity, makeService } from './api-management.stage.ts';
import { configurationDeps, makeStore, referenceTo } from './app-configuration.stage.ts';
import { bindHost, makeCertificate, makeSite } from './app-service.stage.ts';
import { makeGateway } from './application-gateway.stage.ts';
import { consumerSuite } from './consumer-suite.ts';
import {
  makeCertificate as makeEnvironmentCertificate,
  makeContainerApp,
  makeEnvironment,
} from './container-apps.stage.ts';
import { makeProfile } from './front-door.stage.ts';
import { makeHub, ROWS } from './signalr-certificate.stage.ts';
import { makeExtension, toldOf } from './vm-extension.stage.ts';

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

consumerSuite('container-apps-certificate', () => cloud, {
  adapter: ({ client: arm, clock, front: { port } }) =>
    containerAppsCertificate({ arm, clock, rewritePinned: false, port }),
  make(cloud, name, host) {
    const environment = makeEnvironment(cloud);
    const { resource } = makeEnvironmentCertificate(cloud, environment, cloud.vault.url(name));
    makeContainerApp(cloud, { environment, domains: { [host]: resource.id } });
    return resource;
  },
  write: {
    match: '^PUT .*/managedEnvironments/',
    action: 'Microsoft.App/managedEnvironments/certificates/write',
    role: 'Container Apps ManagedEnvironments Contributor',
  },
});

consumerSuite('container-apps-secret', () => cloud, {
  adapter: ({ client: arm }) => containerAppsSecret({ arm, rewritePinned: false }),
  make: (cloud, name) =>
    makeContainerApp(cloud, {
      secrets: [
        { name: 'tls', keyVaultUrl: cloud.vault.url(name), identity: 'system' },
        { name: 'plain', value: 'a-value-of-its-own' },
      ],
      template: { containers: [{ name: 'web', env: [{ name: 'TLS', secretRef: 'tls' }] }] },
    }).resource,
  write: { match: '^PATCH', action: 'Microsoft.App/containerApps/write', role: 'Container Apps Contributor' },
  blind: { settlesMs: 35 * 60_000 },
});

consumerSuite('api-management-host', () => cloud, {
  adapter: ({ client: arm, clock, front: { port } }) =>
    apiManagementHost({ arm, clock, rewritePinned: false, apiManagement: 'push', port }),
  make: (cloud, name, host) => makeService(cloud, [{ host, url: cloud.vault.url(name) }]).resource,
  keyType: 'EC',
  write: {
    match: '^PATCH',
    action: 'Microsoft.ApiManagement/service/write',
    role: 'API Management Service Contributor',
  },
});

consumerSuite('api-management-named-value', () => cloud, {
  adapter: ({ client: arm }) => apiManagementNamedValue({ arm, rewritePinned: false }),
  make(cloud, name) {
    const { resource } = makeService(cloud, []);
    makeEntity(cloud, resource, 'namedValues', cloud.vault.url(name));
    return resource;
  },
  keyType: 'EC',
  write: {
    match: '^POST .*/refreshSecret',
    action: 'Microsoft.ApiManagement/service/namedValues/refreshSecret/action',
    role: 'API Management Service Contributor',
  },
});

consumerSuite('api-management-certificate', () => cloud, {
  adapter: ({ client: arm }) => apiManagementCertificate({ arm, rewritePinned: false }),
  make(cloud, name) {
    const { resource } = makeService(cloud, []);
    makeEntity(cloud, resource, 'certificates', cloud.vault.url(name));
    return resource;
  },
  keyType: 'EC',
  write: {
    match: '^POST .*/refreshSecret',
    action: 'Microsoft.ApiManagement/service/certificates/refreshSecret/action',
    role: 'API Management Service Contributor',
  },
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

consumerSuite('vm-extension', () => cloud, {
  adapter: ({ client: arm }) => vmExtension({ arm, rewritePinned: false }),
  make: (cloud, name) => makeExtension(cloud, [cloud.vault.url(name)], { properties: toldOf(cloud, name) }).resource,
  write: {
    match: '^PATCH .*/extensions/',
    action: 'Microsoft.Compute/virtualMachines/extensions/write',
    role: 'Virtual Machine Contributor',
  },
});

consumerSuite('aks-secrets-store', () => cloud, {
  adapter: ({ client: arm, credential }) => aksSecretsStore({ arm, credential }),
  make(cloud, name) {
    const { resource, cluster } = makeCluster(cloud);
    cluster.isEntra = true;
    addClass(cluster, { object: name });
    addWorkload(cloud, cluster, { name: 'web', object: name });
    return resource;
  },
  write: {
    match: '^POST .*/runCommand',
    action: 'Microsoft.ContainerService/managedClusters/runcommand/action',
    role: 'Keyturn AKS Commands',
  },
  // Looking is a command as well, and so is no sign of a change.
  changes: (resource) => clusterOf(resource).workloads.flatMap(({ name, rollouts }) => (rollouts > 0 ? [name] : [])),
});
