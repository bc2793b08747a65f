/**
 * Key Vault's data plane for secrets and keys: several vaults on one port, told apart by host name (facts A1 to A6).
 *
 *     const vault = await startVault(ctx, { identity });               // vaults kv and kv2
 *     new SecretClient(vault.url('kv'), new DefaultAzureCredential()); // unmodified, no options
 *     vault.seed('kv', 'orders-db', { value: 's', tags: { CredentialId: 'app_a' }, expiresInMs: 20 * 86_400_000 });
 *     vault.peek('kv', 'orders-db');      // every version with its value, oldest first; [] when there is none
 *     vault.setAccess('kv', { deny: 'ForbiddenByRbac', actions: ['get'], secrets: ['orders-db'] });
 *     vault.setAccess('kv', 'allow');     // lifts every refusal
 *     vault.writtenValues();              // every value ever stored, to search what the app wrote for leaks
 *
 * The tests' own calls (`seed`, `peek`) cross no wire: they are not in the traffic, not limited and never refused, but
 * they make events as any other writer does. All dates follow `ctx.clock`.
 */
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import type { IdentityService } from '../identity/identity.ts';
import { VaultAccess } from './access.ts';
import type { AccessRule, RateLimit } from './access.ts';
import { versionId } from './bundles.ts';
import type { VaultAddress } from './bundles.ts';
import { vaultCertificates, type CertificateEvent, type VaultCertificates } from './certificates/certificates.ts';
import { CertificateStore } from './certificates/store.ts';
import { authenticate, responseHeaders, withHeaders } from './front.ts';
import { VAULT_SUFFIX, resourceId } from './ids.ts';
import { KeyStore } from './key-store.ts';
import { vaultKeys } from './keys.ts';
import type { KeyEvent, VaultKeys } from './keys.ts';
import type { NewVersion, SecretVersion, StoredSecret, VersionPatch } from './model.ts';
import { route } from './routes.ts';
import { SecretStore } from './store.ts';

export type { AccessRule, RateLimit } from './access.ts';
export type { Refusal, VaultAction } from './errors.ts';
export type { NewVersion, SecretVersion, StoredSecret, VersionPatch } from './model.ts';

export { RESOURCE_GROUP, SUBSCRIPTION_ID, VAULT_RESOURCE, VAULT_SUFFIX } from './ids.ts';

export interface VaultOptions {
  readonly identity: IdentityService;
  readonly port?: number;
  /** `['kv', 'kv2']` when absent. */
  readonly vaults?: readonly string[];
  /** 90 when absent. */
  readonly recoverableDays?: number;
  /** How long a deleted or recovered secret is in between, in sandbox time. 0 when absent. */
  readonly deleteDelayMs?: number;
  readonly recoverDelayMs?: number;
  /** The real limits when absent; `false` for none. */
  readonly rateLimit?: RateLimit | false;
  readonly nullClearsDates?: boolean;
  /** False makes keys that wrap and unwrap nothing, and cost nothing. True when absent. */
  readonly cryptography?: boolean;
}

export interface SeedInput extends NewVersion {
  /** Sets `exp` to so long after the sandbox's now. */
  readonly expiresInMs?: number;
}

export interface VersionEvent {
  readonly vault: string;
  readonly secret: StoredSecret;
  readonly version: SecretVersion;
}

export interface VaultService {
  readonly names: readonly string[];
  readonly port: number;
  /** `https://kv.vault.sandbox.test:port` */
  url(vault: string): string;
  /** The vault's ARM id, as events name it. */
  resourceId(vault: string): string;
  /** The full id of a version: `https://…/secrets/name/version`. */
  versionUrl(vault: string, secret: StoredSecret, version: SecretVersion): string;
  /** Writes a new version past the wire and returns it. */
  seed(vault: string, name: string, input: SeedInput): SecretVersion;
  /** Changes a version past the wire; the current one when `id` is absent. */
  amend(vault: string, name: string, change: VersionPatch, id?: string): SecretVersion;
  peek(vault: string, name: string): readonly SecretVersion[];
  /** Every live secret of the vault. */
  secrets(vault: string): readonly StoredSecret[];
  remove(vault: string, name: string): void;
  setAccess(vault: string, access: 'allow' | AccessRule | readonly AccessRule[]): void;
  access(vault: string): readonly AccessRule[];
  writtenValues(): readonly string[];
  readonly keys: VaultKeys;
  readonly certificates: VaultCertificates;
  onVersion(listener: (event: VersionEvent) => void): () => void;
  /** After anything changed: a version, a date, a deletion. */
  onChange(listener: () => void): () => void;
  stop(): Promise<void>;
}

interface OneVault {
  readonly name: string;
  readonly store: SecretStore;
  readonly keys: KeyStore;
  readonly certificates: CertificateStore;
  readonly access: VaultAccess;
  readonly backups: Map<string, StoredSecret>;
}

