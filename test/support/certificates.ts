import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { ServedCertificate } from '../../src/rotation/ports.ts';

x509.cryptoProvider.set(webcrypto);

const ALGORITHMS = {
  EC: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
} as const;

export type KeyType = keyof typeof ALGORITHMS;

/** A certificate with its key, and what it was signed by. */
export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
  /** What a server sends: the leaf, then the authorities below the root. */
  readonly chainPem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly subject: string;
  readonly keyType: KeyType;
  readonly isRoot: boolean;
}

export interface Wanted {
  readonly names: readonly string[];
  readonly keyType?: KeyType;
  /** Itself when absent. */
  readonly issuer?: Issued;
  readonly isAuthority?: boolean;
  /** From yesterday for a year when absent. */
  readonly valid?: { readonly from: Date; readonly until: Date };
  /** Of a key that is not ours; the private key of what is issued is then none that belongs to it. */
  readonly publicKey?: webcrypto.CryptoKey;
}

let serial = 0;
/** RSA keys take long to make: certificates take turns with a few. */
const POOL = 3;
const pool: Promise<webcrypto.CryptoKeyPair>[] = [];

async function keysFor(keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
  const make = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(ALGORITHMS[keyType], true, ['sign', 'verify']);
  return keyType === 'EC' ? make() : (pool[serial % POOL] ??= make());
}

export async function issue({
  names,
  keyType = 'EC',
  issuer,
  isAuthority = false,
  valid,
  publicKey: of,
}: Wanted): Promise<Issued> {
  serial += 1;
  const keys = await keysFor(keyType);
  const publicKey = of ?? keys.publicKey;
  const subject = `CN=${names[0] ?? 'test'}`;
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: (0x1000 + serial).toString(16),
    subject,
    issuer: issuer?.subject ?? subject,
    notBefore: valid?.from ?? new Date(Date.now() - 24 * 3600_000),
    notAfter: valid?.until ?? new Date(Date.now() + 365 * 24 * 3600_000),
    signingKey: (issuer?.keys ?? keys).privateKey,
    publicKey,
    signingAlgorithm: ALGORITHMS[issuer?.keyType ?? keyType],
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      ...(isAuthority
        ? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)]
        : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create((issuer?.keys ?? keys).publicKey),
    ],
  });
  const certPem = `${cert.toString('pem')}\n`;
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`;
  const above = issuer === undefined || issuer.isRoot ? '' : issuer.chainPem;
  return { certPem, keyPem, chainPem: certPem + above, keys, subject, keyType, isRoot: issuer === undefined };
}

/** The answer of an authority to a signing request. @param request PKCS#10 in DER */
export async function sign(request: Uint8Array, wanted: Omit<Wanted, 'keys'>): Promise<Issued> {
  const publicKey = (await new x509.Pkcs10CertificateRequest(request).publicKey.export()) as webcrypto.CryptoKey;
  return issue({ ...wanted, keyType: publicKey.algorithm.name.startsWith('EC') ? 'EC' : 'RSA', publicKey });
}

/** What the vault says of it. */
export function servedOf(issued: Pick<Issued, 'certPem' | 'keyType'>, exportable = true): ServedCertificate {
  const leaf = new X509Certificate(issued.certPem);
  const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '');
  return {
    sha256: bare(leaf.fingerprint256),
    sha1: bare(leaf.fingerprint),
    names: (leaf.subjectAltName ?? '').split(', ').map((name) => name.replace('DNS:', '')),
    notAfter: new Date(leaf.validTo),
    keyType: issued.keyType,
    exportable,
    contentType: 'application/x-pkcs12',
  };
}
