/** What a Front Door Standard/Premium profile holds of the vault's certificates, and when it takes new ones (consumer facts 4). */
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from '../../../certificate-directory.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, type Resource, type Serves, type VaultDirectories } from '../../service.ts';
import type { Json } from '../bodies.ts';

/** "Up to 72 hours" (docs: frontdoor/standard-premium/how-to-configure-https-custom-domain.md). */
export const FOLLOW_MS = 72 * 3_600_000;
/** So long it takes until every point of presence has what was changed; the time itself is not documented. */
export const DEPLOY_MS = 10 * 60_000;

export interface Secret {
  readonly name: string;
  /** The ARM id of the vault's secret. */
  readonly sourceId: string;
  readonly useLatestVersion: boolean;
  held: CertificateSeen;
}

export interface Domain {
  readonly name: string;
  readonly hostName: string;
  tls: Json;
  /** The name of its secret. */
  secret: string;
  deployedMs: number;
  /** What it serves until the change is deployed. */
  before?: CertificateSeen;
}

export interface Profile {
  readonly secrets: Map<string, Secret>;
  readonly domains: Map<string, Domain>;
  /** Whether its identity may read the vault. */
  mayRead: boolean;
}

const PROFILES = new WeakMap<Resource, Profile>();

export function profileOf(resource: Resource): Profile {
  const known = PROFILES.get(resource) ?? { secrets: new Map(), domains: new Map(), mayRead: true };
  PROFILES.set(resource, known);
  return known;
}

const SOURCE = /\/vaults\/([^/]+)\/secrets\/([^/]+)$/i;

/** The certificate that a source names. @throws HttpProblem when the profile could not take it; the wording is the sandbox's own */
export function fetchFor(profile: Profile, sourceId: string, version: string | undefined, vault: VaultDirectories) {
  const problem = problemWith(profile, sourceId, version, vault);
  if (typeof problem !== 'string') return problem;
  throw badRequest(`The certificate of ${sourceId} cannot be used: ${problem}.`, problem);
}

/** The certificate, or what validateSecret says of it. */
export function problemWith(
  profile: Profile,
  sourceId: string,
  version: string | undefined,
  { certificates }: VaultDirectories,
): CertificateSeen | 'AccessDenied' | 'Invalid' {
  const [, host = '', name = ''] = SOURCE.exec(sourceId) ?? [];
  const seen = certificates?.lookUp(host, name, version);
  if (!profile.mayRead) return 'AccessDenied';
  if (seen?.enabled !== true || !seen.exportable || seen.keyType === 'EC') return 'Invalid';
  return seen;
}

/** The profile's own look at the vault: what has been there for three days it has, and serves. */
export function lookWhenDue(profile: Profile, vault: VaultDirectories, now: Date): void {
  for (const secret of profile.secrets.values()) {
    if (!secret.useLatestVersion) continue;
    const seen = problemWith(profile, secret.sourceId, undefined, vault);
    if (typeof seen !== 'string' && now.getTime() >= seen.createdMs + FOLLOW_MS) secret.held = seen;
  }
}

export function servesHost(resource: Resource, host: string, vault: VaultDirectories, now: Date): Serves | undefined {
  const profile = profileOf(resource);
  lookWhenDue(profile, vault, now);
  const domain = [...profile.domains.values()].find(({ hostName }) => hostName.toLowerCase() === host.toLowerCase());
  if (domain === undefined) return undefined;
  const isDeployed = now.getTime() >= domain.deployedMs;
  const served = isDeployed ? profile.secrets.get(domain.secret)?.held : domain.before;
  return served === undefined ? 'refuses' : [served];
}

export function shownSecret({ id }: Resource, { name, sourceId, useLatestVersion, held }: Secret): Json {
  const leaf = new X509Certificate(held.certPem);
  const parameters = {
    type: 'CustomerCertificate',
    secretSource: { id: sourceId },
    secretVersion: held.version,
    useLatestVersion,
    subject: leaf.subject,
    expirationDate: leaf.validTo,
    thumbprint: leaf.fingerprint.replaceAll(':', ''),
    subjectAlternativeNames: (leaf.subjectAltName ?? '').split(', ').map((one) => one.replace('DNS:', '')),
  };
  const properties = { provisioningState: 'Succeeded', deploymentStatus: 'NotStarted', parameters };
  return { id: `${id}/secrets/${name}`, name, type: 'Microsoft.Cdn/profiles/secrets', properties };
}

export function shownDomain({ id }: Resource, domain: Domain, now: Date): Json {
  const { name, hostName, tls, secret, deployedMs } = domain;
  const properties = {
    hostName,
    domainValidationState: 'Approved',
    provisioningState: 'Succeeded',
    deploymentStatus: now.getTime() >= deployedMs ? 'Succeeded' : 'InProgress',
    tlsSettings: { ...tls, secret: { id: `${id}/secrets/${secret}` } },
  };
  return { id: `${id}/customDomains/${name}`, name, type: 'Microsoft.Cdn/profiles/customDomains', properties };
}

export function notFound(what: string): ReturnType<typeof armProblem> {
  return armProblem(404, 'ResourceNotFound', `The resource '${what}' was not found.`);
}
