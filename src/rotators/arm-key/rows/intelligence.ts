import { SEARCH_PLANE } from '../probes/search.ts';
import type { ArmKeyRow } from '../row.ts';
import { members, nameRule } from '../shapes.ts';

/**
 * Azure AI services, Azure OpenAI among them. An account's host is its custom subdomain, which need not be its name, or its
 * region's; and which path takes a key depends on the account's kind: so a key is read back.
 */
export const COGNITIVE_SERVICES_ROW: ArmKeyRow = {
  kind: 'cognitive-services',
  noun: 'Azure AI services account',
  addresses: ['Microsoft.CognitiveServices/accounts/{name}'],
  names: { name: nameRule('account name', /^[a-z0-9][a-z0-9_.-]{1,63}$/i, '2 to 64 letters, digits, _ . -') },
  apiVersion: '2025-09-01',
  pairs: [['Key1', 'Key2']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.CognitiveServices/accounts/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.CognitiveServices/accounts/regenerateKey/action',
    body: { keyName: slot },
  }),
  readKeys: members({ Key1: 'key1', Key2: 'key2' }),
  role: 'Cognitive Services Contributor',
  proof: 'read back',
};

/** The admin keys. Query keys are not a pair: they are created and deleted one by one. */
export const AI_SEARCH_ROW: ArmKeyRow = {
  kind: 'ai-search',
  noun: 'search service',
  addresses: ['Microsoft.Search/searchServices/{name}'],
  names: { name: nameRule('service name', /^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]$/i, '2 to 60 letters, digits and -') },
  apiVersion: '2025-05-01',
  pairs: [['primary', 'secondary']],
  list: () => ({ path: '/listAdminKeys', action: 'Microsoft.Search/searchServices/listAdminKeys/action' }),
  regenerate: (slot) => ({
    path: `/regenerateAdminKey/${slot}`,
    action: 'Microsoft.Search/searchServices/regenerateAdminKey/action',
  }),
  readKeys: members({ primary: 'primaryKey', secondary: 'secondaryKey' }),
  role: 'Search Service Contributor',
  proof: SEARCH_PLANE,
};

export const MAPS_ROW: ArmKeyRow = {
  kind: 'maps',
  noun: 'Azure Maps account',
  addresses: ['Microsoft.Maps/accounts/{name}'],
  names: { name: nameRule('account name', /^[a-z0-9][a-z0-9_.-]{0,97}$/i, '1 to 98 letters, digits, _ . -') },
  apiVersion: '2023-06-01',
  pairs: [['primary', 'secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.Maps/accounts/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.Maps/accounts/regenerateKey/action',
    body: { keyType: slot },
  }),
  readKeys: members({ primary: 'primaryKey', secondary: 'secondaryKey' }),
  // No built-in role for the keys was found (facts E).
  role: 'Contributor',
  proof: 'read back',
};
