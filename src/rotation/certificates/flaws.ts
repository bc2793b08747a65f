import { X509Certificate } from 'node:crypto';
import type { Problem } from '../errors.ts';

/* Is a version as good as the one before it? Pure. */

export interface Compared {
  /** In DER, as the vault holds them: the certificate, and what was brought along with it. */
  readonly fresh: readonly Uint8Array[];
  /** Absent where there was none before, or it cannot be read any more. */
  readonly old?: readonly Uint8Array[] | undefined;
  /** What the certificate's policy asks for. */
  readonly keyType: 'RSA' | 'EC';
  /** The private key of the old version is in wrong hands. */
  readonly compromised: boolean;
  readonly now: Date;
}

/**
 * What a version lacks that clients of the one before rely on; none: it may take its place. Whether clients trust its issuer is not asked
 * here: no list of them is at hand, and a handshake with each consumer tells.
 */
export function flawsOf({ fresh, old, keyType, compromised, now }: Compared): readonly Problem[] {
  const [chain, before] = [parsed(fresh), parsed(old ?? [])];
  const [leaf, was] = [leafOf(chain), leafOf(before)];
  if (leaf === undefined) return [{ path: 'certificate', message: 'there is no certificate in it' }];
  const problems: Problem[] = [];
  const flaw = (path: string, message: string): void => void problems.push({ path, message });
  const kind = leaf.publicKey.asymmetricKeyType === 'ec' ? 'EC' : 'RSA';
  if (kind !== keyType) flaw('certificate.key', `is ${kind}, and its policy asks for ${keyType}`);
  const end = new Date(leaf.validTo);
  if (end <= now) flaw('certificate.notAfter', `it has expired already, at ${end.toISOString()}`);
  if (was !== undefined) {
    const names = namesOf(leaf);
    const lacks = namesOf(was).filter((name) => !names.some((one) => coversName(one, name)));
    if (lacks.length > 0) flaw('certificate.names', `${lacks.join(', ')} was among the names of the version before`);
    if (end <= new Date(was.validTo)) {
      flaw('certificate.notAfter', `ends at ${end.toISOString()}, no later than the version before`);
    }
    if (compromised && leaf.publicKey.equals(was.publicKey)) flaw('certificate.key', 'is the one that was reported');
  }
  if (was !== undefined && !isIssuedBy(was, was)) {
    if (isIssuedBy(leaf, leaf)) {
      flaw('certificate.issuer', `it has signed itself, and ${inLine(was.issuer)} had signed the version before`);
    } else if (issuerOf(leaf, chain) === undefined && issuerOf(was, before) !== undefined) {
      const missing = inLine(leaf.issuer);
      flaw('certificate.chain', `lacks the certificate of its issuer (${missing}), and the version before had one`);
    }
  }
  for (const one of chain) {
    if (one !== leaf && new Date(one.validTo) <= now) flaw('certificate.chain', `${inLine(one.subject)} has expired`);
  }
  return problems;
}

/** The certificate itself first, then each one's issuer, as a server sends them; what belongs to none is left out. Pure. */
export function inOrder(ders: readonly Uint8Array[]): readonly Uint8Array[] {
  const all = parsed(ders);
  const chain: X509Certificate[] = [];
  for (let next = leafOf(all); next !== undefined && !chain.includes(next); next = issuerOf(next, all))
    chain.push(next);
  return chain.map(({ raw }) => raw);
}

function parsed(ders: readonly Uint8Array[]): readonly X509Certificate[] {
  return ders.map((der) => new X509Certificate(der));
}

/** A container may hold them in any order, and issuers of others beside them. */
function leafOf(chain: readonly X509Certificate[]): X509Certificate | undefined {
  const ends = chain.filter((one) => !chain.some((other) => other !== one && isIssuedBy(other, one)));
  return ends.find(({ ca }) => !ca) ?? ends[0] ?? chain[0];
}

function issuerOf(one: X509Certificate, chain: readonly X509Certificate[]): X509Certificate | undefined {
  return chain.find((other) => other !== one && isIssuedBy(one, other));
}

function isIssuedBy(one: X509Certificate, other: X509Certificate): boolean {
  return one.checkIssued(other) && one.verify(other.publicKey);
}

/** DNS names as they are, other kinds with their prefix (`IP Address:192.0.2.1`); the subject's where there are none. */
function namesOf({ subjectAltName = '', subject }: X509Certificate): readonly string[] {
  const names = subjectAltName.split(', ').filter((one) => one !== '');
  if (names.length > 0) return names.map((one) => one.toLowerCase().replace(/^dns:/, ''));
  const [, common] = /^CN=(.+)$/m.exec(subject) ?? [];
  return common === undefined ? [] : [common.toLowerCase()];
}

/** A `*` stands for exactly one label (RFC 6125). */
function coversName(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  return pattern.startsWith('*.') && name.includes('.') && name.slice(name.indexOf('.')) === pattern.slice(1);
}

function inLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
