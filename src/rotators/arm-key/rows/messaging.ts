import { sasPlane } from '../probes/sas.ts';
import type { ArmKeyRow } from '../row.ts';
import { ENTITY, members, nameRule, RULE } from '../shapes.ts';

/* Namespaces whose rules have two keys each: the rule of a namespace, or of one entity in it. */

const NAMESPACE = nameRule('namespace name', /^[a-z][a-z0-9-]{4,48}[a-z0-9]$/i, '6 to 50 letters, digits and -');
const NAMES = { name: NAMESPACE, entity: ENTITY, rule: RULE };

export const SERVICE_BUS_ROW: ArmKeyRow = {
  kind: 'service-bus',
  noun: 'rule of Service Bus namespace',
  addresses: [
    'Microsoft.ServiceBus/namespaces/{name}/AuthorizationRules/{rule}',
    'Microsoft.ServiceBus/namespaces/{name}/queues/{entity}/authorizationRules/{rule}',
    'Microsoft.ServiceBus/namespaces/{name}/topics/{entity}/authorizationRules/{rule}',
  ],
  names: NAMES,
  apiVersion: '2021-11-01',
  pairs: [['PrimaryKey', 'SecondaryKey']],
  list: ({ type }) => ({ path: '/listKeys', action: `${type}/listKeys/action` }),
  regenerate: (slot, { type }) => ({
    path: '/regenerateKeys',
    action: `${type}/regenerateKeys/action`,
    body: { keyType: slot },
  }),
  readKeys: members({ PrimaryKey: 'primaryKey', SecondaryKey: 'secondaryKey' }),
  role: 'Azure Service Bus Data Owner',
  proof: sasPlane('Service Bus'),
};

export const EVENT_HUBS_ROW: ArmKeyRow = {
  kind: 'event-hubs',
  noun: 'rule of Event Hubs namespace',
  addresses: [
    'Microsoft.EventHub/namespaces/{name}/authorizationRules/{rule}',
    'Microsoft.EventHub/namespaces/{name}/eventhubs/{entity}/authorizationRules/{rule}',
  ],
  names: NAMES,
  apiVersion: '2024-01-01',
  pairs: [['PrimaryKey', 'SecondaryKey']],
  list: ({ type }) => ({ path: '/listKeys', action: `${type}/listKeys/action` }),
  regenerate: (slot, { type }) => ({
    path: '/regenerateKeys',
    action: `${type}/regenerateKeys/action`,
    body: { keyType: slot },
  }),
  readKeys: members({ PrimaryKey: 'primaryKey', SecondaryKey: 'secondaryKey' }),
  role: 'Azure Event Hubs Data Owner',
  proof: sasPlane('Event Hubs'),
};

export const RELAY_ROW: ArmKeyRow = {
  kind: 'relay',
  noun: 'rule of Relay namespace',
  addresses: [
    'Microsoft.Relay/namespaces/{name}/authorizationRules/{rule}',
    'Microsoft.Relay/namespaces/{name}/hybridConnections/{entity}/authorizationRules/{rule}',
    'Microsoft.Relay/namespaces/{name}/wcfRelays/{entity}/authorizationRules/{rule}',
  ],
  names: NAMES,
  apiVersion: '2017-04-01',
  pairs: [['PrimaryKey', 'SecondaryKey']],
  list: ({ type }) => ({ path: '/listKeys', action: `${type}/listKeys/action` }),
  regenerate: (slot, { type }) => ({
    path: '/regenerateKeys',
    action: `${type}/regenerateKeys/action`,
    body: { keyType: slot },
  }),
  readKeys: members({ PrimaryKey: 'primaryKey', SecondaryKey: 'secondaryKey' }),
  role: 'Azure Relay Owner',
  proof: sasPlane('Relay'),
};

export const NOTIFICATION_HUBS_ROW: ArmKeyRow = {
  kind: 'notification-hubs',
  noun: 'rule of Notification Hubs namespace',
  addresses: [
    'Microsoft.NotificationHubs/namespaces/{name}/AuthorizationRules/{rule}',
    'Microsoft.NotificationHubs/namespaces/{name}/notificationHubs/{entity}/AuthorizationRules/{rule}',
  ],
  names: NAMES,
  apiVersion: '2017-04-01',
  pairs: [['PrimaryKey', 'SecondaryKey']],
  list: ({ type }) => ({ path: '/listKeys', action: `${type}/listKeys/action` }),
  regenerate: (slot, { type }) => ({
    path: '/regenerateKeys',
    action: `${type}/regenerateKeys/action`,
    body: { policyKey: slot },
  }),
  readKeys: members({ PrimaryKey: 'primaryKey', SecondaryKey: 'secondaryKey' }),
  // There is no built-in role for the keys alone.
  role: 'Contributor',
  proof: sasPlane('Notification Hubs'),
};
