/**
 * Makes the running process trust the sandbox's certificates, for tests that call its services in-process:
 *
 *     const restore = trustSandbox(ctx.pki);   // before the first request
 *     ...
 *     restore();
 *
 * A process of its own gets NODE_EXTRA_CA_CERTS instead, but that is read only once, when a process starts.
 * `tls.setDefaultCACertificates` (Node 22.19, 24.5) reaches everything that opens TLS with the default authorities:
 * the Azure SDKs' pipeline, `fetch`, `pg`, `tedious`. Before those versions the authority is added to every secure
 * context that names none of its own, which reaches the same.
 */
import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import type { Pki } from './pki.ts';

/** Not in the types of every Node that runs this. */
type DefaultAuthorities = Partial<Pick<typeof tls, 'setDefaultCACertificates' | 'getCACertificates'>>;

/** Returns how to stop trusting them. Connections that are open stay open. */
export function trustSandbox(pki: Pick<Pki, 'caPem'>): () => void {
  const { setDefaultCACertificates: set, getCACertificates: get } = tls as DefaultAuthorities;
  if (set === undefined || get === undefined) return trustInContexts(pki.caPem);
  set([...get('default'), pki.caPem]);
  return () => set(get('default').filter((pem) => pem.trim() !== pki.caPem.trim()));
}

function trustInContexts(caPem: string): () => void {
  const real = tls.createSecureContext;
  tls.createSecureContext = (options) => {
    const secure = real(options);
    // Adds to the roots of the context; giving `ca` would replace them.
    if (options?.ca === undefined) (secure.context as { addCACert(pem: string): void }).addCACert(caPem);
    return secure;
  };
  syncBuiltinESMExports();
  return () => {
    tls.createSecureContext = real;
    syncBuiltinESMExports();
  };
}
