import { afterAll, beforeAll, describe } from 'vitest';
import { ARM_KEY_ROWS } from '../../src/rotators/arm-key/rows.ts';
import type { Place } from './arm-key.harness.ts';
import { ArmKeyHarness } from './arm-key.harness.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';
import { describeRotator } from './rotator-suite.ts';

const RULE = { slots: ['PrimaryKey', 'SecondaryKey'], system: 'messaging' } as const;
const KEYS = { slots: ['Primary', 'Secondary'] } as const;
const SITE = 'Microsoft.Web/sites/{name}';

/** Every address of every row, with every pair that it has; of each row, the first one runs the whole suites. */
export const PLACES: readonly Place[] = [
  {
    kind: 'cosmos-db',
    address: 'Microsoft.DocumentDB/databaseAccounts/{name}',
    slots: ['primary', 'secondary'],
    system: 'cosmos',
  },
  {
    kind: 'cosmos-db',
    address: 'Microsoft.DocumentDB/databaseAccounts/{name}',
    slots: ['secondaryReadonly', 'primaryReadonly'],
    system: 'cosmos',
  },
  { kind: 'redis', address: 'Microsoft.Cache/redis/{name}', ...KEYS, system: 'redis' },
  { kind: 'managed-redis', address: 'Microsoft.Cache/redisEnterprise/{name}/databases/{database}', ...KEYS },
  { kind: 'service-bus', address: 'Microsoft.ServiceBus/namespaces/{name}/AuthorizationRules/{rule}', ...RULE },
  {
    kind: 'service-bus',
    address: 'Microsoft.ServiceBus/namespaces/{name}/queues/{entity}/authorizationRules/{rule}',
    ...RULE,
  },
  {
    kind: 'service-bus',
    address: 'Microsoft.ServiceBus/namespaces/{name}/topics/{entity}/authorizationRules/{rule}',
    ...RULE,
  },
  { kind: 'event-hubs', address: 'Microsoft.EventHub/namespaces/{name}/authorizationRules/{rule}', ...RULE },
  {
    kind: 'event-hubs',
    address: 'Microsoft.EventHub/namespaces/{name}/eventhubs/{entity}/authorizationRules/{rule}',
    ...RULE,
  },
  { kind: 'relay', address: 'Microsoft.Relay/namespaces/{name}/authorizationRules/{rule}', ...RULE },
  {
    kind: 'relay',
    address: 'Microsoft.Relay/namespaces/{name}/hybridConnections/{entity}/authorizationRules/{rule}',
    ...RULE,
  },
  { kind: 'relay', address: 'Microsoft.Relay/namespaces/{name}/wcfRelays/{entity}/authorizationRules/{rule}', ...RULE },
  {
    kind: 'notification-hubs',
    address: 'Microsoft.NotificationHubs/namespaces/{name}/AuthorizationRules/{rule}',
    ...RULE,
  },
  {
    kind: 'notification-hubs',
    address: 'Microsoft.NotificationHubs/namespaces/{name}/notificationHubs/{entity}/AuthorizationRules/{rule}',
    ...RULE,
  },
  { kind: 'event-grid-topic', address: 'Microsoft.EventGrid/topics/{name}', slots: ['key1', 'key2'] },
  { kind: 'event-grid-domain', address: 'Microsoft.EventGrid/domains/{name}', slots: ['key2', 'key1'] },
  { kind: 'signalr', address: 'Microsoft.SignalRService/signalR/{name}', ...KEYS },
  { kind: 'web-pubsub', address: 'Microsoft.SignalRService/webPubSub/{name}', ...KEYS },
  { kind: 'cognitive-services', address: 'Microsoft.CognitiveServices/accounts/{name}', slots: ['Key1', 'Key2'] },
  {
    kind: 'ai-search',
    address: 'Microsoft.Search/searchServices/{name}',
    slots: ['primary', 'secondary'],
    system: 'search',
  },
  { kind: 'maps', address: 'Microsoft.Maps/accounts/{name}', slots: ['primary', 'secondary'] },
  { kind: 'batch', address: 'Microsoft.Batch/batchAccounts/{name}', slots: ['Secondary', 'Primary'] },
  {
    kind: 'iot-hub',
    address: 'Microsoft.Devices/IotHubs/{name}/IotHubKeys/{rule}',
    resource: ['Microsoft.Devices/IotHubs/{name}', '/IotHubKeys/iothubowner'],
    set: 'iothubowner',
    slots: ['primaryKey', 'secondaryKey'],
  },
  {
    kind: 'app-configuration',
    address: 'Microsoft.AppConfiguration/configurationStores/{name}',
    ...KEYS,
    system: 'app-configuration',
  },
  {
    kind: 'app-configuration',
    address: 'Microsoft.AppConfiguration/configurationStores/{name}',
    slots: ['Primary Read Only', 'Secondary Read Only'],
    system: 'app-configuration',
  },
  {
    kind: 'container-registry',
    address: 'Microsoft.ContainerRegistry/registries/{name}',
    slots: ['password', 'password2'],
    system: 'registry',
  },
  {
    kind: 'log-analytics',
    address: 'Microsoft.OperationalInsights/workspaces/{name}',
    slots: ['primarySharedKey', 'secondarySharedKey'],
  },
  {
    kind: 'apim-subscription',
    address: 'Microsoft.ApiManagement/service/{name}/subscriptions/{subscription}',
    slots: ['primaryKey', 'secondaryKey'],
  },
  {
    kind: 'function-keys',
    address: `${SITE}/host/default/functionKeys`,
    resource: [SITE, '/host/default/functionKeys'],
    set: 'functionKeys',
    slots: ['default', 'default2'],
    named: true,
  },
  {
    kind: 'function-keys',
    address: `${SITE}/host/default/systemKeys`,
    resource: [SITE, '/host/default/systemKeys'],
    set: 'systemKeys',
    slots: ['eventgrid_extension', 'eventgrid_2'],
    named: true,
  },
  {
    kind: 'function-keys',
    address: `${SITE}/functions/{function}/keys`,
    resource: [SITE, '/functions/orders/keys'],
    set: 'functions/orders',
    slots: ['default', 'other'],
    named: true,
  },
];

/** Rows that run the whole contract suite from here; storage accounts have a harness of their own, with the SDK. */
export const KINDS: readonly string[] = ARM_KEY_ROWS.map(({ kind }) => kind).filter((one) => one !== 'storage-account');

export function harnessOf(kind: string, shared?: () => StorageCloud): ArmKeyHarness {
  const place = PLACES.find((one) => one.kind === kind);
  if (place === undefined) throw new Error(`no place in the sandbox is known for ${kind}`);
  return new ArmKeyHarness(place, shared);
}

/** Several rows over one cloud, which runs while the tests that are described do. */
export function describeOverCloud(describeTests: (shared: () => StorageCloud) => void): void {
  describe('keys that ARM regenerates', () => {
    let cloud: StorageCloud | undefined;
    beforeAll(async () => {
      cloud = await startStorageCloud();
    });
    afterAll(() => cloud?.stop());
    describeTests(() => {
      if (cloud === undefined) throw new Error('the cloud has not been started');
      return cloud;
    });
  });
}

/** The contract suite for several rows. */
export function describeArmKeys(kinds: readonly string[]): void {
  describeOverCloud((shared) => {
    for (const kind of kinds) describeRotator(harnessOf(kind, shared));
  });
}
