import type { ArmKeyRow } from '../row.ts';
import { members, nameRule } from '../shapes.ts';

const EVENT_GRID = nameRule('name', /^[a-z0-9-]{3,50}$/i, '3 to 50 letters, digits and -');
const SIGNALR = nameRule('name', /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/i, '3 to 63 letters, digits and -, a letter first');

/** A topic's key is made by an operation that ends later, a domain's at once (facts C). */
export const EVENT_GRID_TOPIC_ROW: ArmKeyRow = {
  kind: 'event-grid-topic',
  noun: 'Event Grid topic',
  addresses: ['Microsoft.EventGrid/topics/{name}'],
  names: { name: EVENT_GRID },
  apiVersion: '2022-06-15',
  pairs: [['key1', 'key2']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.EventGrid/topics/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.EventGrid/topics/regenerateKey/action',
    body: { keyName: slot },
  }),
  readKeys: members({ key1: 'key1', key2: 'key2' }),
  role: 'EventGrid Contributor',
  // Nothing can be read with a topic's key; to try it would be to publish an event.
  proof: 'read back',
};

export const EVENT_GRID_DOMAIN_ROW: ArmKeyRow = {
  kind: 'event-grid-domain',
  noun: 'Event Grid domain',
  addresses: ['Microsoft.EventGrid/domains/{name}'],
  names: { name: EVENT_GRID },
  apiVersion: '2022-06-15',
  pairs: [['key1', 'key2']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.EventGrid/domains/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.EventGrid/domains/regenerateKey/action',
    body: { keyName: slot },
  }),
  readKeys: members({ key1: 'key1', key2: 'key2' }),
  role: 'EventGrid Contributor',
  proof: 'read back',
};

export const SIGNALR_ROW: ArmKeyRow = {
  kind: 'signalr',
  noun: 'SignalR service',
  addresses: ['Microsoft.SignalRService/signalR/{name}'],
  names: { name: SIGNALR },
  apiVersion: '2023-02-01',
  pairs: [['Primary', 'Secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.SignalRService/SignalR/listkeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.SignalRService/SignalR/regeneratekey/action',
    body: { keyType: slot },
  }),
  readKeys: members({ Primary: 'primaryKey', Secondary: 'secondaryKey' }),
  role: 'SignalR/Web PubSub Contributor',
  proof: 'read back',
};

export const WEB_PUBSUB_ROW: ArmKeyRow = {
  kind: 'web-pubsub',
  noun: 'Web PubSub service',
  addresses: ['Microsoft.SignalRService/webPubSub/{name}'],
  names: { name: SIGNALR },
  apiVersion: '2024-03-01',
  pairs: [['Primary', 'Secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.SignalRService/WebPubSub/listkeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.SignalRService/WebPubSub/regeneratekey/action',
    body: { keyType: slot },
  }),
  readKeys: members({ Primary: 'primaryKey', Secondary: 'secondaryKey' }),
  role: 'SignalR/Web PubSub Contributor',
  proof: 'read back',
};
