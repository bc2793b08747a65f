import { COSMOS_PLANE } from '../probes/cosmos.ts';
import { REDIS_PLANE } from '../probes/redis.ts';
import type { ArmKeyRow } from '../row.ts';
import { members, nameRule } from '../shapes.ts';

/** Cosmos DB: two pairs, of which the tag CredentialId names one. Its 202 has no body, and may take hours (facts C). */
export const COSMOS_ROW: ArmKeyRow = {
  kind: 'cosmos-db',
  noun: 'Cosmos DB account',
  addresses: ['Microsoft.DocumentDB/databaseAccounts/{name}'],
  names: { name: nameRule('account name', /^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$/i, '3 to 50 letters, digits and -') },
  apiVersion: '2025-10-15',
  pairs: [
    ['primary', 'secondary'],
    ['primaryReadonly', 'secondaryReadonly'],
  ],
  list: () => ({ path: '/listKeys', action: 'Microsoft.DocumentDB/databaseAccounts/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.DocumentDB/databaseAccounts/regenerateKey/action',
    body: { keyKind: slot },
  }),
  readKeys: members({
    primary: 'primaryMasterKey',
    secondary: 'secondaryMasterKey',
    primaryReadonly: 'primaryReadonlyMasterKey',
    secondaryReadonly: 'secondaryReadonlyMasterKey',
  }),
  // Cosmos DB Operator will not do: it is denied the keys (facts E).
  role: 'DocumentDB Account Contributor',
  proof: COSMOS_PLANE,
};

/** Azure Cache for Redis. */
export const REDIS_ROW: ArmKeyRow = {
  kind: 'redis',
  noun: 'Redis cache',
  addresses: ['Microsoft.Cache/redis/{name}'],
  names: { name: nameRule('cache name', /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]?$/i, '1 to 63 letters, digits and -') },
  apiVersion: '2024-11-01',
  pairs: [['Primary', 'Secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.Cache/redis/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.Cache/redis/regenerateKey/action',
    body: { keyType: slot },
  }),
  readKeys: members({ Primary: 'primaryKey', Secondary: 'secondaryKey' }),
  role: 'Redis Cache Contributor',
  proof: REDIS_PLANE,
};

/**
 * Azure Managed Redis and Redis Enterprise. A cluster's host has its region in it, which the resource id does not tell, and
 * what may be reached must be known before ARM is asked: so a key is read back.
 */
export const MANAGED_REDIS_ROW: ArmKeyRow = {
  kind: 'managed-redis',
  noun: 'Redis cluster',
  addresses: ['Microsoft.Cache/redisEnterprise/{name}/databases/{database}'],
  names: {
    name: nameRule('cluster name', /^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]?$/i, '1 to 60 letters, digits and -'),
    database: nameRule('database name', /^[a-z0-9][a-z0-9-]{0,58}$/i, '1 to 59 letters, digits and -; it is default'),
  },
  apiVersion: '2022-01-01',
  pairs: [['Primary', 'Secondary']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.Cache/redisEnterprise/databases/listKeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.Cache/redisEnterprise/databases/regenerateKey/action',
    body: { keyType: slot },
  }),
  readKeys: members({ Primary: 'primaryKey', Secondary: 'secondaryKey' }),
  // Redis Cache Contributor is for Microsoft.Cache/redis only (facts E).
  role: 'Contributor',
  proof: 'read back',
};
