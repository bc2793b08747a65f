import type { SASQueryParameters, StorageSharedKeyCredential } from '@azure/storage-blob';
import { SecretValue } from '../../rotation/ports.ts';
import type { SasConfig } from './config.ts';

type Sdk = typeof import('@azure/storage-blob');

/** A token says by which version's rules it was signed. Pinned, so that an upgrade of the SDK makes no other one. */
const SIGNED_VERSION = '2022-11-02';

/**
 * A token that is valid at once, until `expiresOn` (whole seconds), over https. It names no start: with one, a service whose
 * clock is a little late refuses it at first (learn.microsoft.com/azure/storage/common/storage-sas-overview).
 */
export async function sign(config: SasConfig, key: SecretValue, expiresOn: Date): Promise<SecretValue> {
  const sdk = await import('@azure/storage-blob');
  const credential = new sdk.StorageSharedKeyCredential(config.account, key.reveal());
  return new SecretValue(parametersOf(sdk, config, expiresOn, credential).toString());
}

function parametersOf(
  sdk: Sdk,
  { scope, permissions, ip }: SasConfig,
  expiresOn: Date,
  credential: StorageSharedKeyCredential,
): SASQueryParameters {
  const limits = {
    expiresOn,
    version: SIGNED_VERSION,
    protocol: sdk.SASProtocol.Https,
    ...(ip === undefined ? {} : { ipRange: ip }),
  };
  switch (scope.kind) {
    case 'account':
      return sdk.generateAccountSASQueryParameters(
        {
          ...limits,
          permissions: sdk.AccountSASPermissions.parse(permissions),
          services: scope.services,
          resourceTypes: scope.resourceTypes,
        },
        credential,
      );
    case 'container':
      return sdk.generateBlobSASQueryParameters(
        {
          ...limits,
          permissions: sdk.ContainerSASPermissions.parse(permissions),
          containerName: scope.container,
        },
        credential,
      );
    case 'blob':
      return sdk.generateBlobSASQueryParameters(
        {
          ...limits,
          permissions: sdk.BlobSASPermissions.parse(permissions),
          containerName: scope.container,
          blobName: scope.blob,
        },
        credential,
      );
  }
}

/** Parameters of a token by name; `?` may stand before it. Undefined where the text is no token. */
export function readToken(token: SecretValue): ReadonlyMap<string, string> | undefined {
  const text = token.reveal().replace(/^\?/, '');
  const parameters = new Map(new URLSearchParams(text));
  return /^[a-z]+=/.test(text) && parameters.has('sig') ? parameters : undefined;
}

/** The new token, written as the present one is: some people keep it with the `?`. */
export function writtenAs(present: SecretValue, next: SecretValue): SecretValue {
  return present.reveal().startsWith('?') ? new SecretValue(`?${next.reveal()}`) : next;
}

/** Is this what `sign` makes with the key, but for its end? Whoever wrote another version or other rights gets `false`. */
export async function isSignedWith(config: SasConfig, key: SecretValue, token: SecretValue): Promise<boolean> {
  const given = readToken(token);
  const end = new Date(given?.get('se') ?? '');
  if (given === undefined || Number.isNaN(end.getTime())) return false;
  const made = readToken(await sign(config, key, end)) ?? new Map<string, string>();
  return made.size === given.size && [...made].every(([name, value]) => given.get(name) === value);
}
