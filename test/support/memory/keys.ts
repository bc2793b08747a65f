import { RotationError } from '../../../src/rotation/errors.ts';
import type {
  Call,
  Clock,
  KeyAddress,
  KeyChange,
  KeyRotationPolicy,
  KeysPort,
  KeyUse,
  KeyUser,
  ObjectRef,
  SecretListing,
  VersionInfo,
} from '../../../src/rotation/ports.ts';
import type { Calls } from './calls.ts';

type Stored = { -readonly [K in keyof VersionInfo]: VersionInfo[K] };

/** Keys in memory: versions newest first, each call of `rotate` one more. */
export class MemoryKeys implements KeysPort {
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #keys = new Map<string, { readonly object: ObjectRef; readonly versions: Stored[] }>();
  #made = 0;
  policy: KeyRotationPolicy = {};
  /** Whether the vault's rotate puts the tags of the version before on the new one: not documented. */
  keepsTags = true;
  rotations = 0;
  /** The expiry that its policy gives a new version. */
  expires: Date | undefined;
  /** The vault's own event follows every version. */
  onVersion: (object: ObjectRef, version: string) => void = () => undefined;

  constructor(calls: Calls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  async current(object: ObjectRef): Promise<VersionInfo> {
    await this.#calls.made('keys.current');
    const newest = this.peek(object)[0];
    if (newest === undefined)
      throw new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message: `no key ${object.name}` });
    return { ...newest };
  }

  async versions(object: ObjectRef): Promise<readonly VersionInfo[]> {
    await this.#calls.made('keys.versions');
    return this.peek(object).map((version) => ({ ...version }));
  }

  async rotationPolicy(): Promise<KeyRotationPolicy> {
    await this.#calls.made('keys.rotationPolicy');
    return this.policy;
  }

  async rotate(object: ObjectRef, call?: Call): Promise<VersionInfo> {
    await this.#calls.made('keys.rotate');
    // As the SDK does with a request whose time is over.
    if (call?.signal.aborted === true)
      throw new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message: 'aborted before it was sent' });
    this.rotations += 1;
    const tags = this.keepsTags ? (this.peek(object)[0]?.tags ?? {}) : {};
    this.put(object, tags, this.expires === undefined ? {} : { expiresOn: this.expires });
    return { ...(this.peek(object)[0] as Stored) };
  }

  async amend(object: ObjectRef, version: string, change: KeyChange): Promise<void> {
    await this.#calls.made('keys.amend');
    this.change(object, change, version);
  }

  async *list(vault: string): AsyncIterable<SecretListing> {
    await this.#calls.made('keys.list');
    for (const { object, versions } of [...this.#keys.values()]) {
      const newest = versions[0];
      if (object.vault !== vault || newest === undefined) continue;
      const { version: _version, ...info } = newest;
      yield { ...info, object };
    }
  }

  /* What tests look at and put there. */

  put(object: ObjectRef, tags: Readonly<Record<string, string>>, more: Partial<VersionInfo> = {}): string {
    this.#made += 1;
    const version = `k${this.#made}`;
    const { createdOn = this.#clock.now(), expiresOn, managed = false, enabled = true } = more;
    const updatedOn = more.updatedOn ?? createdOn;
    const base: Stored = { version, enabled, createdOn, updatedOn, managed, tags: { ...tags } };
    const made: Stored = expiresOn === undefined ? base : { ...base, expiresOn };
    this.#keys.set(`${object.vault}/${object.name}`, { object, versions: [made, ...this.peek(object)] });
    this.onVersion(object, version);
    return version;
  }

  change(object: ObjectRef, changes: Partial<Stored>, version = this.peek(object)[0]?.version): void {
    const found = this.peek(object).find((one) => one.version === version);
    if (found === undefined) throw new TypeError(`no version ${String(version)}`);
    Object.assign(found, { updatedOn: new Date(this.#clock.now().getTime() + 1), ...changes });
  }

  remove(object: ObjectRef): void {
    this.#keys.delete(`${object.vault}/${object.name}`);
  }

  peek(object: ObjectRef): readonly Stored[] {
    return this.#keys.get(`${object.vault}/${object.name}`)?.versions ?? [];
  }
}

export interface MemoryUse extends KeyUse {
  /** The change is accepted and takes effect when a test says so. */
  slow?: boolean;
  /** It says that it has changed, and has not. */
  deaf?: boolean;
}

/** Resources in memory that use keys. Their ids end in `/test.users/<name>`. */
export class MemoryKeyUsers implements KeyUser {
  readonly kind = 'test-user';
  readonly #calls: Calls;
  readonly uses = new Map<string, MemoryUse>();
  /** What slow ones have accepted. */
  readonly accepted = new Map<string, string>();
  moves = 0;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  claims(armId: string): boolean {
    return armId.includes('/test.users/');
  }

  async read(armId: string): Promise<KeyUse> {
    await this.#calls.made('user.read');
    const { slow: _slow, deaf: _deaf, ...use } = this.#use(armId);
    return use;
  }

  describe(armId: string, key: KeyAddress): readonly string[] {
    return [`PATCH ${armId} to the new version of ${key.name}`];
  }

  async moveOn(
    armId: string,
    key: KeyAddress & { readonly version: string },
    call?: Call,
  ): Promise<'moved' | 'pending'> {
    await this.#calls.made('user.moveOn');
    if (call?.signal.aborted === true)
      throw new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message: 'aborted before it was sent' });
    this.moves += 1;
    const use = this.#use(armId);
    if (use.slow === true) {
      this.accepted.set(armId, key.version);
      return 'pending';
    }
    if (use.deaf !== true) this.uses.set(armId, { ...use, version: key.version });
    return 'moved';
  }

  /** Slow ones have got to the end of what they have accepted. */
  settle(): void {
    for (const [armId, version] of this.accepted) this.uses.set(armId, { ...this.#use(armId), version });
    this.accepted.clear();
  }

  #use(armId: string): MemoryUse {
    const use = this.uses.get(armId);
    if (use === undefined)
      throw new RotationError({
        code: 'TARGET_NOT_FOUND',
        recovery: 'reconfigure',
        message: `${armId} is not there`,
        remedy: 'Correct the tag KeyUser',
      });
    return use;
  }
}
