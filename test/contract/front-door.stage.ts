import { profileOf, type Profile } from '../../sandbox/arm/services/cdn/profile.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export interface Holds {
  readonly secret: string;
  /** In the vault. */
  readonly certificate: string;
  /** Absent: it follows. */
  readonly pinned?: string;
  readonly hosts: readonly string[];
}

/** Settings of a domain that nobody may lose. */
export const TLS = {
  certificateType: 'CustomerCertificate',
  minimumTlsVersion: 'TLS13',
  cipherSuiteSetType: 'Customized',
  customizedCipherSuiteSet: { cipherSuiteSetForTls13: ['TLS_AES_256_GCM_SHA384'] },
} as const;

let made = 0;

/** A profile with these secrets, and one domain for each of their hosts. */
export function makeProfile(cloud: ConsumerCloud, holds: readonly Holds[]): { resource: Resource; profile: Profile } {
  made += 1;
  const resource = cloud.arm.create('Microsoft.Cdn/profiles/{name}', { name: `afd${made}` });
  const profile = profileOf(resource);
  for (const { secret: name, certificate, pinned, hosts } of holds) {
    const sourceId = sourceOf(cloud, certificate);
    const held = cloud.vault.lookUp('kv', certificate, pinned);
    if (held === undefined) throw new Error(`there is no ${certificate}`);
    profile.secrets.set(name, { name, sourceId, useLatestVersion: pinned === undefined, held });
    for (const hostName of hosts) {
      const domain = hostName.replaceAll('.', '-');
      profile.domains.set(domain, { name: domain, hostName, tls: TLS, secret: name, deployedMs: 0 });
    }
  }
  return { resource, profile };
}

export function sourceOf(cloud: ConsumerCloud, certificate: string): string {
  return `/subscriptions/${cloud.arm.subscriptionId}/resourceGroups/rg-sandbox/providers/Microsoft.KeyVault/vaults/kv/secrets/${certificate}`;
}
