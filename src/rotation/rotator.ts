import type { ObjectRef } from './object.ts';
import type { SecretValue } from './secret-value.ts';

/* The rotator's interface: one backing system, four verbs, and what they are told. */

/**
 * One of the places of a backing system that hold a credential: a login of a pair, `key1`, `primary`. Where each rotation
 * makes a credential of its own (overlap `many`), its id; the empty text stands for the one that is still to be made.
 */
export type Slot = string;

export interface Capabilities {
  /** Who generates the value: the engine, the system, or a person who hands it in through the runbook. */
  readonly minting: 'engine' | 'system' | 'person';
  /**
   * How old and new coexist. `two-slots`: in the two slots of the target. `many`: each rotation makes one more. `none`: the
   * new one takes the place of the old one at `set`; the engine puts it away in the vault before that (docs/adr/0006).
   */
  readonly overlap: 'none' | 'two-slots' | 'many';
  /**
   * With an overlap of `none`: `set` keeps the value before valid until `revoke`, where the system's version can. Whether this
   * one can is not asked for: a run must not forget to revoke because it died before it could say so (docs/adr/0009).
   */
  readonly retains?: true;
  /** Whether `revoke` can take an old credential out of use by itself. */
  readonly revocable: boolean;
  /** What a `test` that passes means: the credential was used; the system was asked what it holds; nothing can be asked. */
  readonly proof: 'log-in' | 'read-back' | 'none';
}

/** What the tags of a secret say about the backing system. Names and syntax are checked already. */
export interface TargetInput {
  /** Empty where the rotator does not need it, likewise `providerAddress`. */
  readonly credentialId: string;
  readonly alternateCredentialId?: string;
  readonly providerAddress: string;
}

/** A parsed target: the backing system and the slots of it that one managed object uses. */
export interface Target<C = unknown> {
  /** The backing system, canonical: the same system always gives the same id, whatever the tag's spelling. */
  readonly id: string;
  /**
   * Every slot this object uses, canonical spelling: exactly two for an overlap of `two-slots`, one for `none`, and none for
   * `many`, where nothing is shared between rotations.
   */
  readonly slots: readonly Slot[];
  /** The slot that the tag CredentialId names; one of `slots` where there are any. */
  readonly current: Slot;
  /** Secrets and certificates that this one's value comes from: when one of them has a new version, this one is due. */
  readonly sources?: readonly ObjectRef[];
  /**
   * The credential in the value is that of the sources: they prove it, keep the old one for its overlap and end it, and
   * this object does none of the three.
   */
  readonly computed?: true;
  /** A version ends with its credential (`Issued.notAfter`), unless the tag ValidityPeriodDays itself says sooner. */
  readonly endsWithCredential?: true;
  /** What ends an old credential at once where `revoke` ends nothing: a sentence, told when a compromised rotation is over. */
  readonly endedBy?: string;
  /** Every `host` or `host:port` that will be reached. The engine refuses those not allowed by the settings. */
  readonly hosts: readonly string[];
  /** The user in a connection string is not the credential's id, but a name that the system gives: `Issued.user`. */
  readonly namesUsers?: true;
  readonly config: C;
}

