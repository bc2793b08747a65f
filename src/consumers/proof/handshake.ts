import { isIPv6 } from 'node:net';
import type { Call, Clock, Confirmation, ServedCertificate } from '../../rotation/ports.ts';
import { sayHello, type Door, type Heard } from './hello.ts';
import { addressesOf, isWildcard } from './names.ts';
import { verdictOn, type ControlPlane, type Finding } from './verdict.ts';

/** A name that serves the certificate; `address` where the consumer's own one is known, which nobody can stand in front of. */
export interface Endpoint {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
}

export interface ProofOptions extends Call {
  readonly clock: Clock;
  /** Where an endpoint names none; 443 when absent. */
  readonly port?: number;
  /** SHA-1 or SHA-256 of versions known to be older: who serves one of them has not adopted yet. Upper-case hex. */
  readonly before?: readonly string[];
  /** What the consumer's resource shows: the weaker proof, used only where every host that was not seen is closed to us. */
  readonly controlPlane?: ControlPlane;
}

/** Several nodes may stand behind one address, each with its own copy of the certificate. */
const IN_A_ROW = 3;
const AT_ONCE = 10;
/** With four seconds for one that hangs, this many hanging ones still fit into one call of the engine (60 s). */
const MOST_DOORS = 80;
const MOST_ADDRESSES = 8;

/**
 * Looks at what is really served: a TLS handshake, several times in a row, with every address of every host name. The leaf is compared
 * by SHA-256 of its DER; its chain and its names are judged apart from that. Read-only; no credential is sent anywhere.
 * @throws TIMED_OUT when the call ends before
 */
export async function proveServed(
  hosts: readonly (string | Endpoint)[],
  certificate: ServedCertificate,
  options: ProofOptions,
): Promise<Confirmation> {
  const { port = 443 } = options;
  const endpoints = hosts.map((host) => ({ port, ...(typeof host === 'string' ? { name: host } : host) }));
  const found = await inParallel(endpoints.slice(0, MOST_DOORS), (endpoint) => doorsOf(endpoint, options));
  const doors = found.flatMap((one) => ('doors' in one ? one.doors : []));
  const findings = await inParallel(doors.slice(0, MOST_DOORS), (door) => lookAt(door, certificate, options));
  const unseen = found.flatMap((one) => ('doors' in one ? [] : [one]));
  return verdictOn([...findings, ...unseen], {
    certificate,
    skipped: Math.max(0, endpoints.length - MOST_DOORS) + Math.max(0, doors.length - MOST_DOORS),
    ...(options.controlPlane === undefined ? {} : { controlPlane: options.controlPlane }),
  });
}

async function doorsOf(
  { name, address, port }: Endpoint & { readonly port: number },
  options: ProofOptions,
): Promise<{ readonly doors: readonly Door[] } | Finding> {
  if (address !== undefined) {
    // At the consumer's own address any name that a wildcard stands for will do.
    return { doors: [{ name: name.replaceAll('*', 'keyturn').replaceAll('?', 'x'), address, port }] };
  }
  if (isWildcard(name)) return { is: 'wildcard', where: name };
  const addresses = await addressesOf(name, options.clock, options);
  if (typeof addresses === 'string')
    return { is: 'closed', where: name, why: `its name does not resolve: ${addresses}` };
  return { doors: addresses.slice(0, MOST_ADDRESSES).map((one) => ({ name, address: one, port })) };
}

/** Only when every one of several handshakes served the certificate it counts as served here. */
async function lookAt(door: Door, certificate: ServedCertificate, options: ProofOptions): Promise<Finding> {
  let finding = await lookOnce(door, certificate, options);
  for (let seen = 1; seen < IN_A_ROW && finding.is === 'served'; seen += 1) {
    finding = await lookOnce(door, certificate, options);
  }
  return finding;
}

async function lookOnce(door: Door, certificate: ServedCertificate, options: ProofOptions): Promise<Finding> {
  const where = `${door.name} at ${door.address}:${door.port}`;
  const heard = await sayHello(door, undefined, options.clock, options);
  const first = findingOf(heard, where, door, certificate, options.before ?? []);
  if (heard.is !== 'certificate' || first.is === 'served' || first.is === 'broken') return first;
  if (keyTypeOf(heard) === certificate.keyType) return first;
  // A server may have one certificate of each key type; ours is then served to who can only use that type.
  const again = await sayHello(door, certificate.keyType, options.clock, options);
  const second = findingOf(again, where, door, certificate, options.before ?? []);
  return second.is === 'closed' || second.is === 'silent' ? first : second;
}

function findingOf(
  heard: Heard,
  where: string,
  { name, address }: Door,
  { sha256, names }: ServedCertificate,
  before: readonly string[],
): Finding {
  if (heard.is !== 'certificate') {
    const isUnrouted = heard.is === 'closed' && isIPv6(address) && NO_WAY.includes(heard.why);
    return { is: isUnrouted ? 'unrouted' : heard.is, where, why: heard.why };
  }
  const { leaf, chain } = heard;
  const served = bare(leaf.fingerprint256);
  if (served !== sha256) {
    const isOlder = before.includes(served) || before.includes(bare(leaf.fingerprint)) || sameNames(leaf, names);
    return { is: isOlder ? 'older' : 'foreign', where, served };
  }
  if (leaf.checkHost(name) === undefined) return { is: 'broken', where, why: `it does not cover the name ${name}` };
  if (chain !== undefined && !ENDS_AT_A_PRIVATE_ROOT.includes(chain)) {
    return {
      is: 'broken',
      where,
      why: `its chain is broken (${chain}; if its root is your own, let the app know it by NODE_EXTRA_CA_CERTS)`,
    };
  }
  return { is: 'served', where, ...(chain === undefined ? {} : { untrusted: chain }) };
}

/** A name has an IPv6 address, and this machine no route to any; Azure Functions mostly has none. */
const NO_WAY = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'];

/**
 * The chain is complete, down to a root that this app does not know: self-signed, or of a company's own authority. Whether to trust it
 * is for the clients to say, and no other certificate could be served that they would trust more.
 */
const ENDS_AT_A_PRIVATE_ROOT = ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'];

function keyTypeOf({ leaf }: Extract<Heard, { is: 'certificate' }>): ServedCertificate['keyType'] {
  return leaf.publicKey.asymmetricKeyType === 'ec' ? 'EC' : 'RSA';
}

/** The versions of one certificate are for the same names; what a CDN in front of it serves usually is not. */
function sameNames(
  { subjectAltName = '' }: { subjectAltName?: string | undefined },
  names: readonly string[],
): boolean {
  const theirs = [...subjectAltName.matchAll(/DNS:("?)([^",\s]+)\1/g)].map(([, , name = '']) => name.toLowerCase());
  return theirs.length > 0 && [...theirs].sort().join() === [...new Set(names)].sort().join();
}

function bare(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toUpperCase();
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  }
  return results;
}
