/** One vault's secrets in memory: versions, soft delete, and the rules of facts A4 to A6. Knows no HTTP but its errors. */
import { randomBytes } from 'node:crypto';
import { beingDeleted, beingRecovered, deletedButRecoverable, nameInUse, secretNotFound } from './errors.ts';
import type { DeletedSecret, NewVersion, SecretVersion, StoredSecret, VersionPatch } from './model.ts';

export interface StoreOptions {
  readonly now: () => Date;
  readonly recoverableDays: number;
  readonly deleteDelayMs: number;
  readonly recoverDelayMs: number;
  /** Whether PATCH with `exp: null` clears the date; what the service does is unverified (facts A4). */
  readonly nullClearsDates: boolean;
  onVersion(secret: StoredSecret, version: SecretVersion): void;
  onChange(): void;
}

export class SecretStore {
  readonly #options: StoreOptions;
  readonly #live = new Map<string, StoredSecret>();
  readonly #deleted = new Map<string, DeletedSecret>();
  readonly #recovering = new Map<string, number>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Every live secret, by name. */
  all(): StoredSecret[] {
    return [...this.#live.values()]
      .filter((secret) => !this.#isRecovering(secret.name))
      .sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }

  find(name: string): StoredSecret | undefined {
    const secret = this.#live.get(name.toLowerCase());
    return secret === undefined || this.#isRecovering(name) ? undefined : secret;
  }

  /** The version, or the current one: the most recently created, even if it is disabled. */
  version(name: string, id?: string): { secret: StoredSecret; version: SecretVersion } {
    const secret = this.find(name);
    const version = id === undefined ? secret?.versions.at(-1) : secret?.versions.find((one) => one.id === id);
    if (secret === undefined || version === undefined) throw secretNotFound(id === undefined ? name : `${name}/${id}`);
    return { secret, version };
  }

  put(
    name: string,
    input: NewVersion,
    id = randomBytes(16).toString('hex'),
  ): { secret: StoredSecret; version: SecretVersion } {
    const key = name.toLowerCase();
    this.#refuseDeleted(key);
    if (this.#isRecovering(name)) throw beingRecovered(name);
    const nowMs = this.#options.now().getTime();
    const created = Math.floor(nowMs / 1000);
    const { enabled = true, ...rest } = input;
    const version: SecretVersion = { ...rest, id, enabled, created, updated: created, createdMs: nowMs };
    const secret = this.#live.get(key) ?? { name, versions: [] };
    secret.versions.push(version);
    this.#live.set(key, secret);
    this.#options.onVersion(secret, version);
    this.#options.onChange();
    return { secret, version };
  }

  /** `tags` replaces the whole map; whether the service merges instead is unverified, so clients send the full one. */
  patch(name: string, id: string | undefined, change: VersionPatch): { secret: StoredSecret; version: SecretVersion } {
    const found = this.version(name, id);
    const { version } = found;
    if (change.contentType !== undefined) version.contentType = change.contentType;
    if (change.tags !== undefined) version.tags = change.tags;
    if (change.enabled !== undefined) version.enabled = change.enabled;
    for (const field of ['nbf', 'exp'] as const) {
      const value = change[field];
      if (typeof value === 'number') version[field] = value;
      else if (value === null && this.#options.nullClearsDates) Reflect.deleteProperty(version, field);
    }
    version.updated = Math.floor(this.#options.now().getTime() / 1000);
    this.#options.onChange();
    return found;
  }

  delete(name: string): DeletedSecret {
    const key = name.toLowerCase();
    const secret = this.find(name);
    if (secret === undefined) throw secretNotFound(name);
    const nowMs = this.#options.now().getTime();
    const deletedDate = Math.floor(nowMs / 1000);
    const deleted: DeletedSecret = {
      ...secret,
      deletedDate,
      scheduledPurgeDate: deletedDate + this.#options.recoverableDays * 86_400,
      visibleAtMs: nowMs + this.#options.deleteDelayMs,
    };
    this.#live.delete(key);
    this.#deleted.set(key, deleted);
    this.#options.onChange();
    return deleted;
  }

  allDeleted(): DeletedSecret[] {
    return [...this.#deleted.keys()]
      .map((key) => this.findDeleted(key))
      .filter((secret) => secret !== undefined)
      .sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }

  /** Undefined while it is still being deleted, and once its retention is over. */
  findDeleted(name: string): DeletedSecret | undefined {
    const deleted = this.#deletedNow(name.toLowerCase());
    return deleted === undefined || this.#options.now().getTime() < deleted.visibleAtMs ? undefined : deleted;
  }

  purge(name: string): boolean {
    if (this.#stillDeleting(name)) throw beingDeleted();
    return this.findDeleted(name) !== undefined && this.#deleted.delete(name.toLowerCase());
  }

  recover(name: string): StoredSecret | undefined {
    if (this.#stillDeleting(name)) throw beingDeleted();
    const deleted = this.findDeleted(name);
    if (deleted === undefined) return undefined;
    const key = name.toLowerCase();
    this.#deleted.delete(key);
    const secret = { name: deleted.name, versions: deleted.versions };
    this.#live.set(key, secret);
    this.#recovering.set(key, this.#options.now().getTime() + this.#options.recoverDelayMs);
    this.#options.onChange();
    return secret;
  }

  /** Puts a backed-up secret back with all its versions; throws 409 while its name is taken. */
  restore(saved: StoredSecret): SecretVersion {
    const key = saved.name.toLowerCase();
    this.#refuseDeleted(key);
    const version = saved.versions.at(-1);
    if (this.#live.has(key) || version === undefined) throw nameInUse(saved.name);
    this.#live.set(key, saved);
    this.#options.onChange();
    return version;
  }

  #refuseDeleted(key: string): void {
    if (this.#stillDeleting(key)) throw beingDeleted();
    const deleted = this.#deletedNow(key);
    if (deleted !== undefined) throw deletedButRecoverable(deleted.name);
  }

  #stillDeleting(name: string): boolean {
    const deleted = this.#deletedNow(name.toLowerCase());
    return deleted !== undefined && this.#options.now().getTime() < deleted.visibleAtMs;
  }

  #deletedNow(key: string): DeletedSecret | undefined {
    const deleted = this.#deleted.get(key);
    if (deleted !== undefined && deleted.scheduledPurgeDate * 1000 <= this.#options.now().getTime()) {
      this.#deleted.delete(key);
      return undefined;
    }
    return deleted;
  }

  #isRecovering(name: string): boolean {
    const until = this.#recovering.get(name.toLowerCase());
    if (until === undefined) return false;
    if (this.#options.now().getTime() < until) return true;
    this.#recovering.delete(name.toLowerCase());
    return false;
  }
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
