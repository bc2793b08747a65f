/** What a request to ARM asks for, and what the answers look like (facts C, Storage). */
import type { SandboxRequest } from '../http.ts';
import type { KeyName, StorageAccount, StorageAccounts } from './accounts.ts';
import * as refuse from './errors.ts';
import { findOperation } from './resources.ts';
import type { Found } from './resources.ts';
import { shownEncryption } from './storage-encryption.ts';

const TYPE = 'Microsoft.Storage/storageAccounts';

/** What is asked for: one operation on one resource. */
export interface Ask {
  readonly subscriptionId: string;
  readonly group: string;
  readonly name: string;
  readonly action: string;
  readonly scope: string;
  /** Only shows the resource: a lock or a running operation is nothing to it. */
  readonly reads: boolean;
  /** Of a storage account. */
  readonly verb?: keyof typeof VERBS;
  /** Of anything else. */
  readonly found?: Found;
}

const VERBS = {
  '': 'read',
  patch: 'write',
  listkeys: 'listKeys/action',
  regeneratekey: 'regenerateKey/action',
} as const;

/** The operation that the request asks for. @throws HttpProblem 400 or 405 */
export function parse(request: SandboxRequest): Ask {
  if (!/^\d{4}-\d\d-\d\d(?:-preview)?$/.test(request.query.get('api-version') ?? '')) {
    const text = 'The api-version query parameter (?api-version=) is required for all requests.';
    throw refuse.armProblem(400, 'MissingApiVersionParameter', text);
  }
  const [subscriptions, subscriptionId = '', groups, group = '', providers, ...tail] = request.segments;
  const ask =
    [subscriptions, groups, providers].join('/').toLowerCase() === 'subscriptions/resourcegroups/providers'
      ? (storage(request, subscriptionId, group, tail) ?? other(request, subscriptionId, group, tail))
      : undefined;
  if (ask !== undefined) return ask;
  const text = `The requested resource does not support http method '${request.method}'.`;
  throw refuse.armProblem(405, 'MethodNotAllowed', text);
}

function storage(
  request: SandboxRequest,
  subscriptionId: string,
  group: string,
  tail: readonly string[],
): Ask | undefined {
  const [namespace, type, name = '', verb = ''] = tail;
  if (`${namespace ?? ''}/${type ?? ''}`.toLowerCase() !== TYPE.toLowerCase() || tail.length > 4) return undefined;
  const lower = verb.toLowerCase();
  if (lower !== '' && lower !== 'listkeys' && lower !== 'regeneratekey') return undefined;
  const patches = lower === '' && request.method === 'PATCH';
  if (!patches && request.method !== (lower === '' ? 'GET' : 'POST')) return undefined;
  const scope = `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/${TYPE}/${name}`;
  const asked = patches ? 'patch' : lower;
  return { subscriptionId, group, name, verb: asked, reads: asked === '', action: `${TYPE}/${VERBS[asked]}`, scope };
}

function other(
  request: SandboxRequest,
  subscriptionId: string,
  group: string,
  tail: readonly string[],
): Ask | undefined {
  const found = findOperation(`/subscriptions/${subscriptionId}/resourceGroups/${group}`, tail, request.method);
  if (found === undefined) return undefined;
  const { name, scope, operation } = found;
  return { subscriptionId, group, name, scope, action: operation.action, reads: request.method === 'GET', found };
}

/** The resource's group; empty for a whole subscription. @throws HttpProblem 404 when subscription or group do not exist */
export function lookUpGroup(accounts: StorageAccounts, ask: Ask): string {
  if (!accounts.subscriptions.has(ask.subscriptionId.toLowerCase()))
    throw refuse.subscriptionNotFound(ask.subscriptionId);
  if (ask.group === '') return '';
  const group = [...accounts.resourceGroups].find((known) => known.toLowerCase() === ask.group.toLowerCase());
  if (group === undefined) throw refuse.groupNotFound(ask.group);
  return group;
}

/** The account. @throws HttpProblem 404, of the first thing on the path that does not exist */
export function lookUp(accounts: StorageAccounts, ask: Ask): StorageAccount {
  const group = lookUpGroup(accounts, ask);
  const account = accounts.find(ask.name);
  if (account?.resourceGroup.toLowerCase() !== group.toLowerCase())
    throw refuse.resourceNotFound(TYPE, ask.name, group);
  return account;
}

/** The key that a regenerateKey body names. @throws HttpProblem 400 */
export function keyName(body: unknown): KeyName {
  const name = typeof body === 'object' && body !== null && 'keyName' in body ? body.keyName : undefined;
  const lower = typeof name === 'string' ? name.toLowerCase() : '';
  if (lower === 'key1' || lower === 'key2') return lower;
  const text = 'Values for request parameters are invalid: keyName.';
  throw refuse.armProblem(400, 'InvalidValuesForRequestParameters', text);
}

/** The answer of both calls: every key, values included. */
export function keysOf(account: StorageAccount): unknown {
  const item = (keyName: KeyName): unknown => {
    const { value, creationTime } = account.keys[keyName];
    return { keyName, value, permissions: 'FULL', creationTime: creationTime.toISOString() };
  };
  return { keys: [item('key1'), item('key2')] };
}

/** The account as GET answers it: no key values. */
export function resourceOf(account: StorageAccount): unknown {
  const keyCreationTime = { key1: account.keys.key1.creationTime, key2: account.keys.key2.creationTime };
  return {
    id: account.id,
    name: account.name,
    type: TYPE,
    kind: 'StorageV2',
    location: 'westeurope',
    sku: { name: 'Standard_LRS', tier: 'Standard' },
    properties: {
      provisioningState: 'Succeeded',
      allowSharedKeyAccess: account.allowSharedKeyAccess,
      keyCreationTime,
      encryption: shownEncryption(account),
    },
  };
}

/** The two values, for tests. @throws when there is no such account */
export function plainKeys(accounts: StorageAccounts, name: string): Record<KeyName, string> {
  const account = accounts.find(name);
  if (account === undefined) throw new Error(`there is no storage account ${name}`);
  return { key1: account.keys.key1.value, key2: account.keys.key2.value };
}
