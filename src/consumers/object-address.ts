import { RotationError } from '../rotation/errors.ts';
import type { ObjectRef, Reference, VersionRef } from '../rotation/ports.ts';

/** An object of a vault, as a resource refers to it. Everything lower case: services change the case of what they are given. */
export interface ObjectAddress {
  /** `kv.vault.azure.net`, or the vault's name alone where the reference is an ARM id. */
  readonly vault: string;
  readonly name: string;
  /** Absent: the newest one. */
  readonly version?: string;
}

const OBJECT_PATH = /^\/(?:secrets|certificates)\/([0-9a-z-]{1,127})(?:\/([0-9a-z]*))?\/?$/;
const VAULT_ID =
  /^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.keyvault\/vaults\/([0-9a-z-]+)(?:\/secrets\/([0-9a-z-]+)(?:\/([0-9a-z]+))?)?\/?$/;

/** Reads `https://kv.vault.azure.net[:443]/secrets/<name>[/<version>]`, and the same with `/certificates/`. */
export function readObjectUrl(text: string): ObjectAddress | undefined {
  const lower = text.trim().toLowerCase();
  if (!URL.canParse(lower)) return undefined;
  const { protocol, host, pathname } = new URL(lower);
  const [, name, version = ''] = OBJECT_PATH.exec(pathname) ?? [];
  if (protocol !== 'https:' || name === undefined) return undefined;
  return { vault: host, name, ...(version === '' ? {} : { version }) };
}

/** Reads the ARM id of a vault, with the secret behind it or beside it. @param name where the id ends with the vault */
export function readVaultId(text: string, name?: string, version?: string): ObjectAddress | undefined {
  const [, vault, inId, versionInId] = VAULT_ID.exec(text.trim().toLowerCase()) ?? [];
  const named = (inId ?? name)?.trim().toLowerCase();
  if (vault === undefined || named === undefined || named === '') return undefined;
  const said = (versionInId ?? version)?.trim().toLowerCase();
  return { vault, name: named, ...(said === undefined || said === '' ? {} : { version: said }) };
}

/** Does the reference mean this object? A vault's name is unique in its cloud, so the name alone tells the vault. */
export function refersTo(address: ObjectAddress | undefined, object: ObjectRef): boolean {
  if (address?.name !== object.name.toLowerCase()) return false;
  const host = new URL(object.vault).host.toLowerCase();
  return address.vault === host || address.vault === host.split('.')[0];
}

/** The reference is not there any more: nothing is pushed to what took its place. */
export function referenceIsGone({ id }: Reference, { object }: VersionRef): RotationError {
  return new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'reconfigure',
    message: `${id} does not refer to ${object.name} of ${object.vault} any more`,
    remedy: 'Nothing, if that was meant.',
  });
}
