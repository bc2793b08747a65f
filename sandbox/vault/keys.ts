/**
 * What tests and the other parts of the sandbox do with the vaults' keys, past the wire.
 *
 *     vault.keys.seed('kv', 'cmk', { tags: { KeyUser: id }, expiresInMs: 20 * 86_400_000 });
 *     vault.keys.rotate('kv', 'cmk');        // as the vault's own policy, or a person, would
 *     vault.keys.peek('kv', 'cmk');          // every version, oldest first; [] when there is none
 *     vault.keys.url('kv', 'cmk');           // https://kv.vault.sandbox.test:…/keys/cmk
 *     vault.keys.lookUp('https://…/keys/cmk/<version>');
 */
import type { KeyInput, KeyPolicy, KeyStore, KeyVersion, StoredKey } from './key-store.ts';

export type { KeyPolicy, KeyVersion, StoredKey } from './key-store.ts';

export interface KeyEvent {
  readonly vault: string;
  readonly key: StoredKey;
  readonly version: KeyVersion;
}

export interface KeySeed extends KeyInput {
  /** Sets `exp` to so long after the sandbox's now. */
  readonly expiresInMs?: number;
  readonly policy?: Omit<KeyPolicy, 'id'>;
}

export interface VaultKeys {
  /** A new version, written past the wire. */
  seed(vault: string, name: string, input?: KeySeed): KeyVersion;
  rotate(vault: string, name: string): KeyVersion;
  amend(vault: string, name: string, change: Omit<KeyInput, 'managed'>, id?: string): KeyVersion;
  peek(vault: string, name: string): readonly KeyVersion[];
  all(vault: string): readonly StoredKey[];
  /** For good, and with no trace: as if it had never been. */
  remove(vault: string, name: string): void;
  policy(vault: string, name: string): KeyPolicy;
  /** Without the version. */
  url(vault: string, name: string): string;
  /** The version that an address names, or the current one; undefined when there is none, or no such vault. */
  lookUp(url: string): KeyVersion | undefined;
  /** Whether a rotation puts the tags of the version before on the new one; true at first. */
  rotationKeepsTags: boolean;
  onVersion(listener: (event: KeyEvent) => void): () => void;
}

export interface KeysWorld {
  readonly now: () => Date;
  /** @throws when there is no such vault */
  readonly store: (vault: string) => KeyStore;
  readonly vaults: readonly string[];
  readonly origin: (vault: string) => string;
  readonly listeners: Set<(event: KeyEvent) => void>;
}

export function vaultKeys({ now, store, vaults, origin, listeners }: KeysWorld): VaultKeys {
  return {
    rotationKeepsTags: true,
    seed(vault, name, { expiresInMs, policy, ...input } = {}) {
      const exp = expiresInMs === undefined ? input.exp : Math.floor((now().getTime() + expiresInMs) / 1000);
      const made = store(vault).create(name, exp === undefined ? input : { ...input, exp });
      if (policy !== undefined) store(vault).setPolicy(name, policy);
      return made.version;
    },
    rotate: (vault, name) => store(vault).rotate(name).version,
    amend: (vault, name, change, id) => store(vault).patch(name, id, change).version,
    peek: (vault, name) => store(vault).find(name)?.versions ?? [],
    all: (vault) => store(vault).all(),
    remove: (vault, name) => store(vault).remove(name),
    policy: (vault, name) => store(vault).policy(name),
    url: (vault, name) => `${origin(vault)}/keys/${name}`,
    lookUp(url) {
      const asked = new URL(url);
      const vault = vaults.find((one) => new URL(origin(one)).origin === asked.origin);
      const [, kind, name = '', id] = asked.pathname.split('/');
      if (vault === undefined || kind !== 'keys') return undefined;
      const versions = store(vault).find(name)?.versions ?? [];
      return id === undefined || id === '' ? versions.at(-1) : versions.find((one) => one.id === id);
    },
    onVersion(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
