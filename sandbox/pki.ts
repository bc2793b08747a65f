import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** The sandbox's own certificate authority. Processes trust it through NODE_EXTRA_CA_CERTS, read when they start. */
export interface Pki {
  readonly caPem: string;
  /** A server certificate for these DNS names and IP addresses. */
  issue(names: readonly string[]): Promise<Identity>;
  /** Answers a request as a company's authority does: a certificate for its key and these names, in DER. @throws when its signature is not of its key */
  sign(csr: Buffer, names: readonly string[], from: Date, until: Date): Promise<Buffer>;
}

export async function createPki(): Promise<Pki> {
  const notBefore = new Date(Date.now() - 24 * 3600_000);
  const notAfter = new Date(Date.now() + 3650 * 24 * 3600_000);
  const caKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Keyturn sandbox CA',
    notBefore,
    notAfter,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  let serial = 1;
  const next = (): string => (serial += 1).toString(16).padStart(4, '0');
  return {
    caPem: ca.toString('pem'),
    async sign(csr, names, from, until) {
      const request = new x509.Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error(`the request for ${request.subject} is not signed by its own key`);
      const cert = await x509.X509CertificateGenerator.create({
        serialNumber: next(),
        subject: request.subject,
        issuer: ca.subject,
        notBefore: from,
        notAfter: until,
        signingKey: caKeys.privateKey,
        publicKey: request.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
          await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
        ],
      });
      return Buffer.from(cert.rawData);
    },
    async issue(names) {
      const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const cert = await x509.X509CertificateGenerator.create({
        serialNumber: next(),
        subject: `CN=${names[0] ?? 'sandbox'}`,
        issuer: ca.subject,
        notBefore,
        notAfter,
        signingKey: caKeys.privateKey,
        publicKey: keys.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
        ],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
      const keyPem = `-----BEGIN PRIVATE KEY-----\n${
        der
          .toString('base64')
          .match(/.{1,64}/g)
          ?.join('\n') ?? ''
      }\n-----END PRIVATE KEY-----\n`;
      return { certPem: cert.toString('pem'), keyPem };
    },
  };
}
