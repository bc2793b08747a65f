import type { ObjectRef } from './object.ts';
import type { RotationPolicy, SecretListing, VersionInfo } from './ports.ts';
import type { Call } from './rotator.ts';

/* Keys of a vault, and the resources that encrypt their data with them. */

/** Of an ISO 8601 duration in whole days and months, as Key Vault takes them: `P90D`, `P2Y`. */
export interface Period {
  readonly months: number;
  readonly days: number;
}

/** What the vault does with a key by itself. */
export interface KeyRotationPolicy {
  /** The vault makes a new version so long after the version was made, or before it expires; absent: it makes none. */
  readonly rotates?: { readonly from: 'creation' | 'expiry'; readonly period: Period };
  /** How long a new version is valid; absent: new versions have no expiry. */
  readonly expiry?: Period;
}

/** What may be changed on a version of a key, in one call. */
export interface KeyChange {
  readonly expiresOn?: Date;
  /** The whole map, as of a secret. */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Keys of a vault. Nobody holds their value, so there is none here. Old versions stay enabled, because data is encrypted under
 * them: there is no call that disables one. Errors are `RotationError`s; every read has effect `none`.
 */
export interface KeysPort {
  /** @throws TARGET_NOT_FOUND absent or deleted; HUMAN_REQUIRED disabled; ACCESS_DENIED with the role to grant */
  current(object: ObjectRef, call: Call): Promise<VersionInfo>;
  /** Every version, newest first. */
  versions(object: ObjectRef, call: Call): Promise<readonly VersionInfo[]>;
  rotationPolicy(object: ObjectRef, call: Call): Promise<KeyRotationPolicy>;
  /**
   * The vault makes a new version, at every call another one. After it throws with `unknown`, look at the current version.
   * Nothing can be stamped on it: whether it carries the tags of the version before is for the caller to see.
   */
  rotate(object: ObjectRef, call: Call): Promise<VersionInfo>;
  /** May be repeated. After it throws with `unknown`, look. */
  amend(object: ObjectRef, version: string, change: KeyChange, call: Call): Promise<void>;
  /** Every key of the vault, with the attributes and tags of its current version. */
  list(vault: string, call: Call): AsyncIterable<SecretListing>;
}

/** A version of a key, as its users refer to it: `https://kv.vault.azure.net/keys/<name>[/<version>]`. */
export interface KeyAddress {
  readonly vault: string;
  readonly name: string;
}

/** How a resource uses the key that encrypts its data. */
export interface KeyUse {
  /** `pinned`: it stays at its version until it is told another; `versionless`: it looks for the newest one by itself. */
  readonly follows: 'pinned' | 'versionless';
  /** Which key it uses. Absent: one that Microsoft manages, or one that cannot be read. */
  readonly key?: KeyAddress;
  /** The version in use. Absent where the service does not tell. */
  readonly version?: string;
  /** It is being changed just now, by whomever: it is to be looked at again later. */
  readonly busy?: boolean;
  /** What the service says about having failed to follow. */
  readonly problem?: string;
}

/** A kind of resource that encrypts its data with a key of a vault, named by its ARM id. */
export interface KeyUser {
  readonly kind: string;
  /** Is the resource of this kind? Pure. */
  claims(armId: string): boolean;
  /** Read-only. @throws TARGET_NOT_FOUND, ACCESS_DENIED, CONFIG_INVALID when the id is not that of a resource, … */
  read(armId: string, call: Call): Promise<KeyUse>;
  /** One line for a person, for each remote call that `moveOn` would make. Pure. @throws CONFIG_INVALID */
  describe(armId: string, key: KeyAddress): readonly string[];
  /**
   * Makes a pinned resource use this version of the key that it uses already. May be repeated. `'pending'`: the service has
   * accepted it and is at it; `read` tells when it is done. After it throws, the resource uses the old or the new version.
   */
  moveOn(armId: string, key: KeyAddress & { readonly version: string }, call: Call): Promise<'moved' | 'pending'>;
}

/** A managed key with everything that its tags say. */
export interface ManagedKey {
  /** Names it in the ledger, beside the rotators of secrets. */
  readonly rotator: string;
  readonly policy: RotationPolicy;
  /** The resources that use it, by ARM id; in the order of the tags, each once. */
  readonly users: readonly string[];
}
