/**
 * What tests and the other parts of the sandbox do with the vaults' certificates, past the wire.
 *
 *     await vault.certificates.seed('kv', 'app');                    // one more version, finished at once
 *     await vault.certificates.seed('kv', 'app', { key_props: { exportable: false } });
 *     await vault.certificates.seed('kv', 'app', {}, { expiresInMs: 20 * 86_400_000 }); // it ends in twenty days
 *     vault.certificates.peek('kv', 'app');                          // every version, oldest first; [] when there is none
 *     vault.certificates.content('kv', 'app');                       // what the backing secret of the newest one holds
 *     vault.certificates.operationMs = 60_000;                       // how long an issuer takes from now on
 *     vault.certificates.failure = { code: 'x', message: 'y' };      // operations fail until it is undefined again
 */
import type { SecretStore } from '../store.ts';
import { DEFAULT_POLICY, type CertificatePolicy, type CertificateVersion, type StoredCertificate } from './model.ts';
import type { CertificateStore } from './store.ts';

export type { CertificatePolicy, CertificateVersion, StoredCertificate } from './model.ts';

export interface CertificateEvent {
  readonly vault: string;
  readonly certificate: StoredCertificate;
  readonly version: CertificateVersion;
}

/** Parts of a policy; what they leave out is as before, or the service's default. */
export type PolicyChange = {
  readonly [K in Exclude<keyof CertificatePolicy, 'lifetime_actions'>]?: Partial<CertificatePolicy[K]>;
} & Pick<CertificatePolicy, 'lifetime_actions'>;

export interface VaultCertificates {
  seed(
    vault: string,
    name: string,
    policy?: PolicyChange,
    more?: { readonly expiresInMs?: number; readonly tags?: Readonly<Record<string, string>> },
  ): Promise<CertificateVersion>;
  setPolicy(vault: string, name: string, policy: PolicyChange): void;
  amend(vault: string, name: string, change: { readonly enabled: boolean }, id?: string): void;
  /** A person brings the signed answer to the request of a certificate whose issuer is Unknown. */
  merge(vault: string, name: string, chain: readonly Buffer[]): CertificateVersion;
  remove(vault: string, name: string): void;
  peek(vault: string, name: string): readonly CertificateVersion[];
  find(vault: string, name: string): StoredCertificate | undefined;
  all(vault: string): readonly StoredCertificate[];
  content(vault: string, name: string, id?: string): string;
  /** Without the version. */
  url(vault: string, name: string): string;
  operationMs: number;
  failure: { readonly code: string; readonly message: string } | undefined;
  onVersion(listener: (event: CertificateEvent) => void): () => void;
}

export interface CertificatesWorld {
  /** @throws when there is no such vault */
  readonly store: (vault: string) => CertificateStore;
  readonly secrets: (vault: string) => SecretStore;
  readonly origin: (vault: string) => string;
  readonly listeners: Set<(event: CertificateEvent) => void>;
  readonly now: () => Date;
}

export function vaultCertificates({ store, secrets, origin, listeners, now }: CertificatesWorld): VaultCertificates {
  const changed = (before: CertificatePolicy, change: PolicyChange): CertificatePolicy => ({
    ...before,
    key_props: { ...before.key_props, ...change.key_props },
    secret_props: { ...before.secret_props, ...change.secret_props },
    x509_props: { ...before.x509_props, ...change.x509_props },
    issuer: { ...before.issuer, ...change.issuer },
    ...(change.lifetime_actions === undefined ? {} : { lifetime_actions: change.lifetime_actions }),
  });
  return {
    operationMs: 0,
    failure: undefined,
    async seed(vault, name, policy = {}, { expiresInMs, tags } = {}) {
      const before = store(vault).peek(name)?.policy ?? { ...DEFAULT_POLICY, x509_props: { subject: `CN=${name}` } };
      const { operationMs } = this;
      this.operationMs = 0;
      const endsAt = expiresInMs === undefined ? undefined : new Date(now().getTime() + expiresInMs);
      await store(vault).create(name, changed(before, policy), tags, endsAt);
      this.operationMs = operationMs;
      await store(vault).settle();
      return store(vault).version(name).version;
    },
    setPolicy(vault, name, policy) {
      const found = store(vault).find(name);
      found.policy = changed(found.policy, policy);
    },
    amend: (vault, name, change, id) => void store(vault).amend(name, id, change),
    merge: (vault, name, chain) => store(vault).merge(name, chain),
    remove: (vault, name) => void store(vault).delete(name),
    peek: (vault, name) => store(vault).peek(name)?.versions ?? [],
    find: (vault, name) => store(vault).peek(name),
    all: (vault) => store(vault).all(),
    content: (vault, name, id) => secrets(vault).version(name, id).version.value,
    url: (vault, name) => `${origin(vault)}/certificates/${name}`,
    onVersion(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