export async function startVault(ctx: SandboxContext, options: VaultOptions): Promise<VaultService> {
  const names = options.vaults ?? ['kv', 'kv2'];
  const recoverableDays = options.recoverableDays ?? 90;
  const written: string[] = [];
  const versionListeners = new Set<(event: VersionEvent) => void>();
  const changeListeners = new Set<() => void>();
  const keyListeners = new Set<(event: KeyEvent) => void>();
  const certificateListeners = new Set<(event: CertificateEvent) => void>();
  const onChange = (): void => changeListeners.forEach((listener) => listener());
  const now = (): Date => ctx.clock.now();
  const rateLimit = options.rateLimit === false ? undefined : (options.rateLimit ?? {});

  const build = (name: string): OneVault => {
    const keyStore = new KeyStore({
      now,
      onChange,
      rotationKeepsTags: () => keys.rotationKeepsTags,
      cryptography: options.cryptography ?? true,
      onVersion(key, version) {
        ctx.transcript.wrote('tags of keys', JSON.stringify(version.tags ?? {}));
        for (const listener of keyListeners) listener({ vault: name, key, version });
      },
    });
    const store = new SecretStore({
      now,
      onChange,
      recoverableDays,
      deleteDelayMs: options.deleteDelayMs ?? 0,
      recoverDelayMs: options.recoverDelayMs ?? 0,
      nullClearsDates: options.nullClearsDates ?? false,
      onVersion(secret, version) {
        written.push(version.value);
        ctx.transcript.secret('a value of the vault', version.value);
        ctx.transcript.wrote('tags of secrets', JSON.stringify(version.tags ?? {}));
        for (const listener of versionListeners) listener({ vault: name, secret, version });
      },
    });
    const certificateStore = new CertificateStore({
      now,
      onChange,
      secrets: store,
      keys: keyStore,
      keyUrl: (key, id) => `${address(name).origin}/keys/${key}/${id}`,
      operationMs: () => certificates.operationMs,
      failure: () => certificates.failure,
      onVersion(certificate, version) {
        for (const listener of certificateListeners) listener({ vault: name, certificate, version });
      },
    });
    const access = new VaultAccess(now, rateLimit);
    return { name, access, backups: new Map(), keys: keyStore, store, certificates: certificateStore };
  };
  const vaults = new Map(names.map((name) => [name.toLowerCase(), build(name)]));
  const one = (name: string): OneVault => {
    const found = vaults.get(name.toLowerCase());
    if (found === undefined) throw new Error(`there is no vault ${name} here, only ${[...vaults.keys()].join(', ')}`);
    return found;
  };

  const server = await startHttps(ctx, {
    names: [`*.${VAULT_SUFFIX}`],
    system: 'vault',
    ...(options.port === undefined ? {} : { port: options.port }),
    operation: (request) => `${request.method} ${request.path.replace(/\/$/, '')}`,
    handler: (request) => answer(request, options.identity, vaults.get(request.host.split('.')[0] ?? ''), address),
  });
  const address = (vault: string): VaultAddress => ({
    origin: server.origin(`${vault}.${VAULT_SUFFIX}`),
    recoverableDays,
  });
  const keys = vaultKeys({
    now,
    vaults: names,
    store: (vault) => one(vault).keys,
    origin: (vault) => address(one(vault).name).origin,
    listeners: keyListeners,
  });
  const certificates = vaultCertificates({
    store: (vault) => one(vault).certificates,
    secrets: (vault) => one(vault).store,
    origin: (vault) => address(one(vault).name).origin,
    listeners: certificateListeners,
    now,
  });

  return {
    names,
    keys,
    certificates,
    port: server.port,
    url: (vault) => address(one(vault).name).origin,
    resourceId: (vault) => resourceId(one(vault).name),
    versionUrl: (vault, secret, version) => versionId(address(one(vault).name), secret, version),
    seed(vault, name, { expiresInMs, ...input }) {
      const exp = expiresInMs === undefined ? input.exp : Math.floor((now().getTime() + expiresInMs) / 1000);
      return one(vault).store.put(name, exp === undefined ? input : { ...input, exp }).version;
    },
    amend: (vault, name, change, id) => one(vault).store.patch(name, id, change).version,
    peek: (vault, name) => one(vault).store.find(name)?.versions ?? [],
    secrets: (vault) => one(vault).store.all(),
    remove: (vault, name) => void one(vault).store.delete(name),
    setAccess(vault, access) {
      one(vault).access.rules = access === 'allow' ? [] : Array.isArray(access) ? access : [access as AccessRule];
    },
    access: (vault) => one(vault).access.rules,
    writtenValues: () => [...written],
    onVersion(listener) {
      versionListeners.add(listener);
      return () => versionListeners.delete(listener);
    },
    onChange(listener) {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    stop: () => server.stop(),
  };
}

async function answer(
  request: SandboxRequest,
  identity: IdentityService,
  vault: OneVault | undefined,
  address: (vault: string) => VaultAddress,
): Promise<SandboxResponse> {
  // The name of a vault that does not exist does not resolve in Azure; the nearest thing here is to hang up.
  if (vault === undefined) return { status: 0 };
  const headers = responseHeaders(request);
  await vault.certificates.settle();
  return withHeaders(headers, () => {
    const principal = authenticate(request, identity);
    return route(request, {
      address: address(vault.name),
      store: vault.store,
      keys: vault.keys,
      certificates: vault.certificates,
      backups: vault.backups,
      admit: (action, secret, of) =>
        vault.access.admit({
          vault: vault.name,
          vaultId: resourceId(vault.name),
          action,
          principal,
          ...(secret === undefined ? {} : { secret }),
          ...(of === undefined ? {} : { of }),
        }),
    });
  });
}
