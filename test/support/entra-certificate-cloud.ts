import { startVault, type VaultService } from '../../sandbox/vault/vault.ts';
import type { EntraAppCertificateDeps } from '../../src/rotators/entra-app-certificate/rotator.ts';
import { createCertificates } from '../../src/vault/certificates.ts';
import { startEntraCloud, type EntraCloud } from './entra-cloud.ts';

/** With a vault that holds the certificates. */
export interface EntraCertificateCloud extends EntraCloud {
  readonly vault: VaultService;
  readonly certificateDeps: EntraAppCertificateDeps;
}

/** The vault of the sources; any other is not served. */
export const SOURCES = 'kv2';

export async function startEntraCertificateCloud(): Promise<EntraCertificateCloud> {
  const cloud = await startEntraCloud();
  const vault = await startVault(cloud.ctx, { identity: cloud.identity, rateLimit: false });
  const certificates = createCertificates({ credential: cloud.deps.credential });
  return {
    ...cloud,
    vault,
    certificateDeps: { ...cloud.deps, certificates, serves: (host) => host === vault.url(SOURCES) },
    async stop() {
      await vault.stop();
      await cloud.stop();
    },
  };
}
