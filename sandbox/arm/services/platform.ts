/** Events, AI and platform services: what their ARM calls answer (facts C). */
import { badRequest, base64Key, hexKey, plain, valuesOf } from '../service.ts';
import type { Operation, Service } from '../service.ts';
import { registryEncryption } from './key-users.ts';
import { customCertificates, SERVING } from './signalr/services.ts';

type Keys = Readonly<Record<string, string>>;

const eventGrid = (address: string, later: boolean): Service =>
  plain({
    address,
    slots: ['key1', 'key2'],
    mint: base64Key(32),
    list: ['/listKeys', ({ key1, key2 }) => ({ key1, key2 })],
    renew: { path: '/regenerateKey', member: 'keyName', ...(later ? { later: 'status' as const } : {}) },
  });

const signalR = (address: string, type: string): Service => ({
  ...SERVING,
  ...plain({
    address,
    slots: ['Primary', 'Secondary'],
    mint: base64Key(48),
    list: [
      '/listKeys',
      ({ Primary = '', Secondary = '' }) => ({
        primaryKey: Primary,
        secondaryKey: Secondary,
        primaryConnectionString: `Endpoint=https://x.service.signalr.net;AccessKey=${Primary};Version=1.0;`,
        secondaryConnectionString: `Endpoint=https://x.service.signalr.net;AccessKey=${Secondary};Version=1.0;`,
      }),
    ],
    renew: { path: '/regenerateKey', member: 'keyType', later: 'location' },
    more: customCertificates(type),
  }),
});

const cognitive = plain({
  address: 'Microsoft.CognitiveServices/accounts/{name}',
  slots: ['Key1', 'Key2'],
  mint: hexKey(16),
  list: ['/listKeys', ({ Key1, Key2 }) => ({ key1: Key1, key2: Key2 })],
  renew: { path: '/regenerateKey', member: 'keyName' },
});

const maps = plain({
  address: 'Microsoft.Maps/accounts/{name}',
  slots: ['primary', 'secondary'],
  mint: base64Key(32),
  list: [
    '/listKeys',
    ({ primary, secondary }) => ({
      primaryKey: primary,
      secondaryKey: secondary,
      primaryKeyLastUpdated: '2026-11-01T00:00:00Z',
      secondaryKeyLastUpdated: '2026-11-01T00:00:00Z',
    }),
  ],
  renew: { path: '/regenerateKey', member: 'keyType' },
});

const batch = plain({
  address: 'Microsoft.Batch/batchAccounts/{name}',
  slots: ['Primary', 'Secondary'],
  mint: base64Key(64),
  list: ['/listKeys', ({ Primary, Secondary }) => ({ accountName: 'x', primary: Primary, secondary: Secondary })],
  renew: { path: '/regenerateKeys', member: 'keyName' },
});

const registryCredentials = ({ password, password2 }: Keys): unknown => ({
  username: 'x',
  passwords: [
    { name: 'password', value: password },
    { name: 'password2', value: password2 },
  ],
});

const registry = plain({
  address: 'Microsoft.ContainerRegistry/registries/{name}',
  slots: ['password', 'password2'],
  mint: base64Key(36),
  list: ['/listCredentials', registryCredentials],
  renew: { path: '/regenerateCredential', member: 'name' },
  more: registryEncryption,
});

/** The slot is part of the path, and there is no body. */
const search: Service = {
  address: 'Microsoft.Search/searchServices/{name}',
  slots: ['primary', 'secondary'],
  mint: hexKey(26),
  operations: [
    lists('/listAdminKeys', 'Microsoft.Search/searchServices/listAdminKeys/action', ({ primary, secondary }) => ({
      primaryKey: primary,
      secondaryKey: secondary,
    })),
    {
      method: 'POST',
      path: /^\/regenerateAdminKey\/(.*)$/i,
      action: 'Microsoft.Search/searchServices/regenerateAdminKey/action',
      begin({ match, resource, renew }) {
        const slot = match[1]?.toLowerCase() ?? '';
        if (slot !== 'primary' && slot !== 'secondary') throw badRequest(`The key kind '${slot}' is not valid.`);
        return () => {
          renew(slot);
          const { primary, secondary } = valuesOf(resource);
          return { status: 200, body: { primaryKey: primary, secondaryKey: secondary } };
        };
      },
    },
  ],
};

/** What selects the key is in the query; a body is not looked at. The answer to a regenerate is not verified: it is empty here. */
const logAnalytics: Service = {
  address: 'Microsoft.OperationalInsights/workspaces/{name}',
  slots: ['primarySharedKey', 'secondarySharedKey'],
  mint: base64Key(64),
  operations: [
    lists('/sharedKeys', 'Microsoft.OperationalInsights/workspaces/sharedKeys/action', (keys) => keys),
    {
      method: 'POST',
      path: /^\/regenerateSharedKey$/i,
      action: 'Microsoft.OperationalInsights/workspaces/regenerateSharedKey/action',
      begin({ request, renew }) {
        const slot = request.query.get('keyType') ?? '';
        if (slot !== 'primarySharedKey' && slot !== 'secondarySharedKey') {
          throw badRequest('keyType value must equal primarySharedKey or secondarySharedKey', 'InvalidParameter');
        }
        return () => {
          renew(slot);
          return { status: 200, body: {} };
        };
      },
    },
  ],
};

/** A path for each slot; 204 without a body. */
const apim: Service = {
  address: 'Microsoft.ApiManagement/service/{name}/subscriptions/{subscription}',
  slots: ['primaryKey', 'secondaryKey'],
  mint: hexKey(16),
  operations: [
    lists('/listSecrets', 'Microsoft.ApiManagement/service/subscriptions/listSecrets/action', (keys) => keys),
    ...(['Primary', 'Secondary'] as const).map((slot): Operation => ({
      method: 'POST',
      path: new RegExp(`^/regenerate${slot}Key$`, 'i'),
      action: `Microsoft.ApiManagement/service/subscriptions/regenerate${slot}Key/action`,
      begin:
        ({ renew }) =>
        () => {
          renew(`${slot.toLowerCase()}Key`);
          return { status: 204 };
        },
    })),
  ],
};

function lists(path: string, action: string, answer: (keys: Keys) => unknown): Operation {
  return {
    method: 'POST',
    path: new RegExp(`^${path}$`, 'i'),
    action,
    begin:
      ({ resource }) =>
      () => ({ status: 200, body: answer(valuesOf(resource)) }),
  };
}

export const PLATFORM_SERVICES: readonly Service[] = [
  eventGrid('Microsoft.EventGrid/topics/{name}', true),
  eventGrid('Microsoft.EventGrid/domains/{name}', false),
  signalR('Microsoft.SignalRService/signalR/{name}', 'Microsoft.SignalRService/SignalR'),
  signalR('Microsoft.SignalRService/webPubSub/{name}', 'Microsoft.SignalRService/WebPubSub'),
  cognitive,
  search,
  maps,
  batch,
  registry,
  logAnalytics,
  apim,
];
