/** The customer-managed key of a storage account, in GET and PATCH of the account (facts C). */
import type { StorageAccount } from './accounts.ts';
import { inUse, versionIn, versionOf } from './cmk.ts';
import type { Cmk, KeyDirectory } from './cmk.ts';
import { badRequest } from './service.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a new account has; a PATCH that leaves it out loses it here, which is the worse of what the service may do. */
export const DEFAULT_SERVICES: Json = { blob: { enabled: true, keyType: 'Account' }, file: { enabled: true } };

export function shownEncryption({ cmk, services }: StorageAccount): Json {
  if (cmk === undefined) return { keySource: 'Microsoft.Storage', services };
  const { origin, pathname } = new URL(cmk.url);
  return {
    keySource: 'Microsoft.Keyvault',
    services,
    keyvaultproperties: {
      keyvaulturi: `${origin}/`,
      keyname: pathname.split('/')[2] ?? '',
      ...(cmk.follows ? {} : { keyversion: cmk.version }),
      currentVersionedKeyIdentifier: inUse(cmk),
      lastKeyRotationTimestamp: '2026-01-01T00:00:00.0000000Z',
    },
  };
}

/** @throws HttpProblem 400 when the key could not be used */
export function patchEncryption(account: StorageAccount, body: unknown, keys: KeyDirectory | undefined): void {
  const { encryption } = member(member(body, 'properties'), '') as { encryption?: unknown };
  const given = member(encryption, '');
  if (given['keySource'] !== 'Microsoft.Keyvault') throw badRequest('Only a key of a vault can be set here.');
  const { keyvaulturi, keyname, keyversion, ...rest } = member(given, 'keyvaultproperties');
  if (typeof keyvaulturi !== 'string' || typeof keyname !== 'string' || Object.keys(rest).length > 0) {
    throw badRequest('The keyvaultproperties of the account are not right.', 'InvalidValuesForRequestParameters');
  }
  const pinned = typeof keyversion === 'string' && keyversion !== '' ? `/${keyversion}` : '';
  const url = `${keyvaulturi.replace(/\/+$/, '')}/keys/${keyname}${pinned}`;
  account.cmk = { url, follows: versionIn(url) === undefined, version: versionOf(url, keys) } satisfies Cmk;
  account.services = member(given, 'services');
}

/** An object below the body, or the body itself for the empty name. */
function member(body: unknown, name: string): Json {
  const value = name === '' ? body : typeof body === 'object' && body !== null ? (body as Json)[name] : undefined;
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
