/** Databases, caches and messaging: what their ARM calls answer (facts C). */
import { armProblem } from '../errors.ts';
import { base64Key, plain } from '../service.ts';
import type { Service } from '../service.ts';
import { cosmosEncryption } from './key-users.ts';

const redisKeys = ({ Primary, Secondary }: Readonly<Record<string, string>>): unknown => ({
  primaryKey: Primary,
  secondaryKey: Secondary,
});

/** Its 202 has no body, and the operation that it names ends with none. */
const cosmos = plain({
  address: 'Microsoft.DocumentDB/databaseAccounts/{name}',
  slots: ['primary', 'secondary', 'primaryReadonly', 'secondaryReadonly'],
  mint: base64Key(64),
  list: [
    '/listKeys',
    (keys) => ({
      primaryMasterKey: keys['primary'],
      secondaryMasterKey: keys['secondary'],
      primaryReadonlyMasterKey: keys['primaryReadonly'],
      secondaryReadonlyMasterKey: keys['secondaryReadonly'],
    }),
  ],
  renew: { path: '/regenerateKey', member: 'keyKind', later: 'status', answer: () => undefined },
  more: cosmosEncryption,
  busy: () =>
    armProblem(
      412,
      'PreconditionFailed',
      'There is already an operation in progress which requires exclusive lock on this service. Please retry the operation after sometime.',
    ),
});

const redis = plain({
  address: 'Microsoft.Cache/redis/{name}',
  slots: ['Primary', 'Secondary'],
  mint: base64Key(32),
  list: ['/listKeys', redisKeys],
  renew: { path: '/regenerateKey', member: 'keyType' },
});

const managedRedis = plain({
  address: 'Microsoft.Cache/redisEnterprise/{name}/databases/{database}',
  slots: ['Primary', 'Secondary'],
  mint: base64Key(32),
  list: ['/listKeys', redisKeys],
  renew: { path: '/regenerateKey', member: 'keyType', later: 'location' },
});

/** The rule of a namespace, or of something in it: each has two keys, and connection strings made of them. */
function rule(address: string, member: 'keyType' | 'policyKey'): Service {
  return plain({
    address,
    slots: ['PrimaryKey', 'SecondaryKey'],
    mint: base64Key(32),
    list: [
      '/listKeys',
      ({ PrimaryKey = '', SecondaryKey = '' }) => ({
        primaryKey: PrimaryKey,
        secondaryKey: SecondaryKey,
        primaryConnectionString: `Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey=${PrimaryKey}`,
        secondaryConnectionString: `Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey=${SecondaryKey}`,
        keyName: 'rule',
      }),
    ],
    renew: { path: '/regenerateKeys', member },
  });
}

export const DATA_SERVICES: readonly Service[] = [
  cosmos,
  redis,
  managedRedis,
  rule('Microsoft.ServiceBus/namespaces/{name}/AuthorizationRules/{rule}', 'keyType'),
  rule('Microsoft.ServiceBus/namespaces/{name}/queues/{entity}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.ServiceBus/namespaces/{name}/topics/{entity}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.EventHub/namespaces/{name}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.EventHub/namespaces/{name}/eventhubs/{entity}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.Relay/namespaces/{name}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.Relay/namespaces/{name}/hybridConnections/{entity}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.Relay/namespaces/{name}/wcfRelays/{entity}/authorizationRules/{rule}', 'keyType'),
  rule('Microsoft.NotificationHubs/namespaces/{name}/AuthorizationRules/{rule}', 'policyKey'),
  rule('Microsoft.NotificationHubs/namespaces/{name}/notificationHubs/{entity}/AuthorizationRules/{rule}', 'policyKey'),
];
