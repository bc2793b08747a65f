import { X509Certificate } from 'node:crypto';

/** Certificates alone, as PKCS#7 (RFC 2315): how an Application Gateway shows what it serves, in `publicCertData`. @returns base64 of the DER */
export function pkcs7Of(chainPem: string): string {
  const pems = chainPem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const certificates = Buffer.concat(pems.map((pem) => new X509Certificate(pem).raw));
  const signedData = der(
    0x30,
    Buffer.from([0x02, 0x01, 0x01]), // version 1
    der(0x31), // no digest algorithms
    der(0x30, oid('2a864886f70d010701')), // data, without any
    der(0xa0, certificates),
    der(0x31), // no signers
  );
  return der(0x30, oid('2a864886f70d010702'), der(0xa0, signedData)).toString('base64');
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = body.length.toString(16);
  const length = Buffer.from(size.padStart(size.length + (size.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}
