import type { ServedCertificate } from './consumer-ports.ts';
import type { ObjectRef } from './object.ts';
import type { VersionInfo } from './ports.ts';
import type { Call } from './rotator.ts';

/* Certificates of a vault. */

/** The current version of a certificate with what is public of it. */
export interface CertificateVersion extends VersionInfo {
  readonly certificate: ServedCertificate;
}

/** Errors are `RotationError`s; every read has effect `none`. */
export interface CertificatesPort {
  /** @throws TARGET_NOT_FOUND absent, deleted, or not issued yet; ACCESS_DENIED with the role to grant */
  current(object: ObjectRef, call: Call): Promise<CertificateVersion>;
}
