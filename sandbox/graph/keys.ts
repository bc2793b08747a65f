/** The certificates of application registrations, and what is signed with them: proofs for Graph, assertions for the log-in. */
import { constants, createHash, randomUUID, verify, X509Certificate } from 'node:crypto';

export interface KeyCredential {
  readonly keyId: string;
  readonly displayName: string | null;
  /** SHA-1 of the certificate, hexadecimal. */
  readonly customKeyIdentifier: string;
  readonly startDateTime: Date;
  readonly endDateTime: Date;
  readonly certificate: X509Certificate;
  /** When it was registered, for the replicas. */
  readonly addedAt: number;
}

export function keyCredential(
  der: Buffer,
  { name, addedAt }: { readonly name: string | null; readonly addedAt: number },
): KeyCredential {
  const certificate = new X509Certificate(der);
  return {
    ...{ keyId: randomUUID(), displayName: name, certificate, addedAt },
    customKeyIdentifier: certificate.fingerprint.replaceAll(':', ''),
    startDateTime: new Date(certificate.validFrom),
    endDateTime: new Date(certificate.validTo),
  };
}

export interface Token {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: string;
  readonly signature: Buffer;
}

/** @returns undefined for what is no signed JWT */
export function readToken(text: unknown): Token | undefined {
  const [head = '', body = '', signature = '', ...more] = typeof text === 'string' ? text.split('.') : [];
  const [header, claims] = [json(head), json(body)];
  if (header === undefined || claims === undefined || signature === '' || more.length > 0) return undefined;
  return { header, claims, signed: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') };
}

/** By either thumbprint in the header. */
export function isSignedBy({ header }: Token, { certificate }: KeyCredential): boolean {
  const hash = (name: string): string => createHash(name).update(certificate.raw).digest('base64url');
  return header['x5t#S256'] === hash('sha256') || header['x5t'] === hash('sha1');
}

export function signatureHolds({ header, signed, signature }: Token, { certificate }: KeyCredential): boolean {
  const paddings: Readonly<Record<string, number>> = {
    PS256: constants.RSA_PKCS1_PSS_PADDING,
    RS256: constants.RSA_PKCS1_PADDING,
  };
  const padding = paddings[String(header['alg'])];
  if (padding === undefined) return false;
  const how = { key: certificate.publicKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify('sha256', Buffer.from(signed), how, signature);
}

/** Within its times, with five minutes for clocks that differ. */
export function isInTime({ claims }: Token, now: Date): boolean {
  const at = now.getTime() / 1000;
  return Number(claims['nbf']) <= at + 300 && Number(claims['exp']) > at - 300;
}

/**
 * Does it prove that a valid certificate of the application is held? The rules of learn.microsoft.com/graph/application-rollkey-prooftoken.
 */
export function proves(
  text: unknown,
  app: { readonly id: string; keys: readonly KeyCredential[] },
  now: Date,
): boolean {
  const token = readToken(text);
  const key = token === undefined ? undefined : app.keys.find((one) => isSignedBy(token, one));
  if (token === undefined || key === undefined || !signatureHolds(token, key) || !isInTime(token, now)) return false;
  const { aud, iss, nbf, exp } = token.claims;
  const valid = key.startDateTime <= now && now < key.endDateTime;
  return valid && aud === '00000002-0000-0000-c000-000000000000' && iss === app.id && Number(exp) - Number(nbf) <= 600;
}

function json(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
