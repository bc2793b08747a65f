import type { KeyObject, X509Certificate } from 'node:crypto';
import type { SecretValue } from '../../rotation/ports.ts';
import { readContent } from '../../x509/content.ts';

/** A certificate with its private key, as the backing secret of a vault's certificate holds it. */
export interface Holding {
  /** Both are kept in it unchanged. */
  readonly value: SecretValue;
  readonly form: 'PKCS#12' | 'PEM';
  readonly certificate: X509Certificate;
  /** Absent where the vault does not let it out. */
  readonly key: KeyObject | undefined;
  /** SHA-1, hexadecimal, upper case: what Entra and the vault call the thumbprint. */
  readonly thumbprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** As Graph, the vault and people spell it differently. */
export function thumbprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint.replaceAll(':', '').toUpperCase();
}

/**
 * Reads a value. The certificate is the one that the key belongs to; those of its issuers may stand beside it.
 * @returns undefined where there is no certificate in it, or a key and no certificate of its own
 */
export async function readHolding(value: SecretValue): Promise<Holding | undefined> {
  const text = value.reveal();
  const form = text.includes('-----BEGIN ') ? ('PEM' as const) : ('PKCS#12' as const);
  try {
    const { key, certificates } = await readContent(text);
    const certificate = key === undefined ? certificates[0] : certificates.find((one) => one.checkPrivateKey(key));
    if (certificate === undefined) return undefined;
    return {
      ...{ value, key, certificate, form },
      thumbprint: thumbprintOf(certificate),
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
    };
  } catch (error) {
    // OpenSSL and node-forge say what is wrong where in the bytes; none of it is for anybody to see.
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    return undefined;
  }
}
