import type { Adoption } from './adoption/record.ts';
import type { RotationError } from './errors.ts';
import type { ObjectKind, ObjectRef } from './object.ts';
import type { Call } from './rotator.ts';

/* Who uses an object of a vault, and what it takes to make them use its new version. */

/** The version that consumers are to use: the current one, whatever version an event was about. */
export interface VersionRef {
  readonly object: ObjectRef;
  readonly version: string;
  /** By the vault's clock, in whole seconds: for consumers that only show when they last read it. */
  readonly createdOn?: Date;
  /** Of a certificate only. */
  readonly certificate?: ServedCertificate;
}

/** What is public of a certificate, as far as its consumers care. */
export interface ServedCertificate {
  /** SHA-256 and SHA-1 of the DER, upper-case hex without colons. ARM shows the second one as `thumbprint`. */
  readonly sha256: string;
  readonly sha1: string;
  /** The DNS names that it is valid for, lower case; the first label may be `*`. */
  readonly names: readonly string[];
  readonly notAfter: Date;
  readonly keyType: 'RSA' | 'EC';
  /** False: the vault never gives the private key away, so nobody can serve it. */
  readonly exportable: boolean;
  /** `application/x-pkcs12` or `application/x-pem-file`. */
  readonly contentType: string;
}

/** One reference to the object, held by a resource: found by asking that resource, never kept in a registry. */
export interface Reference {
  /** The kind of consumer, which names the adapter. */
  readonly kind: string;
  /** The ARM id of what holds the reference; with `#…` behind it where one resource holds several; or `channels/<name>`. Unique. */
  readonly id: string;
  /** The resource that a push changes: no two pushes to one at the same time. */
  readonly parent: string;
  /** The version that it names. Absent: it follows the newest one by itself, in its service's own time. */
  readonly pinned?: string;
  /** Under which names it serves the certificate. */
  readonly hosts: readonly string[];
  /** It is told, and nobody waits for it: no retirement is held up by it. */
  readonly advisory?: boolean;
}

/** How a consumer was seen to use the version, the strongest first; `by-person`: not by the app, but somebody has looked and says so. */
export type ProofKind = 'handshake' | 'resolved-version' | 'delivered' | 'control-plane' | 'by-person';

export type Confirmation =
  | { readonly is: 'adopted'; readonly proof: Exclude<ProofKind, 'by-person'>; readonly detail: string }
  /** It uses another version still. */
  | { readonly is: 'pending'; readonly detail: string }
  /** Nobody can tell from here: its network is closed, or its name leads elsewhere. `remedy` says what to look at. */
  | { readonly is: 'unreachable'; readonly detail: string; readonly remedy: string };

export type Refreshed =
  | { readonly is: 'pushed' }
  /** It has taken the version, and said so: nobody can be asked later, so this answer is the proof. */
  | { readonly is: 'delivered'; readonly detail: string }
  /** Its service is at it. The text finds the operation again after a crash: it is given to the next `refresh`. */
  | { readonly is: 'running'; readonly operation: string }
  /** Nothing can be pushed: its service looks for new versions by itself. */
  | { readonly is: 'follows' }
  /** Only a person can do it, or may decide it. */
  | { readonly is: 'reported'; readonly detail: string; readonly remedy: string };

/** A kind of consumer. Errors are `RotationError`s. */
export interface Consumer {
  /** Names it in the ledger and the docs. Nothing branches on it. */
  readonly kind: string;
  readonly objects: readonly ObjectKind[];
  /** How long its service takes to have a version that was pushed, or to find one by itself; its documentation's word, in ms. */
  readonly lagMs: { readonly pushed: number; readonly follows: number };
  /**
   * Makes the consumer use the version. May be repeated, also with another version. @param operation of an earlier `running`
   * @throws CONFIG_INVALID when the version is none that it could use; CONFLICT when the resource is being changed by somebody else;
   *   TARGET_NOT_FOUND when it is gone. After it throws, the consumer uses the old or the new version.
   */
  refresh(reference: Reference, version: VersionRef, operation: string | undefined, call: Call): Promise<Refreshed>;
  /** Read-only. @throws as `refresh` does, when it could not even be asked */
  confirm(reference: Reference, version: VersionRef, call: Call): Promise<Confirmation>;
}

/** A place that could not be looked through, and what to do about it: who is there may hold a reference that nobody knows of. */
export interface Gap {
  /** The id of a resource or a subscription. */
  readonly where: string;
  readonly message: string;
  readonly remedy?: string;
  /** It may answer in a while, and is asked again soon; absent: somebody has to grant or change something. */
  readonly passing?: true;
  /** It stands for so many places, which are not named. */
  readonly count?: number;
}

/** What was found of an object's consumers. */
export interface Discovered {
  readonly references: readonly Reference[];
  readonly gaps: readonly Gap[];
}

/** Finds the consumers of an object by the references that they hold. */
export interface Discovery {
  /** False where the settings name no subscription to look through, and no channel: then nobody is looked for. */
  readonly enabled: boolean;
  /** Can there be anybody who must have the object's new version before anything older goes? Not where all are advisory. Pure. */
  waitsFor(object: ObjectRef): boolean;
  /**
   * Read-only. It ends in time to tell what it has found: whoever does not answer is a gap. @param only the gaps of an earlier look;
   * these places are looked through, and nothing else @throws only when nothing at all could be looked through
   */
  find(object: ObjectRef, call: Call, only?: readonly Gap[]): Promise<Discovered>;
}

export interface AdoptionEntry {
  readonly record: Adoption;
  readonly etag: string;
}

/** Where the consumers of objects stand: one row an object, its ETag lease and fence; and who changes which resource. */
export interface Adoptions {
  read(object: ObjectRef, call: Call): Promise<AdoptionEntry | undefined>;
  /** `etag` undefined: the row must not exist. @throws LEASE_LOST (effect none); TIMED_OUT, UNAVAILABLE (unknown) @returns the new ETag */
  write(record: Adoption, etag: string | undefined, call: Call): Promise<string>;
  /** Every row that has something left to do; for one that cannot be read, its JOURNAL_INVALID. */
  open(call: Call): AsyncIterable<AdoptionEntry | RotationError>;
  /** Takes a resource for pushes until then, or keeps it. Read again before it is written. @returns false: it is another owner's */
  takeParent(parent: string, owner: string, until: Date, call: Call): Promise<boolean>;
  /** Gives it back; absent, or somebody else's by now, is success. */
  releaseParent(parent: string, owner: string, call: Call): Promise<void>;
}
