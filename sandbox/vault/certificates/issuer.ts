/** Makes X.509 certificates as a vault does, and what their backing secrets hold: PKCS#12 in base64, or PEM. */
import 'reflect-metadata';
import { createHash, KeyObject, webcrypto, X509Certificate, type webcrypto as Crypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import forge from 'node-forge';
import type { CertificatePolicy, Operation } from './model.ts';

x509.cryptoProvider.set(webcrypto);

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Keys take long to make, and a crash suite makes hundreds of certificates: so versions take turns with a few. */
const POOL = 5;
const pool: Promise<Crypto.CryptoKeyPair>[] = [];
let turn = 0;
let serial = 0x1000;
/** Key Vault's containers have a thousand or more; here nobody is to be kept from guessing. */
const ITERATIONS = 64;

export interface KeyInHand {
  readonly pair: Crypto.CryptoKeyPair;
  /** Its place in the pool; undefined for an elliptic curve. */
  readonly place?: number;
}

/** Another key than `before`, or the same one when the policy reuses it. */
export async function keyFor(policy: CertificatePolicy, before: KeyInHand | undefined): Promise<KeyInHand> {
  if (policy.key_props.reuse_key === true && before !== undefined) return before;
  if (policy.key_props.kty !== 'RSA') return { pair: await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']) };
  const place = before?.place === undefined ? (turn += 1) % POOL : (before.place + 1) % POOL;
  return { pair: await (pool[place] ??= webcrypto.subtle.generateKey(RSA, true, ['sign', 'verify'])), place };
}

/** Signed by itself, in DER; valid from ten minutes ago, as the vault's are, or from so long ago that it ends when it is to. */
export async function selfSigned(
  policy: CertificatePolicy,
  { key: { pair }, endsAt }: Pick<Operation, 'key' | 'endsAt'>,
  now: Date,
): Promise<Buffer> {
  const months = policy.x509_props.validity_months ?? 12;
  const notBefore = endsAt === undefined ? new Date(now.getTime() - 10 * 60_000) : monthsAfter(endsAt, -months);
  const notAfter = endsAt ?? monthsAfter(notBefore, months);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: (serial += 1).toString(16).padStart(16, '1'),
    name: policy.x509_props.subject,
    notBefore,
    notAfter,
    keys: pair,
    signingAlgorithm: policy.key_props.kty === 'RSA' ? RSA : EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, false),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      ...alternatives(policy),
    ],
  });
  return Buffer.from(certificate.rawData);
}

function alternatives({ x509_props: { sans } }: CertificatePolicy): x509.Extension[] {
  const { dns_names: names = [] } = sans ?? {};
  if (names.length === 0) return [];
  return [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))];
}

/** Was the certificate made for this key? */
export function belongsTo(der: Buffer, { pair }: KeyInHand): boolean {
  return new X509Certificate(der).checkPrivateKey(KeyObject.from(pair.privateKey));
}

function monthsAfter(start: Date, months: number): Date {
  const end = new Date(start);
  end.setUTCMonth(end.getUTCMonth() + months);
  return end;
}

/** The request that an issuer outside the vault is to sign, in base64. */
export async function request(policy: CertificatePolicy, { pair }: KeyInHand): Promise<string> {
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: policy.x509_props.subject,
    keys: pair,
    signingAlgorithm: policy.key_props.kty === 'RSA' ? RSA : EC,
    extensions: alternatives(policy),
  });
  return Buffer.from(made.rawData).toString('base64');
}

/** As `contentType` of the policy says; without the key where it is not exportable (facts A7). */
export function content(policy: CertificatePolicy, chain: readonly Buffer[], { pair }: KeyInHand): string {
  const { exportable = true } = policy.key_props;
  const key = exportable ? pem('PRIVATE KEY', pkcs8(pair)) : '';
  const certificates = chain.map((der) => pem('CERTIFICATE', der));
  if (policy.secret_props.contentType === 'application/x-pem-file') return `${key}${certificates.join('')}`;
  if (policy.key_props.kty !== 'RSA') throw new Error('the sandbox makes certificates with EC keys in PEM only');
  const privateKey = exportable ? forge.pki.privateKeyFromPem(key) : null;
  const how = { algorithm: '3des', count: ITERATIONS } as const;
  // node-forge reads certificates with RSA keys only: issuers with others are left out of containers, and stay in PEM.
  const readable = chain.filter((der) => new X509Certificate(der).publicKey.asymmetricKeyType === 'rsa');
  const inside = readable.map((der) => forge.pki.certificateFromPem(pem('CERTIFICATE', der)));
  const container = forge.pkcs12.toPkcs12Asn1(privateKey, inside, '', how);
  return Buffer.from(forge.asn1.toDer(container).getBytes(), 'binary').toString('base64');
}

export function sha1(der: Buffer): Buffer {
  return createHash('sha1').update(der).digest();
}

function pkcs8(pair: Crypto.CryptoKeyPair): Buffer {
  return KeyObject.from(pair.privateKey).export({ format: 'der', type: 'pkcs8' });
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
