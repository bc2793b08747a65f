import { randomBytes, randomUUID } from 'node:crypto';
import type { Cmk } from './cmk.ts';
import { DEFAULT_SERVICES } from './storage-encryption.ts';

export type KeyName = 'key1' | 'key2';

export interface StorageAccount {
  readonly name: string;
  /** The ARM resource id, in the spelling it was created with. */
  readonly id: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly keys: Record<KeyName, { value: string; creationTime: Date }>;
  /** False: the data plane answers KeyBasedAuthenticationNotPermitted. */
  allowSharedKeyAccess: boolean;
  /** The key of a vault that it encrypts with. */
  cmk?: Cmk;
  /** Which of its services are encrypted. */
  services: Readonly<Record<string, unknown>>;
  /** True: the data plane answers AuthorizationFailure, as to a network that is not let in. */
  firewalled: boolean;
}

/** The storage accounts of the sandbox: ARM rotates their keys, the Blob endpoint checks signatures with them. */
export class StorageAccounts {
  readonly subscriptionId: string = randomUUID();
  /** Every subscription there is; the groups are the same in each. */
  readonly subscriptions = new Set([this.subscriptionId]);
  readonly resourceGroups = new Set(['rg-sandbox']);
  readonly #accounts = new Map<string, StorageAccount>();
  readonly #now: () => Date;
  readonly #onKey: (value: string) => void;

  constructor(now: () => Date, onKey: (value: string) => void) {
    this.#now = now;
    this.#onKey = onKey;
  }

  /** @throws when the name is taken: account names are global */
  create(name: string, resourceGroup = 'rg-sandbox'): StorageAccount {
    if (!/^[a-z0-9]{3,24}$/.test(name)) throw new Error(`${name} is not a storage account name`);
    if (this.#accounts.has(name)) throw new Error(`the storage account ${name} exists`);
    this.resourceGroups.add(resourceGroup);
    const account: StorageAccount = {
      name,
      id: `/subscriptions/${this.subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Storage/storageAccounts/${name}`,
      subscriptionId: this.subscriptionId,
      resourceGroup,
      keys: { key1: this.#key(), key2: this.#key() },
      allowSharedKeyAccess: true,
      firewalled: false,
      services: DEFAULT_SERVICES,
    };
    this.#accounts.set(name, account);
    return account;
  }

  find(name: string): StorageAccount | undefined {
    return this.#accounts.get(name.toLowerCase());
  }

  /** Deletes the account; the returned function brings it back with the keys it had. */
  remove(name: string): () => void {
    const account = this.#accounts.get(name);
    this.#accounts.delete(name);
    return () => {
      if (account !== undefined) this.#accounts.set(name, account);
    };
  }

  regenerate(account: StorageAccount, key: KeyName): void {
    account.keys[key] = this.#key();
  }

  #key(): { value: string; creationTime: Date } {
    const value = randomBytes(64).toString('base64');
    this.#onKey(value);
    return { value, creationTime: this.#now() };
  }
}
