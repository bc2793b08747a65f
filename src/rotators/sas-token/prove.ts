import { createRestClient } from '../../azure/rest.ts';
import { retryAfterMs } from '../../azure/rest-errors.ts';
import { RotationError, type RotationErrorInit } from '../../rotation/errors.ts';
import type { Call, SecretValue } from '../../rotation/ports.ts';
import { pathOf, type SasConfig } from './config.ts';

const client = createRestClient();

/** The signature was right and the right is not in the token: learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes. */
const ACCEPTED = [
  'AuthorizationPermissionMismatch',
  'AuthorizationResourceTypeMismatch',
  'AuthorizationServiceMismatch',
  'AuthorizationSourceIPMismatch',
];

/**
 * Uses the token for one harmless GET. What a token may do is its owner's choice, so the request may be one that it does not
 * allow: then the service says so, which it can only after it has found the signature right. (That order is Azurite's, and
 * follows from the codes; it is documented nowhere [?]. The signature has been compared before, so nothing rests on it.)
 * @throws CREDENTIAL_REJECTED when the service refuses the token; anything else: it could not be asked
 */
export async function prove(config: SasConfig, token: SecretValue, call: Call): Promise<void> {
  const { host } = config;
  const url = new URL(`https://${host}${requestOf(config)}&${token.reveal().replace(/^\?/, '')}`);
  const what = `GET ${pathOf(config.scope)} with the SAS token`;
  const answer = await client.send({ method: 'GET', url, what, host, mutates: false }, call);
  if (answer.status >= 200 && answer.status <= 299) return;
  const code = answer.header('x-ms-error-code') ?? 'no code';
  if (answer.status === 403 && ACCEPTED.includes(code)) return;
  // Whether the blob is there is nobody's business here: the service has looked for it, with this token.
  if (answer.status === 404 && code === 'BlobNotFound' && config.scope.kind !== 'account') return;
  const wait = retryAfterMs(answer.header('retry-after'), call.now());
  throw new RotationError({
    ...refusal(answer.status, code, isOutOfTime(answer.text), config),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** What the token is likely to allow: to read or to list. */
function requestOf({ scope, permissions }: SasConfig): string {
  if (scope.kind === 'account') return '/?restype=service&comp=properties';
  const path = pathOf(scope);
  if (scope.kind === 'blob') return `${path}?comp=metadata`;
  if (permissions.includes('l')) return `${path}?restype=container&comp=list&maxresults=1`;
  return `${path}/keyturn-asks-for-a-blob-that-is-not-there?comp=metadata`;
}

/** The service's own words; the string to sign stands there, too, so nothing of the text goes any further. */
function isOutOfTime(text: string): boolean {
  return /not valid in the specified time frame/i.test(text);
}

function refusal(status: number, code: string, late: boolean, config: SasConfig): RotationErrorInit {
  const { account, host } = config;
  const what = `the storage account ${account} (${host}) answered ${status} ${code}`;
  if (code === 'AuthenticationFailed' && late) {
    const message = `${what}: by its clock the SAS token is not in its time; the token has ended, or the clock of this app is wrong`;
    const remedy = `Compare the clocks: curl -sI https://${host}/ | grep -i ^date; then rotate the token: POST /api/rotations.`;
    return { code: 'CREDENTIAL_REJECTED', recovery: 'retry', message, remedy };
  }
  // How long a data plane may go on refusing a key that has just been made is not documented [?]: so it may be asked again.
  if (code === 'AuthenticationFailed') {
    const message = `${what}: it does not accept the signature of the SAS token`;
    return { code: 'CREDENTIAL_REJECTED', recovery: 'retry', message };
  }
  if (code === 'KeyBasedAuthenticationNotPermitted') {
    const message = `${what}: the account accepts no shared keys, and no SAS token that is signed with one`;
    const remedy = `Stop rotating this secret, or run: az storage account update --name ${account} --allow-shared-key-access true`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy };
  }
  if (status === 401 || status === 403) {
    const remedy = `Let the app's network in: az storage account network-rule add --account-name ${account} --subnet <the app's subnet id>; and see: az storage account show --name ${account}`;
    const message = `${what}: this network or this request is not allowed to reach the account`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy };
  }
  if (status === 404) {
    const remedy = `Correct the tag ProviderAddress, or make what it names; see: az storage container list --account-name ${account} --auth-mode login`;
    return {
      code: 'TARGET_NOT_FOUND',
      recovery: 'reconfigure',
      message: `${what}: what the token is for is not there`,
      remedy,
    };
  }
  if (status === 429) return { code: 'THROTTLED', recovery: 'retry', message: what };
  return { code: 'UNAVAILABLE', recovery: 'retry', message: what };
}
