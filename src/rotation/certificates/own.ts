import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { SecretListing } from '../ports.ts';

/** The secret that backs a certificate carries the certificate's tags (facts A4): those that have it renewed are none of a secret's. */
export function isCertificatesOwn(engine: Engine, { managed, tags }: Pick<SecretListing, 'managed' | 'tags'>): boolean {
  if (!managed) return false;
  try {
    return engine.configuration.managedCertificate(tags) !== undefined;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return false;
  }
}
