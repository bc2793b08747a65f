/** What an API Management service holds of the vault, and when it takes new versions (consumer facts 5). */
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from '../../../certificate-directory.ts';
import { covers } from '../../../names.ts';
import { badRequest, type Resource, type Serves, type VaultDirectories } from '../../service.ts';
import { at, type Json } from '../bodies.ts';

/** "Up to one or two days" (docs: api-management/configure-custom-domain.md). */
export const HOST_FOLLOW_MS = 48 * 3_600_000;

/** One host name. */
export interface Host {
  /** As it was sent, without what is only shown. */
  body: Json;
  held?: CertificateSeen;
  status?: 'Completed' | 'InProgress' | 'Failed';
}

export interface ApiService {
  tier: string;
  provisioningState: 'Succeeded' | 'Updating' | 'Failed';
  /** Whether its identity may read the vault. */
  mayRead: boolean;
  /** Whether an update with the array as it is makes it look into the vault: not verified. */
  looksWhenUpdated: boolean;
  /** What else its JSON has. */
  more: Json;
  hosts: Host[];
  /** How often it was updated. */
  updates: number;
}

const SERVICES = new WeakMap<Resource, ApiService>();

export function serviceOf(resource: Resource): ApiService {
  const known = SERVICES.get(resource) ?? {
    ...{ tier: 'Premium', provisioningState: 'Succeeded' as const, mayRead: true, looksWhenUpdated: true },
    ...{ more: {}, hosts: [], updates: 0 },
  };
  SERVICES.set(resource, known);
  return known;
}

/** What a URL of the vault leads to, as the service's identity sees it. */
export function seenAt(
  { mayRead }: Pick<ApiService, 'mayRead'>,
  url: unknown,
  { certificates }: VaultDirectories,
): CertificateSeen | undefined {
  if (typeof url !== 'string' || !mayRead) return undefined;
  const { host, pathname } = new URL(url);
  const [, , name = '', version = ''] = pathname.split('/');
  const seen = certificates?.lookUp(host, name, version === '' ? undefined : version);
  return seen?.enabled === true && seen.exportable ? seen : undefined;
}

/** An array in the place of the old one. @throws HttpProblem 400 as the service does; the wording of both is as users report it */
export function replaceHosts(resource: Resource, wanted: readonly Json[], vault: VaultDirectories): () => void {
  const service = serviceOf(resource);
  const next = wanted.map((body): Host => {
    const { certificate, certificateStatus: _status, ...rest } = body;
    const { hostName = '', type = '', keyVaultId } = rest;
    const old = service.hosts.find((one) => one.body['hostName'] === hostName && one.body['type'] === type);
    if (rest['certificateSource'] === 'BuiltIn') return { body: rest };
    if (typeof keyVaultId !== 'string') {
      // terraform-provider-azurerm #11290: what was uploaded is not shown, and only what is shown of it says that it stays.
      if (certificate !== undefined && old?.held !== undefined) return { body: rest, held: old.held };
      const what = `for type: ${String(type)} and hostname : ${String(hostName)}`;
      const text = `Invalid parameter: Either encodedCertificate or keyVaultId should be provided to retrieve the custom SSL certificate ${what}.`;
      throw badRequest(text, 'InvalidParameters');
    }
    const isSame = old?.body['keyVaultId'] === keyVaultId;
    if (isSame && old.held !== undefined && (certificate !== undefined || !service.looksWhenUpdated))
      return { ...old, body: rest };
    const held = seenAt(service, keyVaultId, vault);
    if (held !== undefined) return { body: rest, held, status: 'Completed' };
    const text = `Invalid parameter: Failed to access KeyVault secret ${keyVaultId} using Managed Service Identity of Api Management service. Check that it has GET permissions on secrets.`;
    throw badRequest(text, 'InvalidParameters');
  });
  return () => void (service.hosts = next);
}

/** The service's own look. */
export function lookWhenDue(service: ApiService, vault: VaultDirectories, now: Date): void {
  for (const host of service.hosts) {
    const url = host.body['keyVaultId'];
    if (typeof url !== 'string') continue;
    const seen = seenAt(service, url, vault);
    const isDue = seen !== undefined && now.getTime() >= seen.createdMs + HOST_FOLLOW_MS;
    if (isDue) Object.assign(host, { held: seen, status: 'Completed' });
  }
}

/** While a service of the Developer tier is updated, nobody answers. */
export function servesHost(resource: Resource, host: string, vault: VaultDirectories, now: Date): Serves | undefined {
  const service = serviceOf(resource);
  lookWhenDue(service, vault, now);
  const found = service.hosts.find(({ body }) => covers(String(body['hostName']), host));
  if (found === undefined) return undefined;
  const isDown = service.tier === 'Developer' && service.provisioningState === 'Updating';
  return isDown || found.held === undefined ? 'refuses' : [found.held];
}

export function shownService(resource: Resource): Json {
  const { tier, provisioningState, more, hosts } = serviceOf(resource);
  const hostnameConfigurations = hosts.map(({ body, held, status }) => ({
    ...body,
    ...(held === undefined ? {} : { certificate: shownCertificate(held) }),
    ...(status === undefined ? {} : { certificateStatus: status }),
  }));
  return {
    ...more,
    id: resource.id,
    name: resource.names['name'],
    type: 'Microsoft.ApiManagement/service',
    location: 'West Europe',
    etag: resource.etag,
    sku: { name: tier, capacity: 1 },
    properties: { ...(at(more, 'properties') as Json | undefined), provisioningState, hostnameConfigurations },
  };
}

export function shownCertificate({ certPem }: CertificateSeen): Json {
  const { validTo, subject, fingerprint } = new X509Certificate(certPem);
  return { expiry: new Date(validTo).toISOString(), thumbprint: fingerprint.replaceAll(':', ''), subject };
}
