/** What a SignalR or Web PubSub resource holds of the vault's certificates, and when it takes new ones (consumer facts 8). */
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from '../../../certificate-directory.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, type Resource, type Serves, type VaultDirectories } from '../../service.ts';
import { at, type Json } from '../bodies.ts';

/** "Usually within 1 hour" (docs: azure-signalr/howto-custom-domain.md). */
export const FOLLOW_MS = 3_600_000;

export interface CustomCertificate {
  readonly name: string;
  /** Its properties as they were PUT. */
  properties: Json;
  provisioningState: 'Succeeded' | 'Updating' | 'Failed';
  held?: CertificateSeen;
}

export interface CustomDomain {
  readonly domainName: string;
  /** The name of its certificate. */
  readonly certificate: string;
}

export interface Hub {
  tier: 'Premium_P1' | 'Standard_S1';
  readonly certificates: Map<string, CustomCertificate>;
  readonly domains: Map<string, CustomDomain>;
  /** Whether its identity may read the vault. */
  mayRead: boolean;
  /** Whether a PUT of what it has already makes it look into the vault: not verified. */
  looksWhenPut: boolean;
}

const HUBS = new WeakMap<Resource, Hub>();

export function hubOf(resource: Resource): Hub {
  const made: Hub = {
    ...{ tier: 'Premium_P1', mayRead: true, looksWhenPut: true },
    ...{ certificates: new Map<string, CustomCertificate>(), domains: new Map<string, CustomDomain>() },
  };
  const known = HUBS.get(resource) ?? made;
  HUBS.set(resource, known);
  return known;
}

/** Takes what the vault has now. @throws HttpProblem when it cannot; the wording is the sandbox's own */
export function take(hub: Hub, certificate: CustomCertificate, vault: VaultDirectories): void {
  certificate.provisioningState = 'Failed';
  const { keyVaultSecretName: name } = certificate.properties;
  if (!hub.mayRead) throw badRequest(`The managed identity has no access to the Key Vault secret ${String(name)}.`, 'KeyVaultAccessDenied'); // prettier-ignore
  const seen = seenBy(certificate, vault);
  if (seen?.enabled !== true || !seen.exportable) throw badRequest(`${String(name)} is no certificate.`, 'InvalidCertificate'); // prettier-ignore
  const leaf = new X509Certificate(seen.certPem);
  // Self-signed ones are rejected (docs of the Terraform provider).
  if (leaf.issuer === leaf.subject)
    throw badRequest('Self-signed certificates are not supported.', 'InvalidCertificate');
  certificate.held = seen;
  certificate.provisioningState = 'Succeeded';
}

function seenBy({ properties }: CustomCertificate, { certificates }: VaultDirectories): CertificateSeen | undefined {
  const { keyVaultBaseUri, keyVaultSecretName, keyVaultSecretVersion } = properties;
  const version = typeof keyVaultSecretVersion === 'string' ? keyVaultSecretVersion : undefined;
  return certificates?.lookUp(new URL(String(keyVaultBaseUri)).hostname, String(keyVaultSecretName), version);
}

/** Its own look at the vault: what has been there for an hour it has. */
export function lookWhenDue(hub: Hub, vault: VaultDirectories, now: Date): void {
  for (const certificate of hub.certificates.values()) {
    const seen = seenBy(certificate, vault);
    const isDue = certificate.properties['keyVaultSecretVersion'] === undefined && hub.mayRead;
    if (isDue && seen?.enabled === true && now.getTime() >= seen.createdMs + FOLLOW_MS) certificate.held = seen;
  }
}

export function servesHost(resource: Resource, host: string, vault: VaultDirectories, now: Date): Serves | undefined {
  const hub = hubOf(resource);
  lookWhenDue(hub, vault, now);
  const domain = [...hub.domains.values()].find(({ domainName }) => domainName.toLowerCase() === host.toLowerCase());
  if (domain === undefined) return undefined;
  const held = hub.certificates.get(domain.certificate)?.held;
  return held === undefined ? 'refuses' : [held];
}

export function shownCertificate({ id }: Resource, { name, properties, provisioningState }: CustomCertificate): Json {
  return { id: `${id}/customCertificates/${name}`, name, properties: { ...properties, provisioningState } };
}

export function shownDomain({ id }: Resource, name: string, { domainName, certificate }: CustomDomain): Json {
  const customCertificate = { id: `${id}/customCertificates/${certificate}` };
  const properties = { provisioningState: 'Succeeded', domainName, customCertificate };
  return { id: `${id}/customDomains/${name}`, name, properties };
}

/** The properties of a PUT, checked. @throws HttpProblem */
export function givenIn(hub: Hub, body: unknown): Json {
  if (!hub.tier.startsWith('Premium')) throw badRequest('Custom domains need the Premium tier.', 'InvalidSku');
  const properties = at(body, 'properties') as Json | undefined;
  const [base, name] = [properties?.['keyVaultBaseUri'], properties?.['keyVaultSecretName']];
  if (properties === undefined || typeof base !== 'string' || !URL.canParse(base) || typeof name !== 'string') {
    throw badRequest('keyVaultBaseUri and keyVaultSecretName are required.');
  }
  const { provisioningState: _shown, ...rest } = properties;
  return rest;
}

export function notFound(what: string): ReturnType<typeof armProblem> {
  return armProblem(404, 'ResourceNotFound', `The resource '${what}' was not found.`);
}
