/** What App Service keeps of its resources, beside their ids. */
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from '../../../certificate-directory.ts';
import type { Resource } from '../../service.ts';

export type SslState = 'Disabled' | 'SniEnabled' | 'IpBasedEnabled';

export interface Binding {
  sslState: SslState;
  /** Upper-case hex; empty without a certificate. */
  thumbprint: string;
  /** The certificate itself, which its front ends serve. */
  seen?: CertificateSeen;
  /** Where an IP-based binding is reached; lost with the binding. */
  virtualIP?: string;
}

export interface CertificateState {
  keyVaultId: string;
  keyVaultSecretName: string;
  serverFarmId: string;
  location: string;
  tags: Record<string, string>;
  seen?: CertificateSeen;
  status: string;
  /** What the service's own principal may: everything; nothing, and the PUT is refused; nothing, and only the status says so. */
  access: 'granted' | 'refused' | 'silent';
  /** Whether the bindings come along when the certificate is put again; it is not verified that they always do. */
  bindingsFollow: boolean;
}

export interface ResolvedReference {
  status: string;
  version: string;
}

export interface SiteState {
  kind: string;
  state: 'Running' | 'Stopped';
  serverFarmId: string;
  location: string;
  readonly bindings: Map<string, Binding>;
  settings: Record<string, string>;
  connectionStrings: Record<string, { value: string; type: string }>;
  /** By collection and name; what the platform has fetched last. */
  resolved: Map<string, ResolvedReference>;
  fetchedMs: number;
  /** The versions that the processes have in their environment, by the same names. */
  environment: Map<string, string>;
  /** How often the list is asked for before a refresh shows. */
  lag: number;
  /** The site's own identity may read the vault. */
  identity: 'granted' | 'denied' | 'none';
  restarts: ('soft' | 'full')[];
  syncs: number;
}

const certificates = new WeakMap<Resource, CertificateState>();
const sites = new WeakMap<Resource, SiteState>();

export function certificateOf(resource: Resource): CertificateState {
  return known(certificates, resource, () => ({
    keyVaultId: '',
    keyVaultSecretName: '',
    serverFarmId: '',
    location: 'West Europe',
    tags: {},
    status: 'Initialized',
    access: 'granted',
    bindingsFollow: true,
  }));
}

export function siteOf(resource: Resource): SiteState {
  return known(sites, resource, () => ({
    kind: 'app',
    state: 'Running',
    serverFarmId: '',
    location: 'West Europe',
    bindings: new Map(),
    settings: {},
    connectionStrings: {},
    resolved: new Map(),
    fetchedMs: 0,
    environment: new Map(),
    lag: 0,
    identity: 'granted',
    restarts: [],
    syncs: 0,
  }));
}

export function thumbprintOf(seen: CertificateSeen | undefined): string {
  return seen === undefined ? '' : x509(seen).fingerprint.replaceAll(':', '');
}

export function x509({ certPem }: CertificateSeen): X509Certificate {
  return new X509Certificate(certPem);
}

/** `https://kv.vault.azure.net/…`, or the ARM id: the vault's name is what the directory is asked for. */
export function vaultNameOf(text: string): string {
  return /\/vaults\/([^/]+)/i.exec(text)?.[1] ?? text;
}

/**
 * May the site use the certificate? It is there for one webspace: a region, and the group of the plan. Where one of the two names no plan,
 * it is taken for that of the other.
 */
export function isFor(site: SiteState, certificate: CertificateState): boolean {
  const [one, other] = [groupOf(site.serverFarmId), groupOf(certificate.serverFarmId)];
  return site.location === certificate.location && (one === '' || other === '' || one === other);
}

function groupOf(planId: string): string {
  return /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(planId)?.[0].toLowerCase() ?? '';
}

export function isWeb(resource: Resource, type: 'certificates' | 'sites'): boolean {
  return resource.service.address.toLowerCase().startsWith(`microsoft.web/${type}/`);
}

function known<T>(map: WeakMap<Resource, T>, resource: Resource, make: () => T): T {
  const found = map.get(resource) ?? make();
  map.set(resource, found);
  return found;
}
