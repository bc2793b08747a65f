import type { ServedCertificate } from './consumer-ports.ts';
import type { ObjectRef } from './object.ts';
import type { CurrentVersion, RotationPolicy, SecretListing, VersionInfo } from './ports.ts';
import type { Call } from './rotator.ts';

/* Certificates of a vault. */

/** A version that the vault has finished. */
export interface CertificateVersion {
  readonly version: string;
  readonly enabled: boolean;
  readonly createdOn: Date;
  readonly expiresOn?: Date;
  readonly updatedOn: Date;
  /** SHA-1 of its DER, hexadecimal, upper case. */
  readonly thumbprint: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** The newest version with what is public of it. */
export interface CurrentCertificate extends VersionInfo {
  readonly certificate: ServedCertificate;
}

/** How the vault makes the next version, as far as it matters to whoever uses the certificate. */
export interface CertificatePolicy {
  /** `Self`, `Unknown` (a person has its request signed), or the name of an issuer of the vault. */
  readonly issuer: string;
  /** Does the backing secret hold the private key? */
  readonly exportable: boolean;
  /** A new version would have the key of the one before. */
  readonly reuseKey: boolean;
  readonly keyType: 'RSA' | 'EC';
  /** When the vault itself makes the next version; absent: it makes none, and at most writes mails. */
  readonly renews?: { readonly atPercentage: number } | { readonly daysBeforeExpiry: number };
}

/** The last attempt of the vault, or of a person, to make a version. */
export interface CertificateOperation {
  /** The service's own name of it: another attempt has another one. */
  readonly id: string;
  readonly status: 'inProgress' | 'completed' | 'cancelled' | 'failed';
  readonly issuer: string;
  /** The service's own words about where it stands or why it failed. */
  readonly detail?: string;
  /** PKCS#10 in DER: what an issuer outside the vault is to sign. Public. */
  readonly request?: Uint8Array;
}

/** Reads certificates and has them renewed. Errors are `RotationError`s; every read has effect `none`. */
export interface CertificatesPort {
  /**
   * A version with what its backing secret holds: PKCS#12 in base64, or PEM, with the private key if the policy lets it out.
   * @param version the newest finished one when absent
   * @throws TARGET_NOT_FOUND absent or deleted; HUMAN_REQUIRED disabled; ACCESS_DENIED with the role to grant
   */
  content(object: ObjectRef, version: string | undefined, call: Call): Promise<CurrentVersion>;
  /**
   * The newest finished version, without its private key; a disabled one is shown as that.
   * @throws TARGET_NOT_FOUND absent, deleted, or not issued yet; ACCESS_DENIED with the role to grant
   */
  current(object: ObjectRef, call: Call): Promise<CurrentCertificate>;
  /** Every finished version, newest first. */
  versions(object: ObjectRef, call: Call): Promise<readonly CertificateVersion[]>;
  policy(object: ObjectRef, call: Call): Promise<CertificatePolicy>;
  /** Undefined where there was none yet. */
  operation(object: ObjectRef, call: Call): Promise<CertificateOperation | undefined>;
  /**
   * Starts a new version by the certificate's own policy. Where one is being made already, that one is returned. After it
   * throws with `unknown`, ask for the operation.
   * @param tags of the new version, the whole map
   */
  renew(object: ObjectRef, tags: Readonly<Record<string, string>>, call: Call): Promise<CertificateOperation>;
  /**
   * Every certificate that a version carries, in DER, in the order in which its backing secret holds them. The private key beside them
   * goes nowhere. @throws as `content` does; CONFIG_INVALID where the secret holds no certificate
   */
  chain(object: ObjectRef, version: string, call: Call): Promise<readonly Uint8Array[]>;
  /**
   * Ends the operation that waits for a person, with the certificate for its request. After it throws with `unknown`, ask for the
   * newest version. It gets the tags that the operation was begun with. @param chain in DER, the certificate first, then its issuers
   * @throws CONFIG_INVALID when the vault does not take it; TARGET_NOT_FOUND, CONFLICT when nothing waits for one
   */
  merge(object: ObjectRef, chain: readonly Uint8Array[], call: Call): Promise<{ readonly version: string }>;
  /** Puts tags on a version, the whole map. May be repeated. */
  amend(object: ObjectRef, version: string, tags: Readonly<Record<string, string>>, call: Call): Promise<void>;
  /** Every certificate of the vault, with the attributes and tags of its newest version. */
  list(vault: string, call: Call): AsyncIterable<SecretListing>;
}

/** A certificate that is renewed here, with everything that its tags say. */
export interface ManagedCertificate {
  /** Names it in the ledger, beside the rotators of secrets. */
  readonly rotator: string;
  readonly policy: RotationPolicy;
}
