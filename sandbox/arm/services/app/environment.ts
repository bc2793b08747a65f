/** What a Container Apps environment holds of the vault's certificates, and when it looks for new ones (consumer facts 6). */
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from '../../../certificate-directory.ts';
import type { Resource, VaultDirectories } from '../../service.ts';

/** "Within 12 hours" a certificate without a version has the newest one. */
export const CERTIFICATE_LAG_MS = 12 * 3600_000;

/** One certificate: a resource of its own, or the DNS suffix of the environment. */
export interface Held {
  keyVaultUrl: string;
  identity: string;
  seen?: CertificateSeen;
  provisioningState: 'Succeeded' | 'Failed' | 'Pending';
  deploymentErrors: string;
  /** Whether the environment's identity may read the vault. */
  mayRead: boolean;
  /** Whether it looks into the vault when it is put again; it is not verified that it does. */
  looksWhenPut: boolean;
  /** How often it is read before it has what it is looking for. */
  lag: number;
  tags: Record<string, string>;
  /** What else was put, which must not be lost. */
  more: Record<string, unknown>;
}

export interface Environment {
  /** Where there is one. */
  suffix?: string;
  readonly held: Held;
  /** Its certificates, by their ids in lower case. */
  readonly certificates: Map<string, Held>;
  provisioningState: string;
}

const ENVIRONMENTS = new WeakMap<Resource, Environment>();
const CERTIFICATES = new WeakMap<Resource, Held>();

export function environmentOf(resource: Resource): Environment {
  const found = ENVIRONMENTS.get(resource) ?? {
    held: emptyHeld(),
    certificates: new Map<string, Held>(),
    provisioningState: 'Succeeded',
  };
  ENVIRONMENTS.set(resource, found);
  return found;
}

export function heldBy(resource: Resource): Held {
  const found = CERTIFICATES.get(resource) ?? emptyHeld();
  CERTIFICATES.set(resource, found);
  return found;
}

function emptyHeld(): Held {
  return {
    ...{ keyVaultUrl: '', identity: 'system', provisioningState: 'Succeeded', deploymentErrors: '' },
    ...{ mayRead: true, looksWhenPut: true, lag: 0, tags: {}, more: {} },
  };
}

/** What the vault has under the URL, if it can be had. */
export function find({ keyVaultUrl }: Held, { certificates }: VaultDirectories): CertificateSeen | undefined {
  if (!URL.canParse(keyVaultUrl)) return undefined;
  const { host, pathname } = new URL(keyVaultUrl);
  const [, , name = '', version = ''] = pathname.split('/');
  const seen = certificates?.lookUp(host, name, version === '' ? undefined : version);
  return seen?.enabled === true && seen.exportable ? seen : undefined;
}

/** Takes what the vault has now, as when it is made. */
export function take(held: Held, vault: VaultDirectories): void {
  const seen = find(held, vault);
  if (seen !== undefined) held.seen = seen;
}

/** What was put is looked for, after a while; and without being told it looks within twelve hours. */
export function lookWhenDue(held: Held, vault: VaultDirectories, now: Date): void {
  if (held.provisioningState === 'Pending') {
    if (held.lag > 0) held.lag -= 1;
    else settle(held, vault);
    return;
  }
  const newest = held.mayRead ? find(held, vault) : undefined;
  if (newest !== undefined && now.getTime() - newest.createdMs >= CERTIFICATE_LAG_MS) held.seen = newest;
}

/** The end of a put. */
export function settle(held: Held, vault: VaultDirectories): void {
  held.provisioningState = held.mayRead ? 'Succeeded' : 'Failed';
  held.deploymentErrors = held.mayRead ? '' : REFUSED;
  if (held.mayRead && held.looksWhenPut) take(held, vault);
}

export const REFUSED =
  'Error while creating domain cert for Managed Environment: Client address is not authorized and caller is not a trusted service.';

/** What is shown of it. */
export function shownHeld({ seen, keyVaultUrl, identity }: Held): Record<string, unknown> {
  const leaf = seen === undefined ? undefined : new X509Certificate(seen.certPem);
  return {
    certificateKeyVaultProperties: keyVaultUrl === '' ? null : { keyVaultUrl, identity },
    thumbprint: leaf?.fingerprint.replaceAll(':', '') ?? null,
    subjectName: leaf?.subject ?? null,
    expirationDate: leaf === undefined ? null : new Date(leaf.validTo).toISOString(),
  };
}
