import { X509Certificate } from 'node:crypto';
import type {
  CertificateClient,
  CertificatePolicy as SdkPolicy,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';
import type { SecretClient } from '@azure/keyvault-secrets';
import { RotationError } from '../rotation/errors.ts';
import type {
  Call,
  CertificateOperation,
  CertificatesPort,
  CertificateVersion,
  CurrentCertificate,
  CurrentVersion,
  ObjectRef,
  ServedCertificate,
} from '../rotation/ports.ts';
import { CLIENT_OPTIONS, callingVault, perVault, type VaultDeps } from './clients.ts';
import type { VaultAction } from './errors.ts';
import { connectSecrets, current } from './key-vault.ts';

/**
 * Certificates of Key Vault over the unmodified `@azure/keyvault-certificates`, and the secrets that back them. A version has the
 * same id as certificate and as secret, so that what `content` gives needs no second look.
 */
export function createCertificates(deps: VaultDeps): CertificatesPort {
  const calling = callingVault(perVault((vault) => connect(vault, deps)));
  const callingSecrets = callingVault(perVault<SecretClient>((vault) => connectSecrets(vault, deps)));
  const operation: CertificatesPort['operation'] = async ({ vault, name }, call) => {
    const action = about({ vault, name }, 'asking for the operation of', 'get');
    // One request, and one more when it has ended: the SDK's poller then reads the certificate.
    return calling(action, call, (on) => seen(call, (how) => on.getCertificateOperation(name, how))).catch(
      noneWhereAbsent,
    );
  };
  return {
    async content({ vault, name }, version, call): Promise<CurrentVersion> {
      const what = about({ vault, name }, 'reading the content of', 'get');
      const options = { abortSignal: call.signal, ...(version === undefined ? {} : { version }) };
      return current(await callingSecrets({ ...what, of: 'content' }, call, (on) => on.getSecret(name, options)));
    },
    async current({ vault, name }, call) {
      const action = about({ vault, name }, 'reading', 'get');
      const found = await calling(action, call, (on) => on.getCertificate(name, { abortSignal: call.signal }));
      return currentOf(found, action);
    },
    async versions({ vault, name }, call) {
      const action = about({ vault, name }, 'listing the versions of', 'list');
      const found = await calling(action, call, async (on) => {
        const all: CertificateVersion[] = [];
        const pages = on.listPropertiesOfCertificateVersions(name, { abortSignal: call.signal });
        for await (const { version, enabled, createdOn, expiresOn, x509ThumbprintString: thumbprint } of pages) {
          // One that is still being made has no thumbprint (facts A7).
          if (version === undefined || thumbprint === undefined) continue;
          const made = { version, enabled: enabled ?? true, createdOn: createdOn ?? new Date(0) };
          all.push({ ...made, thumbprint: thumbprint.toUpperCase(), ...(expiresOn ? { expiresOn } : {}) });
        }
        return all;
      });
      return found.sort((a, b) => b.createdOn.getTime() - a.createdOn.getTime());
    },
    async policy({ vault, name }, call) {
      const action = about({ vault, name }, 'reading the policy of', 'get');
      const found = await calling(action, call, (on) => on.getCertificatePolicy(name, { abortSignal: call.signal }));
      const { issuerName, exportable, reuseKey } = found;
      return { issuer: issuerName ?? 'Unknown', exportable: exportable ?? true, reuseKey: reuseKey ?? false };
    },
    operation,
    async renew(object, tags, call) {
      const { name } = object;
      const action: VaultAction = { ...about(object, 'renewing', 'create'), writes: true };
      const reading = about(object, 'reading the policy of', 'get');
      const policy: SdkPolicy = await calling(reading, call, (on) =>
        on.getCertificatePolicy(name, { abortSignal: call.signal }),
      );
      try {
        const begin = (on: CertificateClient) =>
          seen(call, (how) => on.beginCreateCertificate(name, policy, { ...how, tags: { ...tags } }));
        const begun = await calling(action, call, begin);
        if (begun !== undefined) return begun;
      } catch (error) {
        // 409 also says that one is being made already (facts A7): then that is the one.
        if (!(error instanceof RotationError) || error.code !== 'CONFLICT' || error.recovery !== 'retry') throw error;
      }
      return (await operation(object, call)) ?? { status: 'inProgress', issuer: policy.issuerName ?? 'Unknown' };
    },
  };
}

async function connect(vault: string, deps: VaultDeps): Promise<CertificateClient> {
  const [{ CertificateClient: Client }, credential] = await Promise.all([
    import('@azure/keyvault-certificates'),
    deps.credential(),
  ]);
  return new Client(vault, credential, CLIENT_OPTIONS);
}

function about(
  { vault, name }: Pick<ObjectRef, 'vault' | 'name'>,
  verb: string,
  permission: VaultAction['permission'],
): VaultAction {
  const doing = `${verb} the certificate ${name} in ${vault}`;
  return { vault, name, permission, doing, writes: false, of: 'certificate' };
}

/** @throws TARGET_NOT_FOUND while the first version is still being made: there is no certificate in the answer then (facts A7) */
function currentOf(
  { cer, properties, policy }: KeyVaultCertificateWithPolicy,
  { doing, vault, name = '' }: VaultAction,
): CurrentCertificate {
  if (cer === undefined || cer.length === 0) {
    throw new RotationError({
      code: 'TARGET_NOT_FOUND',
      recovery: 'reconfigure',
      message: `${doing}: it has no version yet: the first one is still being made`,
      remedy: `See what it waits for: az keyvault certificate pending show --vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`,
    });
  }
  const {
    version = '',
    enabled = true,
    createdOn = new Date(0),
    updatedOn = createdOn,
    notBefore,
    expiresOn,
  } = properties;
  return {
    ...{ version, enabled, createdOn, updatedOn, managed: false, tags: properties.tags ?? {} },
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresOn === undefined ? {} : { expiresOn }),
    certificate: servedOf(new X509Certificate(cer), policy),
  };
}

