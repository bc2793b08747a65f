import type { Call, NamedSecrets, ObjectRef, VaultPort } from '../rotation/ports.ts';
import type { SecretValue } from '../rotation/secret-value.ts';

interface Cached {
  readonly at: number;
  readonly value: Promise<SecretValue>;
}

/** A hundred rotations on one system read the administrator's secret once; a changed one is seen after so long. */
const KEPT_MS = 5 * 60_000;

/** Reads secrets that the settings name, each once in a while, however many ask at the same time. */
export function createNamedSecrets(vault: Pick<VaultPort, 'current'>): NamedSecrets {
  const cache = new Map<string, Cached>();
  return {
    read: (secret, call) => kept(cache, secret, vault, call),
    forget: (secret) => void cache.delete(keyOf(secret)),
  };
}

function keyOf({ vault, name }: ObjectRef): string {
  return `${vault}/${name}`;
}

async function kept(
  cache: Map<string, Cached>,
  secret: ObjectRef,
  vault: Pick<VaultPort, 'current'>,
  call: Call,
): Promise<SecretValue> {
  const key = keyOf(secret);
  const now = call.now().getTime();
  const found = cache.get(key);
  if (found !== undefined && now - found.at < KEPT_MS) return found.value;
  const value = vault.current(secret, call).then((current) => current.value);
  cache.set(key, { at: now, value });
  try {
    return await value;
  } catch (error) {
    // A failure is nobody's to keep: whoever asks next reads again.
    if (cache.get(key)?.value === value) cache.delete(key);
    throw error;
  }
}
