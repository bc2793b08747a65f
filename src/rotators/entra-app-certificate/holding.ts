import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { SecretValue } from '../../rotation/ports.ts';
import { openPkcs12 } from './pkcs12.ts';

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
  const pem = text.includes('-----BEGIN ');
  try {
    const { key, certificates } = pem ? readPem(text) : await readContainer(text);
    const certificate = key === undefined ? certificates[0] : certificates.find((one) => one.checkPrivateKey(key));
    if (certificate === undefined) return undefined;
    return {
      ...{ value, key, certificate, form: pem ? ('PEM' as const) : ('PKCS#12' as const) },
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

interface Content {
  readonly key: KeyObject | undefined;
  readonly certificates: readonly X509Certificate[];
}

function readPem(text: string): Content {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g)];
  const of = (label: RegExp): readonly string[] =>
    blocks.filter(([, name = '']) => label.test(name)).map(([block]) => block);
  const [key] = of(/PRIVATE KEY$/);
  return {
    key: key === undefined ? undefined : createPrivateKey(key),
    certificates: of(/^CERTIFICATE$/).map((block) => new X509Certificate(block)),
  };
}

async function readContainer(text: string): Promise<Content> {
  const { keys, certificates } = await openPkcs12(Buffer.from(text, 'base64'));
  const [key] = keys;
  return {
    key: key === undefined ? undefined : createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
    certificates: certificates.map((der) => new X509Certificate(der)),
  };
}
