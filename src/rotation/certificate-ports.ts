import type { ServedCertificate } from './consumer-ports.ts';
import type { ObjectRef } from './object.ts';
import type { CurrentVersion, VersionInfo } from './ports.ts';
import type { Call } from './rotator.ts';

/* Certificates of a vault. */

/** A version that the vault has finished. */
export interface CertificateVersion {
  readonly version: string;
  readonly enabled: boolean;
  readonly createdOn: Date;
  readonly expiresOn?: Date;
  /** SHA-1 of its DER, hexadecimal, upper case. */
  readonly thumbprint: string;
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
}

/** The last attempt of the vault, or of a person, to make a version. */
export interface CertificateOperation {
  readonly status: 'inProgress' | 'completed' | 'cancelled' | 'failed';
  readonly issuer: string;
  /** The service's own words about where it stands or why it failed. */
  readonly detail?: string;
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
}
