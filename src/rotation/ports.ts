import type { RotationError } from './errors.ts';
import type { SecretValue } from './secret-value.ts';
import type { JournalRecord, Run } from './record.ts';

import type { ManagedCertificate } from './certificate-ports.ts';
import type { ManagedKey } from './key-ports.ts';
import type { ObjectRef } from './object.ts';
import type { Call, Rotator, Slot, Target } from './rotator.ts';

export { SecretValue } from './secret-value.ts';
export type * from './object.ts';
export type * from './rotator.ts';
export type * from './key-ports.ts';
export type * from './certificate-ports.ts';
export type * from './consumer-ports.ts';
export type * from './notices.ts';

/* ── The vault ───────────────────────────────────────────────────────────────────────────────────────── */

export interface VersionInfo {
  readonly version: string;
  readonly enabled: boolean;
  readonly createdOn: Date;
  readonly updatedOn: Date;
  readonly notBefore?: Date;
  readonly expiresOn?: Date;
  readonly contentType?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Backs a certificate: only the vault writes it. */
  readonly managed: boolean;
}

/** The current version with its value. */
export interface CurrentVersion extends VersionInfo {
  readonly value: SecretValue;
}

/** The current version of a secret as a listing shows it, which does not tell its id (facts A4). */
export interface SecretListing extends Omit<VersionInfo, 'version'> {
  readonly object: ObjectRef;
}

export interface NewVersion {
  readonly value: SecretValue;
  readonly expiresOn: Date;
  readonly contentType?: string;
  /** The whole map: a partial one may replace or merge (facts A4, unverified). */
  readonly tags: Readonly<Record<string, string>>;
}

/** Reads and writes secrets. Errors are `RotationError`s; every read has effect `none`. */
export interface VaultPort {
  /** @throws TARGET_NOT_FOUND absent or deleted; HUMAN_REQUIRED disabled; ACCESS_DENIED with the role to grant */
  current(object: ObjectRef, call: Call): Promise<CurrentVersion>;
  /** Pure: throws what `write` would refuse without asking the vault (size, expiry, tags): `CONFIG_INVALID`. */
  validate(next: NewVersion): void;
  /** One call writes value, expiry, content type and tags together. After it throws with `unknown`, look. */
  write(object: ObjectRef, next: NewVersion, call: Call): Promise<{ readonly version: string }>;
  /** Every version, newest first. */
  versions(object: ObjectRef, call: Call): Promise<readonly VersionInfo[]>;
  /** Disabling a disabled version is success. */
  disable(object: ObjectRef, version: string, call: Call): Promise<void>;
  /** Every secret of the vault, current version's attributes and tags, no values. */
  list(vault: string, call: Call): AsyncIterable<SecretListing>;
}

/** Secrets that the settings name: administrators' credentials and signing keys, of which no tag can choose another. */
export interface NamedSecrets {
  /** The current value, at most a few minutes old. @throws what `VaultPort.current` throws */
  read(secret: ObjectRef, call: Call): Promise<SecretValue>;
  /** The value was refused where it was used: the next `read` asks the vault. */
  forget(secret: ObjectRef): void;
}

/* ── Journal, queue, clock, announcements ────────────────────────────────────────────────────────────── */

export interface JournalEntry {
  readonly record: JournalRecord;
  readonly etag: string;
}

export interface RunFilter {
  readonly object?: ObjectRef;
  readonly vault?: string;
  readonly name?: string;
  readonly state?: Run['state'];
  readonly limit: number;
}

/** A refused or noteworthy thing that belongs to no run: a foreign event, an unknown vault. */
export interface Note {
  /** Idempotency key: the same note written twice is one row. */
  readonly id: string;
  readonly at: Date;
  readonly kind: 'refused' | 'poisoned' | 'propagated';
  readonly object?: ObjectRef;
  readonly version?: string;
  readonly code?: string;
  readonly message: string;
  readonly remedy?: string;
}

/** The journal (one row per managed object, its ETag the lease and the fence) and the ledger (a row per run). */
export interface Journal {
  read(object: ObjectRef, call: Call): Promise<JournalEntry | undefined>;
  /**
   * Writes the record and, in the same transaction, the ledger row of its run. `etag` undefined: the row must
   * not exist. @throws LEASE_LOST when the row changed since (effect none); TIMED_OUT/UNAVAILABLE (unknown)
   * @returns the new ETag
   */
  write(record: JournalRecord, etag: string | undefined, call: Call): Promise<string>;
  /** Records who owns the slots of a system; all or none. Owning them already is success.
   * @returns the owner of a slot that another object owns, or undefined when all are owned now */
  claimSlots(system: string, slots: readonly Slot[], owner: ObjectRef, call: Call): Promise<ObjectRef | undefined>;
  /** Read-only: the first owner of any of these slots, if there is one. */
  slotOwner(system: string, slots: readonly Slot[], call: Call): Promise<ObjectRef | undefined>;
  /** Gives up what `owner` owns of them, so that somebody else can claim. Absent is success. */
  releaseSlots(system: string, slots: readonly Slot[], owner: ObjectRef, call: Call): Promise<void>;
  /** A run that has been asked for but not claimed yet, so that its status can be read at once. */
  announceRun(object: ObjectRef, run: Run, call: Call): Promise<void>;
  run(id: string, call: Call): Promise<{ readonly object: ObjectRef; readonly run: Run } | undefined>;
  runs(filter: RunFilter, call: Call): Promise<readonly { readonly object: ObjectRef; readonly run: Run }[]>;
  /** Every record with a run that is not over, for the sweep; for a row that cannot be read, its JOURNAL_INVALID. */
  open(call: Call): AsyncIterable<JournalEntry | RotationError>;
  note(note: Note, call: Call): Promise<void>;
}

