import { REGISTRY_PLANE } from '../probes/registry.ts';
import type { ArmKeyRow } from '../row.ts';
import { listItems, members, nameRule } from '../shapes.ts';

/** A Batch account's host has its region in it, which the resource id does not tell: so a key is read back. */
export const BATCH_ROW: ArmKeyRow = {
  kind: 'batch',
  noun: 'Batch account',
  addresses: ['Microsoft.Batch/batchAccounts/{name}'],
  names: { name: nameRule('account name', /^[a-z0-9]{3,24}$/i, '3 to 24 letters and digits') },
  apiVersion: '2023-11-01',
  pairs: [['Primary', 'Secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.Batch/batchAccounts/listkeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKeys',
    action: 'Microsoft.Batch/batchAccounts/regeneratekeys/action',
    body: { keyName: slot },
  }),
  readKeys: members({ Primary: 'primary', Secondary: 'secondary' }),
  role: 'Contributor',
  proof: 'read back',
};

/** The two passwords of the registry's admin. */
export const CONTAINER_REGISTRY_ROW: ArmKeyRow = {
  kind: 'container-registry',
  noun: 'container registry',
  addresses: ['Microsoft.ContainerRegistry/registries/{name}'],
  names: { name: nameRule('registry name', /^[a-z0-9]{5,50}$/i, '5 to 50 letters and digits') },
  apiVersion: '2025-11-01',
  pairs: [['password', 'password2']],
  list: () => ({ path: '/listCredentials', action: 'Microsoft.ContainerRegistry/registries/listCredentials/action' }),
  regenerate: (slot) => ({
    path: '/regenerateCredential',
    action: 'Microsoft.ContainerRegistry/registries/regenerateCredential/action',
    body: { name: slot },
  }),
  readKeys: listItems(['password', 'password2'], { list: 'passwords', name: 'name', value: 'value' }),
  role: 'Contributor',
  proof: REGISTRY_PLANE,
};

/** Both SDKs leave out what selects the key. The service wants it in the query, and refuses it in the body (facts C). */
export const LOG_ANALYTICS_ROW: ArmKeyRow = {
  kind: 'log-analytics',
  noun: 'Log Analytics workspace',
  addresses: ['Microsoft.OperationalInsights/workspaces/{name}'],
  names: { name: nameRule('workspace name', /^[a-z0-9][a-z0-9-]{2,61}[a-z0-9]$/i, '4 to 63 letters, digits and -') },
  apiVersion: '2020-08-01',
  pairs: [['primarySharedKey', 'secondarySharedKey']],
  list: () => ({ path: '/sharedKeys', action: 'Microsoft.OperationalInsights/workspaces/sharedKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateSharedKey',
    action: 'Microsoft.OperationalInsights/workspaces/regenerateSharedKey/action',
    query: { keyType: slot },
  }),
  // What the second call answers is not verified [?]: a key that is not in it is listed.
  readKeys: members({ primarySharedKey: 'primarySharedKey', secondarySharedKey: 'secondarySharedKey' }),
  role: 'Log Analytics Contributor',
  proof: 'read back',
};

/** One path for each slot, and an answer without a body. */
export const APIM_SUBSCRIPTION_ROW: ArmKeyRow = {
  kind: 'apim-subscription',
  noun: 'subscription of API Management service',
  addresses: ['Microsoft.ApiManagement/service/{name}/subscriptions/{subscription}'],
  names: {
    name: nameRule('service name', /^[a-z][a-z0-9-]{0,48}[a-z0-9]?$/i, '1 to 50 letters, digits and -, a letter first'),
    subscription: nameRule('subscription name', /^[a-z0-9][a-z0-9_-]{0,79}$/i, '1 to 80 letters, digits, _ -'),
  },
  apiVersion: '2024-05-01',
  pairs: [['primaryKey', 'secondaryKey']],
  list: () => ({ path: '/listSecrets', action: 'Microsoft.ApiManagement/service/subscriptions/listSecrets/action' }),
  regenerate: (slot) =>
    slot === 'primaryKey'
      ? {
          path: '/regeneratePrimaryKey',
          action: 'Microsoft.ApiManagement/service/subscriptions/regeneratePrimaryKey/action',
        }
      : {
          path: '/regenerateSecondaryKey',
          action: 'Microsoft.ApiManagement/service/subscriptions/regenerateSecondaryKey/action',
        },
  readKeys: members({ primaryKey: 'primaryKey', secondaryKey: 'secondaryKey' }),
  role: 'API Management Service Contributor',
  proof: 'read back',
};
