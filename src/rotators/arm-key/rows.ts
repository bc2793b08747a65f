import type { Call, Issued, Slot } from '../../rotation/ports.ts';
import { SecretValue } from '../../rotation/ports.ts';
import type { ArmKeyConfig } from './config.ts';
import { proveStorageKey, storageHost } from './storage-probe.ts';

/** What the composition root says about the cloud; the same for every row. */
export interface CloudNames {
  /** Storage's DNS suffix, with a port where it is not 443: `core.windows.net`. */
  readonly storageSuffix: string;
}

/** One call to ARM, below the resource's path. */
export interface ArmVerb {
  /** What follows the resource's path, e.g. `/listKeys`. */
  readonly path: string;
  /** The RBAC action that it needs, as role definitions spell it. */
  readonly action: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string>>;
}

/**
 * A service whose two keys ARM lists and regenerates. Names, spelling and case of paths, bodies and slots differ from
 * service to service (facts C), so a row spells out each of them and nothing is derived from another.
 */
export interface ArmKeyRow {
  /** The rotator's kind. */
  readonly kind: string;
  readonly resourceType: string;
  readonly apiVersion: string;
  /** What the resource is called in a sentence. */
  readonly noun: string;
  readonly name: { readonly pattern: RegExp; readonly rule: string };
  readonly slots: readonly [Slot, Slot];
  readonly list: ArmVerb;
  regenerate(slot: Slot): ArmVerb;
  /** The keys in the answer of either call; slots that the answer does not have are absent. Pure. */
  readKeys(body: unknown): ReadonlyMap<Slot, SecretValue>;
  /** The built-in role with the fewest rights that grants both calls. */
  readonly role: string;
  /** The command that shows a person which key is which. */
  listByHand(config: ArmKeyConfig): string;
  /** The data-plane hosts that `prove` reaches. */
  hosts(config: ArmKeyConfig, names: CloudNames): readonly string[];
  /** Really authenticates with the key; throws as `Rotator.test` does. */
  prove(config: ArmKeyConfig, issued: Issued, names: CloudNames, call: Call): Promise<void>;
}

/** `{keys:[{keyName,value,permissions,creationTime}]}` (facts C, Storage); kerb1 and kerb2 are passed over. */
function storageKeys(body: unknown): ReadonlyMap<Slot, SecretValue> {
  const keys = new Map<Slot, SecretValue>();
  const items = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(items)) return keys;
  for (const item of items as readonly unknown[]) {
    if (typeof item !== 'object' || item === null || !('keyName' in item) || !('value' in item)) continue;
    const slot = typeof item.keyName === 'string' ? item.keyName.toLowerCase() : '';
    const known = slot === 'key1' || slot === 'key2';
    if (known && typeof item.value === 'string' && item.value !== '') keys.set(slot, new SecretValue(item.value));
  }
  return keys;
}

/** Storage accounts: facts C and E. Both calls are synchronous, and both answer with all keys. */
export const STORAGE_ROW: ArmKeyRow = {
  kind: 'storage-account',
  resourceType: 'Microsoft.Storage/storageAccounts',
  apiVersion: '2025-08-01',
  noun: 'storage account',
  name: { pattern: /^[a-z0-9]{3,24}$/i, rule: 'the storage account name must be 3 to 24 letters and digits' },
  slots: ['key1', 'key2'],
  list: { path: '/listKeys', action: 'Microsoft.Storage/storageAccounts/listkeys/action' },
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.Storage/storageAccounts/regeneratekey/action',
    body: { keyName: slot },
  }),
  readKeys: storageKeys,
  role: 'Storage Account Key Operator Service Role',
  listByHand: ({ name, resourceGroup, subscriptionId }) =>
    `az storage account keys list --account-name ${name} --resource-group '${resourceGroup}' --subscription ${subscriptionId}`,
  hosts: ({ name }, { storageSuffix }) => [storageHost(name, storageSuffix)],
  prove: ({ name, resourceGroup }, issued, { storageSuffix }, call) =>
    proveStorageKey({ account: name, resourceGroup, host: storageHost(name, storageSuffix) }, issued, call),
};