export interface Call {
  /** Aborted when the lease ends or the call has taken too long. Pass it on to whatever does I/O. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/** The credential to be made. It is journalled before `set` is called. */
export interface Pending {
  /** Idempotency key; stamped on the system's side where possible. */
  readonly rotationId: string;
  /** Chosen by the engine: the idle slot; the only one (overlap `none`); empty for one to be made (`many`). */
  readonly slot: Slot;
  /** Present unless minting is `system`. */
  readonly value?: SecretValue;
  /** When the version that will hold it expires, where nothing ends sooner. A credential with an end of its own ends later. */
  readonly expiresOn?: Date;
  /**
   * What readers use now. But for an overlap of `none` `set` must not touch it, and refuses if `slot` is where it is. Where it
   * `retains`, `set` never makes it stop logging in, whatever an earlier attempt has left; and with this very value as the new
   * one it takes back what an earlier attempt has set.
   */
  readonly current: Issued;
}

export interface LiveCredential {
  readonly credentialId: string;
  readonly slot?: Slot;
  /** The rotation that made it, where the system keeps a label: a crash's orphan is found by it (overlap `many`). */
  readonly rotationId?: string;
  readonly notAfter?: Date;
  /** Who is logged in with it now, one line each without secrets; absent where the system cannot tell. */
  readonly sessions?: readonly string[];
}

export interface Issued {
  readonly credentialId: string;
  readonly slot: Slot;
  readonly value: SecretValue;
  readonly notAfter?: Date;
  /** It was there before this rotation, and nothing on it says whose it is: another secret may hand it out, too. */
  readonly adopted?: true;
  /**
   * Takes the place of the user in the secret's value, where it has one: for a secret that is computed from others, and where
   * the target names its users. Absent where nobody knows it yet.
   */
  readonly user?: string;
}

/** Something that stands in the way of a rotation, found without changing anything. */
export interface Blocker {
  readonly code:
    'GRANTS_DIFFER' | 'TARGET_NOT_FOUND' | 'ACCESS_DENIED' | 'CONFIG_INVALID' | 'HUMAN_REQUIRED' | 'UNAVAILABLE';
  readonly message: string;
  readonly remedy: string;
  /** It is about what comes next: it keeps a rotation from beginning, and no old credential from being taken out of use. */
  readonly about?: 'next';
}

export interface Rotator<C = unknown> {
  /** Names configuration, logs and metrics. Nothing branches on it. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** Which of these tags a secret must have; both when absent. */
  readonly needs?: readonly ('CredentialId' | 'ProviderAddress')[];
  /** Does this rotator serve the address? Used when the tag `Rotator` is absent. Pure. */
  claims(providerAddress: string): boolean;
  /** Pure. Throws `CONFIG_INVALID` listing every problem, each with its path (`tags.ProviderAddress`, …). */
  parseTarget(input: TargetInput): Target<C>;
  /** One line for a person, for each remote call that `set` would make. Pure; used by the dry run. */
  describe(target: Target<C>, slot: Slot): readonly string[];
  /** Read-only: what stands in the way of `set` on this slot. Throws on nothing but being unable to look. */
  check(target: Target<C>, slot: Slot, current: Issued, call: Call): Promise<readonly Blocker[]>;
  /** The credentials of this target that exist now. Read-only. */
  list(target: Target<C>, call: Call): Promise<readonly LiveCredential[]>;
  /**
   * Makes the pending credential exist, after the same checks as `check` (any blocker is thrown).
   * Repeating a rotationId ends with the same one live credential. `'pending'` means: call again later.
   * After it throws with effect `none` the system is as before; with `unknown` only `pending.slot` may differ, or, for
   * `many`, one more credential with the rotation's id on it may exist.
   */
  set(target: Target<C>, pending: Pending, call: Call): Promise<Issued | 'pending'>;
  /**
   * Really authenticates with the credential. Throws `CREDENTIAL_REJECTED` if the system says no; any other
   * code means that the question could not be asked. Changes nothing.
   */
  test(target: Target<C>, issued: Issued, call: Call): Promise<void>;
  /**
   * Takes the credential out of use; absent is success. `endSessions` (compromised only) also ends the
   * sessions opened with it. Never called for the current credential, but for an overlap of `none`: there the value before it is
   * taken out of use, where it still is in use, and all sessions of the account are ended.
   */
  revoke(target: Target<C>, slot: Slot, how: { readonly endSessions: boolean }, call: Call): Promise<void>;
  /**
   * Where the target has sources: does the value hold what they have now? Read-only. Where it is absent, a `test` that
   * passes says so.
   */
  isUpToDate?(target: Target<C>, issued: Issued, call: Call): Promise<boolean>;
  /** Creates what `check` misses (the second account, its grants). Returns what was done, one line each. */
  bootstrap?(target: Target<C>, how: { readonly dryRun: boolean }, call: Call): Promise<readonly string[]>;
}

/** How the administrator of a host proves itself; from settings, never from tags. */
export type Administrator =
  | { readonly kind: 'token'; readonly user: string; readonly token: SecretValue }
  | { readonly kind: 'password'; readonly user: string; readonly password: SecretValue };

/** Gives the administrator credential of a host. */
export interface Administrators {
  /**
   * @param host `host` or `host:port` as in `Target.hosts`
   * @param scope the Entra scope that this kind of system takes tokens for
   * @throws CONFIG_INVALID when the settings name no administrator for this host
   */
  for(host: string, scope: string, call: Call): Promise<Administrator>;
}
