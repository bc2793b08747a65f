import type { RotationErrorInit } from '../../../rotation/errors.ts';
import { RotationError } from '../../../rotation/errors.ts';
import type { Call, Issued } from '../../../rotation/ports.ts';
import { retryAfterMs } from '../../../azure/arm/errors.ts';

export interface StorageEndpoint {
  readonly account: string;
  readonly resourceGroup: string;
  /** `host` or `host:port` of the Blob service. */
  readonly host: string;
}

/** The Blob endpoint of an account, with the suffix's port if it has one. */
export function storageHost(account: string, suffix: string): string {
  return `${account}.blob.${suffix}`;
}

/**
 * Reads the Blob service's properties, signed with the key: a call that no anonymous reader can make. One request, no
 * retry, nothing changed. An account without a Blob endpoint (premium file shares) cannot be proved this way.
 * @throws CREDENTIAL_REJECTED when the service says that the signature is wrong; anything else: it could not be asked
 */
export async function proveStorageKey(endpoint: StorageEndpoint, issued: Issued, call: Call): Promise<void> {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  try {
    const client = new BlobServiceClient(
      `https://${endpoint.host}`,
      new StorageSharedKeyCredential(endpoint.account, issued.value.reveal()),
      { retryOptions: { maxTries: 1 } },
    );
    await client.getProperties({ abortSignal: call.signal });
  } catch (error) {
    throw translate(error, endpoint, issued, call);
  }
}

interface StorageFailure {
  readonly statusCode?: unknown;
  readonly code?: unknown;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
}

function translate(error: unknown, endpoint: StorageEndpoint, issued: Issued, call: Call): unknown {
  if (!(error instanceof Error) || error instanceof TypeError) return error;
  const where = `the Blob service of ${endpoint.account} (${endpoint.host})`;
  if (call.signal.aborted || error.name === 'AbortError') {
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message: `${where} did not answer in time` });
  }
  // The SDK's error holds the request with its Authorization header, so it is not passed on as the cause.
  const failure = error as Error & StorageFailure;
  const code = typeof failure.code === 'string' ? failure.code : 'no code';
  if (typeof failure.statusCode !== 'number') {
    const message = `${where} cannot be reached: ${code}`;
    const remedy = `Check the name, the private DNS zone and the firewall: nslookup ${endpoint.host.replace(/:\d+$/, '')}`;
    return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, remedy });
  }
  const wait = retryAfterMs(failure.response?.headers?.get('retry-after'), call.now());
  return new RotationError({
    ...refusal(failure.statusCode, code, endpoint, issued.slot, where),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** Codes of the Storage services: learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes. */
function refusal(
  status: number,
  code: string,
  endpoint: StorageEndpoint,
  slot: string,
  where: string,
): RotationErrorInit {
  const what = `${where} answered ${status} ${code}`;
  const named = `--name ${endpoint.account} --resource-group '${endpoint.resourceGroup}'`;
  if (code === 'KeyBasedAuthenticationNotPermitted') {
    const message = `${what}: the account accepts no shared keys, neither ${slot} nor any other`;
    const remedy = `Stop rotating this secret, or run: az storage account update ${named} --allow-shared-key-access true`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy };
  }
  // AuthenticationFailed is said of a wrong signature. How long a data plane may go on refusing a key that ARM has just
  // made is not documented [?]: so the question may be asked again.
  if (code === 'AuthenticationFailed') {
    const message = `${what}: it does not accept ${slot} with the value that was tried`;
    return { code: 'CREDENTIAL_REJECTED', recovery: 'retry', message };
  }
  if (status === 401 || status === 403) {
    const message = `${what}: this network or this request is not allowed to reach the account`;
    const remedy =
      `Let the app's network in: az storage account network-rule add --account-name ${endpoint.account} ` +
      `--resource-group '${endpoint.resourceGroup}' --subnet <the app's subnet id>; and see: az storage account show ${named}`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy };
  }
  if (status === 404) {
    const remedy = `az storage account show ${named}`;
    return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message: what, remedy };
  }
  if (status === 429) return { code: 'THROTTLED', recovery: 'retry', message: what };
  return { code: 'UNAVAILABLE', recovery: 'retry', message: what };
}
