import type { Call, ObjectRef, SecretValue, VaultPort } from '../rotation/ports.ts';
import { callingVault, perVault, type VaultDeps } from './clients.ts';
import type { VaultAction } from './errors.ts';
import { connectSecrets, current } from './key-vault.ts';

export interface SigningKeysDeps extends VaultDeps {
  readonly vault: Pick<VaultPort, 'current' | 'versions'>;
  /** For so long after a new version what is sent is signed with the one before, too. */
  readonly overlapMs: number;
}

/**
 * Keys that others check signatures with: they take a new one in their own time, so both are used while that lasts. Never kept: what
 * is signed is rare, and a key that was just replaced would be refused.
 * @returns the current version first; the one before only if it is enabled and has not expired
 */
export function createSigningKeys(
  deps: SigningKeysDeps,
): (secret: ObjectRef, call: Call) => Promise<readonly SecretValue[]> {
  const calling = callingVault(perVault((vault) => connectSecrets(vault, deps)));
  return async (secret, call) => {
    const newest = await deps.vault.current(secret, call);
    const now = call.now().getTime();
    if (now - newest.createdOn.getTime() >= deps.overlapMs) return [newest.value];
    const versions = await deps.vault.versions(secret, call);
    const before = versions.find(
      ({ version, enabled, expiresOn }) =>
        version !== newest.version && enabled && (expiresOn === undefined || expiresOn.getTime() > now),
    );
    if (before === undefined) return [newest.value];
    const { vault, name } = secret;
    const { version } = before;
    const doing = `reading the version ${version} of the secret ${name} in ${vault}`;
    const action: VaultAction = { vault, name, doing, permission: 'get', writes: false };
    const found = await calling(action, call, (on) => on.getSecret(name, { version, abortSignal: call.signal }));
    return [newest.value, current(found).value];
  };
}
