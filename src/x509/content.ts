import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { openPkcs12 } from './pkcs12.ts';

/** A private key, if it is there, and the certificates in the order they stand in. */
export interface Content {
  readonly key: KeyObject | undefined;
  readonly certificates: readonly X509Certificate[];
}

/**
 * Reads what the backing secret of a vault's certificate holds: PEM, or PKCS#12 in base64.
 * @throws Error of OpenSSL or node-forge where it is neither; what it says of the bytes is for nobody to see
 */
export async function readContent(text: string): Promise<Content> {
  return text.includes('-----BEGIN ') ? readPem(text) : readContainer(text);
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
