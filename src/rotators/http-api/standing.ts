import { RotationError } from '../../rotation/errors.ts';
import type { Call, Issued } from '../../rotation/ports.ts';
import { tryKey, type HttpApiDeps } from './client.ts';
import type { HttpApi } from './config.ts';
import { listKeys, type Listed } from './listing.ts';
import { lineOf } from './requests.ts';

/**
 * A value that works while the account lists no key of that id: the tag names another key, or the key belongs to another
 * account. The rotation would revoke nothing, or somebody else's key, and the old value would go on for ever. A key that is not
 * listed and does not work has ended, and is no obstacle. Undefined where all is well. Read-only.
 */
export async function strangeKey(
  deps: HttpApiDeps,
  api: HttpApi,
  keys: readonly Listed[],
  current: Issued,
  call: Call,
): Promise<RotationError | undefined> {
  if (keys.some(({ credentialId }) => credentialId === current.credentialId)) return undefined;
  try {
    await tryKey(deps, api, current, call);
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return undefined;
    throw error;
  }
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the value works at ${api.name}, which lists no key ${current.credentialId} though: the old key could never be revoked`,
    remedy: `Set the tag CredentialId to the id of the key in this version; the service lists them: ${lineOf(api, api.description.list, { cursor: '' })}. If it is not among them, the key belongs to another account than ${api.setting} manages.`,
  });
}

/**
 * The service says that there is no such key; a wrong path in the description is answered in the same way. So its own listing is
 * asked.
 * @throws CONFLICT when the key is listed; a listing that lags behind is right at a later attempt
 */
export async function confirmGone(deps: HttpApiDeps, api: HttpApi, id: string, call: Call): Promise<void> {
  const keys = await listKeys(deps, api, call);
  if (!keys.some(({ credentialId }) => credentialId === id)) return;
  throw new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `revoking the key ${id} at ${api.name} (${lineOf(api, api.description.revoke, { id })}) was answered as if there were none, and it is listed`,
    remedy: `It is tried again. If it goes on, compare revoke in the description of ${api.setting} with ${api.description.documentation}`,
  });
}