function servedOf(certificate: X509Certificate, policy: SdkPolicy | undefined): ServedCertificate {
  const alternatives = (certificate.subjectAltName ?? '').split(', ');
  return {
    sha256: certificate.fingerprint256.replaceAll(':', ''),
    sha1: certificate.fingerprint.replaceAll(':', ''),
    names: alternatives.filter((one) => one.startsWith('DNS:')).map((one) => one.slice('DNS:'.length).toLowerCase()),
    notAfter: new Date(certificate.validTo),
    keyType: certificate.publicKey.asymmetricKeyType === 'ec' ? 'EC' : 'RSA',
    exportable: policy?.exportable ?? true,
    contentType: policy?.contentType ?? 'application/x-pkcs12',
  };
}

/**
 * What the service says of an operation. The SDK's poller throws away what it was told when that is a failure, and throws an
 * `Error` with nothing but the issuer's words: so the answers themselves are read.
 */
async function seen(
  { signal }: Call,
  begin: (how: OperationOptions) => Promise<unknown>,
): Promise<CertificateOperation | undefined> {
  let last: CertificateOperation | undefined;
  const onResponse: OperationOptions['onResponse'] = ({ parsedBody }) => {
    last = readOperation(parsedBody) ?? last;
  };
  try {
    await begin({ abortSignal: signal, onResponse });
  } catch (error) {
    if (last === undefined || last.status === 'inProgress') throw error;
  }
  return last;
}

/** Of the wire's shape (facts A7); undefined for any other answer. */
function readOperation(body: unknown): CertificateOperation | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { status, request_id: id, issuer, error, status_details: details } = body as Partial<Record<string, unknown>>;
  if (typeof status !== 'string' || typeof id !== 'string') return undefined;
  const detail = textIn(error, 'message') ?? details;
  return {
    status: STATUS[status.toLowerCase()] ?? 'inProgress',
    issuer: textIn(issuer, 'name') ?? 'Unknown',
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}

function textIn(holder: unknown, name: string): string | undefined {
  const found = typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined;
  return typeof found === 'string' ? found : undefined;
}

type OperationOptions = NonNullable<Parameters<CertificateClient['getCertificateOperation']>[1]>;

/** The service spells it `canceled` (facts A7); the other spelling is taken as well. */
const STATUS: Readonly<Record<string, CertificateOperation['status']>> = {
  completed: 'completed',
  canceled: 'cancelled',
  cancelled: 'cancelled',
  failed: 'failed',
};

function noneWhereAbsent(error: unknown): undefined {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return undefined;
  throw error;
}
