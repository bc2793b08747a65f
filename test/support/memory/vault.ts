import { RotationError } from '../../../src/rotation/errors.ts';
import {
  SecretValue,
  type Clock,
  type CurrentVersion,
  type NewVersion,
  type ObjectRef,
  type SecretListing,
  type VaultPort,
  type VersionInfo,
} from '../../../src/rotation/ports.ts';
import { createVault } from '../../../src/vault/key-vault.ts';
import type { Calls } from './calls.ts';

type Tags = Readonly<Record<string, string>>;
type Stored = { -readonly [K in keyof CurrentVersion]: CurrentVersion[K] };

/** The limits are those of the real port, which needs no service to say what it refuses. */
const REAL = createVault({ credential: () => Promise.reject(new Error('no service is reached')) });

/** Vaults in memory: versions newest first, as the service keeps them. */
export class MemoryVault implements VaultPort {
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #secrets = new Map<string, { readonly object: ObjectRef; readonly versions: Stored[] }>();
  #made = 0;

  constructor(calls: Calls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  async current(object: ObjectRef): Promise<CurrentVersion> {
    await this.#calls.made('vault.current');
    const newest = this.peek(object)[0];
    if (newest === undefined) throw refusal('TARGET_NOT_FOUND', `there is no secret ${object.name}`, 'Recover it.');
    if (!newest.enabled) throw refusal('HUMAN_REQUIRED', `${object.name} is disabled`, 'Enable it.');
    return { ...newest };
  }

  validate(next: NewVersion): void {
    REAL.validate(next);
  }

  async write(object: ObjectRef, next: NewVersion): Promise<{ readonly version: string }> {
    await this.#calls.made('vault.write');
    return { version: this.put(object, next.value.reveal(), next.tags, next) };
  }

  async versions(object: ObjectRef): Promise<readonly VersionInfo[]> {
    await this.#calls.made('vault.versions');
    return this.peek(object).map((version) => ({ ...version }));
  }

  async disable(object: ObjectRef, version: string): Promise<void> {
    await this.#calls.made('vault.disable');
    this.change(object, { enabled: false }, version);
  }

  /** As Key Vault lists secrets: without the version, which the address in the list does not have (facts A4). */
  async *list(vault: string): AsyncIterable<SecretListing> {
    await this.#calls.made('vault.list');
    for (const { object, versions } of [...this.#secrets.values()]) {
      const newest = versions[0];
      if (object.vault !== vault || newest === undefined) continue;
      const { value: _value, version: _version, ...info } = newest;
      yield { ...info, object };
    }
  }

  /* What tests look at and put there. */

  put(object: ObjectRef, value: string, tags: Tags, more: Partial<VersionInfo> = {}): string {
    this.#made += 1;
    const version = `v${this.#made}`;
    const { expiresOn, contentType, createdOn = this.#clock.now(), managed = false, notBefore } = more;
    const made: Stored = {
      version,
      enabled: true,
      createdOn,
      updatedOn: createdOn,
      managed,
      tags: { ...tags },
      value: new SecretValue(value),
      ...(expiresOn === undefined ? {} : { expiresOn }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(notBefore === undefined ? {} : { notBefore }),
    };
    const key = `${object.vault}/${object.name}`;
    this.#secrets.set(key, { object, versions: [made, ...this.peek(object)] });
    return version;
  }

  /** What a person changes on a version that is there, the current one where none is named. */
  change(object: ObjectRef, changes: Partial<Stored>, version = this.peek(object)[0]?.version): void {
    const found = this.peek(object).find((one) => one.version === version);
    if (found === undefined) throw new TypeError(`no version ${String(version)}`);
    Object.assign(found, { updatedOn: this.#clock.now(), ...changes });
  }

  remove(object: ObjectRef): void {
    this.#secrets.delete(`${object.vault}/${object.name}`);
  }

  peek(object: ObjectRef): readonly Stored[] {
    return this.#secrets.get(`${object.vault}/${object.name}`)?.versions ?? [];
  }
}

function refusal(code: 'TARGET_NOT_FOUND' | 'HUMAN_REQUIRED', message: string, remedy: string): RotationError {
  return new RotationError({ code, recovery: 'human', message, remedy });
}
