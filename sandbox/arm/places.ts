/** Where the keys of each service are: every address under which they can be had, with the names of the two that belong together. */
import type { System } from '../traffic.ts';
import type { ArmService } from './arm.ts';
import type { Resource } from './service.ts';

/** One address of a service's keys. */
export interface Place {
  readonly kind: string;
  /** Below `/providers/`, names in braces. */
  readonly address: string;
  /** The sandbox's resource, where it is not at the address itself, and what follows its id in the tag. */
  readonly resource?: readonly [address: string, below: string];
  /** Before the slots in the resource's keys. */
  readonly set?: string;
  readonly slots: readonly [string, string];
  /** The slots are named by both tags, and the second key does not exist at first. */
  readonly named?: true;
  readonly system?: System;
}

const RULE = { slots: ['PrimaryKey', 'SecondaryKey'], system: 'messaging' } as const;
const KEYS = { slots: ['Primary', 'Secondary'] } as const;
const SITE = 'Microsoft.Web/sites/{name}';

/** Every address of every service, with every pair that it has. */
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

/** A resource of the place, with what a secret's tags say about it. */
export interface Made {
  readonly resource: Resource;
  readonly providerAddress: string;
  readonly credentialId: string;
  /** Where the slots are named by both tags. */
  readonly alternateCredentialId?: string;
  /** The key in a slot now; empty where there is none. */
  readonly key: (slot: string) => string;
  /** Is it one of the keys that the resource has now? */
  readonly accepts: (value: string) => boolean;
}

export function createAt(arm: Pick<ArmService, 'create'>, place: Place, name: string): Made {
  const { address, resource: [at, below] = [address, ''], slots, named, set } = place;
  const names = { name, rule: 'Root', entity: 'orders', database: 'default', subscription: 'sub1' };
  const resource = arm.create(at, names);
  const [credentialId, other] = slots;
  const inSet = set === undefined ? '' : `${set}/`;
  return {
    resource,
    providerAddress: `${resource.id}${below}`,
    credentialId,
    ...(named ? { alternateCredentialId: other } : {}),
    key: (slot) => resource.keys.get(`${inSet}${slot}`)?.value ?? '',
    accepts: (value) => [...resource.keys].some(([slot, key]) => slot.startsWith(inSet) && key.value === value),
  };
}
