/** One vault's keys in memory: versions and rotation policies (facts A8). Knows no HTTP but its errors. */
import { randomBytes } from 'node:crypto';
import { badParameter, keyNotFound } from './errors.ts';
import { lazyMaterial, noMaterial } from './key-crypto.ts';
import type { KeyMaterial } from './key-crypto.ts';
import { compare } from './store.ts';

export interface KeyVersion {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly kty: string;
  readonly material: () => KeyMaterial;
  tags?: Readonly<Record<string, string>>;
  enabled: boolean;
  /** Epoch seconds, all four. */
  nbf?: number;
  exp?: number;
  readonly created: number;
  updated: number;
  readonly createdMs: number;
  /** Backs a certificate. */
  readonly managed?: boolean;
}

export interface KeyPolicy {
  readonly id?: string;
  readonly lifetimeActions: readonly {
    readonly trigger: { readonly timeAfterCreate?: string; readonly timeBeforeExpiry?: string };
    readonly action: { readonly type: 'Rotate' | 'Notify' };
  }[];
  readonly attributes: { readonly expiryTime?: string; readonly created?: number; readonly updated?: number };
}

export interface StoredKey {
  readonly name: string;
  /** Oldest first. */
  readonly versions: KeyVersion[];
  policy?: KeyPolicy;
}

export interface KeyInput {
  readonly tags?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly nbf?: number;
  readonly exp?: number;
  readonly managed?: boolean;
}

export interface KeyStoreOptions {
  readonly now: () => Date;
  /** Whether a rotation puts the tags of the version before on the new one; what the service does is not documented. */
  readonly rotationKeepsTags: () => boolean;
  /** False: keys are made at once, and wrap nothing. */
  readonly cryptography: boolean;
  onVersion(key: StoredKey, version: KeyVersion): void;
  onChange(): void;
}

const DAY_S = 86_400;

export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #keys = new Map<string, StoredKey>();

  constructor(options: KeyStoreOptions) {
    this.#options = options;
  }

  all(): StoredKey[] {
    return [...this.#keys.values()].sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }

  find(name: string): StoredKey | undefined {
    return this.#keys.get(name.toLowerCase());
  }

  remove(name: string): void {
    this.#keys.delete(name.toLowerCase());
    this.#options.onChange();
  }

  /** The version, or the current one: the most recently created, even if it is disabled. @throws HttpProblem 404 */
  version(name: string, id?: string): { key: StoredKey; version: KeyVersion } {
    const key = this.find(name);
    const version = id === undefined ? key?.versions.at(-1) : key?.versions.find((one) => one.id === id);
    if (key === undefined || version === undefined) throw keyNotFound(id === undefined ? name : `${name}/${id}`);
    return { key, version };
  }

  create(name: string, input: KeyInput, id = randomBytes(16).toString('hex')): { key: StoredKey; version: KeyVersion } {
    const nowMs = this.#options.now().getTime();
    const created = Math.floor(nowMs / 1000);
    const material = this.#options.cryptography ? lazyMaterial() : noMaterial();
    const { enabled = true, ...rest } = input;
    const version: KeyVersion = {
      ...rest,
      kty: 'RSA',
      material,
      id,
      enabled,
      created,
      updated: created,
      createdMs: nowMs,
    };
    const key = this.#keys.get(name.toLowerCase()) ?? { name, versions: [] };
    key.versions.push(version);
    this.#keys.set(name.toLowerCase(), key);
    this.#options.onVersion(key, version);
    this.#options.onChange();
    return { key, version };
  }

  /** One more version; its expiry comes from the policy, or there is none. @throws HttpProblem 404 */
  rotate(name: string): { key: StoredKey; version: KeyVersion } {
    const { key, version: before } = this.version(name);
    const life = key.policy?.attributes.expiryTime;
    const now = Math.floor(this.#options.now().getTime() / 1000);
    const kept = this.#options.rotationKeepsTags() && before.tags !== undefined;
    return this.create(key.name, {
      ...(kept ? { tags: { ...before.tags } } : {}),
      ...(life === undefined ? {} : { exp: now + daysOf(life) * DAY_S }),
    });
  }

  /** `tags` replaces the whole map. @throws HttpProblem 404 */
  patch(
    name: string,
    id: string | undefined,
    change: Omit<KeyInput, 'managed'> & { readonly nbf?: number },
  ): {
    key: StoredKey;
    version: KeyVersion;
  } {
    const found = this.version(name, id);
    Object.assign(found.version, change);
    found.version.updated = Math.floor(this.#options.now().getTime() / 1000);
    this.#options.onChange();
    return found;
  }

  /** Of a key without a policy of its own: the default, which only warns [unverified]. @throws HttpProblem 404 */
  policy(name: string): KeyPolicy {
    const notify = { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Notify' as const } };
    return this.version(name).key.policy ?? { lifetimeActions: [notify], attributes: {} };
  }

  setPolicy(name: string, policy: KeyPolicy): KeyPolicy {
    const { key } = this.version(name);
    const now = Math.floor(this.#options.now().getTime() / 1000);
    // One that only rotates gets the warning of 30 days, too (facts A8).
    const warns = policy.lifetimeActions.some(({ action }) => action.type === 'Notify');
    const notify = { trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Notify' as const } };
    key.policy = {
      lifetimeActions: warns ? policy.lifetimeActions : [...policy.lifetimeActions, notify],
      attributes: { ...policy.attributes, created: key.policy?.attributes.created ?? now, updated: now },
    };
    this.#options.onChange();
    return key.policy;
  }
}

/** Days of `P90D`, `P3M`, `P2Y`; months and years are taken for 30 and 365 days. @throws HttpProblem 400 */
export function daysOf(period: string): number {
  const [, years, months, days] = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?$/.exec(period) ?? [];
  if (years === undefined && months === undefined && days === undefined) {
    throw badParameter('Property rotation policy has invalid value\r\n');
  }
  return Number(years ?? 0) * 365 + Number(months ?? 0) * 30 + Number(days ?? 0);
}