/** `new-version` is about a key or a certificate that has one already, whoever made it, and never makes another. */
export type Trigger =
  'near-expiry' | 'expired' | 'sweep' | 'source' | 'manual' | 'compromised' | 'resume' | 'new-version';

export interface RotateMessage {
  readonly object: ObjectRef;
  readonly trigger: Trigger;
  /** The version the event was about; a trigger about a version that is not current is stale. */
  readonly version?: string;
  /** The run asked for by the runbook, or the run to resume. */
  readonly rotationId?: string;
  readonly force?: boolean;
  readonly requestedBy?: string;
  /** When a person asked for it, ISO 8601: the same message may be delivered again long after that. */
  readonly askedAt?: string;
}

export interface PropagateMessage {
  readonly object: ObjectRef;
  readonly version: string;
  /** A later look at its consumers: the version was announced before. */
  readonly resumes?: boolean;
  /** Asked for by a person: consumers are looked for anew, and told once more. */
  readonly again?: boolean;
  /** Asked for by a retirement: places that could not be looked through are looked through again; whoever was told is not told twice. */
  readonly gaps?: boolean;
  /** Something is about to be taken out of use: whoever has the version is asked whether that still holds, and looked for anew. */
  readonly recheck?: boolean;
}

export interface WorkQueue {
  /** At-least-once; visible after `delayMs` (0 to 7 days; longer is cut to 7 days and the runner waits again). */
  rotate(message: RotateMessage, delayMs: number, call: Call): Promise<void>;
  propagate(message: PropagateMessage, delayMs: number, call: Call): Promise<void>;
}

/** Publishes to the service's own Event Grid topic. No value ever. */
export interface Announcer {
  announce(event: Announcement, call: Call): Promise<void>;
}

export interface Announcement {
  /** Idempotency key for subscribers. */
  readonly id: string;
  readonly type:
    | 'Keyturn.SecretVersionCreated'
    | 'Keyturn.KeyVersionCreated'
    | 'Keyturn.CertificateVersionCreated'
    | 'Keyturn.RotationBlocked';
  readonly object: ObjectRef;
  readonly version?: string;
  readonly rotationId?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly at: Date;
}

export interface Clock {
  now(): Date;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/* ── Configuration of one managed object ─────────────────────────────────────────────────────────────── */

/** A daily window in UTC in which rotations may start; it may pass midnight. */
export interface RotationWindow {
  /** Days of the week it starts on, 0 = Sunday; all seven when absent. */
  readonly days?: readonly number[];
  readonly startMinute: number;
  readonly endMinute: number;
}

/** How a managed secret is to be rotated, from its tags with the settings' defaults. Durations in ms. */
export interface RotationPolicy {
  readonly validityMs: number;
  readonly leadTimeMs: number;
  readonly overlapMs: number;
  /** How many newest versions stay enabled; at least 1. */
  readonly retainVersions: number;
  readonly paused: boolean;
  readonly window?: RotationWindow;
  /** Where the value's format is named; otherwise it is recognised from the value. */
  readonly format?: ValueFormatName;
  /** How a value that the engine mints is to look; its own choice when absent. */
  readonly shape?: ValueShape;
}

/** Literal text around random parts, such as `whsec_` and 24 bytes in base64. */
export type ValueShape = readonly (
  { readonly literal: string } | { readonly alphabet: Alphabet; readonly length: number }
)[];

/** `hex`, `base64` and `base64url` encode random bytes; of the others, `length` counts the characters. */
export type Alphabet = 'password' | 'alphanumeric' | 'digits' | 'hex' | 'base64' | 'base64url';

export type ValueFormatName = 'bare' | 'json' | 'adonet' | 'libpq' | 'jdbc' | 'url' | 'redis';

/** A managed object with everything that its tags say. */
export interface Managed {
  readonly policy: RotationPolicy;
  readonly rotator: Rotator;
  readonly target: Target;
}

/** Reads the tags of a secret or a key. Pure. */
export interface Configuration {
  /** Is this vault one that the settings serve? */
  serves(vault: string): boolean;
  readonly vaults: readonly string[];
  /**
   * @returns undefined when no tag claims the secret for Keyturn
   * @param object what carries the tags: where it is decides which secrets its value may come from
   * @throws CONFIG_INVALID with every problem of the tags, hosts that are not allowed included
   */
  managed(tags: Readonly<Record<string, string>>, object: Pick<ObjectRef, 'vault'>): Managed | undefined;
  /**
   * The same for a key.
   * @throws CONFIG_INVALID
   */
  managedKey(tags: Readonly<Record<string, string>>): ManagedKey | undefined;
  /**
   * The same for a certificate.
   * @throws CONFIG_INVALID
   */
  managedCertificate(tags: Readonly<Record<string, string>>): ManagedCertificate | undefined;
}
