import type { CertificateClient, CertificatePolicy as SdkPolicy } from '@azure/keyvault-certificates';
import type { SecretClient } from '@azure/keyvault-secrets';
import { RotationError } from '../rotation/errors.ts';
import type {
  Call,
  CertificatesPort,
  CertificateVersion,
  CurrentVersion,
  ObjectRef,
  SecretListing,
  SecretValue,
} from '../rotation/ports.ts';
import { readContent } from '../x509/content.ts';
import { seen } from './certificate-operation.ts';
import { currentOf, listingOf, policyOf, versionOf } from './certificate-shapes.ts';
import { CLIENT_OPTIONS, callingVault, perVault, type VaultDeps } from './clients.ts';
import { vaultError, type VaultAction } from './errors.ts';
import { connectSecrets, current } from './key-vault.ts';

/**
 * Certificates of Key Vault over the unmodified `@azure/keyvault-certificates`, and the secrets that back them. A version has the
 * same id as certificate and as secret, so that what `content` gives needs no second look.
 */
export function createCertificates(deps: VaultDeps): CertificatesPort {
  const client = perVault((vault) => connect(vault, deps));
  const calling = callingVault(client);
  const callingSecrets = callingVault(perVault<SecretClient>((vault) => connectSecrets(vault, deps)));
  const operation: CertificatesPort['operation'] = async ({ vault, name }, call) => {
    const action = about({ vault, name }, 'asking for the operation of', 'get');
    // One request, and one more when it has ended: the SDK's poller then reads the certificate.
    return calling(action, call, (on) => seen(call, (how) => on.getCertificateOperation(name, how))).catch(
      noneWhereAbsent,
    );
  };
  const content: CertificatesPort['content'] = async ({ vault, name }, version, call): Promise<CurrentVersion> => {
    const what = about({ vault, name }, 'reading the content of', 'get');
    const options = { abortSignal: call.signal, ...(version === undefined ? {} : { version }) };
    return current(await callingSecrets({ ...what, of: 'content' }, call, (on) => on.getSecret(name, options)));
  };
  return {
    content,
    async current({ vault, name }, call) {
      const action = about({ vault, name }, 'reading', 'get');
      const found = await calling(action, call, (on) => on.getCertificate(name, { abortSignal: call.signal }));
      return currentOf(found, action);
    },
    async versions({ vault, name }, call) {
      const action = about({ vault, name }, 'listing the versions of', 'list');
      const found = await calling(action, call, async (on) => {
        const all: CertificateVersion[] = [];
        for await (const shown of on.listPropertiesOfCertificateVersions(name, { abortSignal: call.signal })) {
          const version = versionOf(shown);
          if (version !== undefined) all.push(version);
        }
        return all;
      });
      return found.sort((a, b) => b.createdOn.getTime() - a.createdOn.getTime());
    },
    async policy({ vault, name }, call) {
      const action = about({ vault, name }, 'reading the policy of', 'get');
      return policyOf(await calling(action, call, (on) => on.getCertificatePolicy(name, { abortSignal: call.signal })));
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
      return (
        (await operation(object, call)) ?? { id: '', status: 'inProgress', issuer: policy.issuerName ?? 'Unknown' }
      );
    },
    async chain(object, version, call) {
      const { value } = await content(object, version, call);
      return derOf(value, object);
    },
    async merge({ vault, name }, chain, call) {
      const doing = 'merging the answer to the request of';
      const action: VaultAction = { ...about({ vault, name }, doing, 'create'), writes: true };
      // The SDK takes tags here, and does not send them (4.10.3).
      const made = await calling(action, call, (on) =>
        on.mergeCertificate(name, [...chain], { abortSignal: call.signal }),
      );
      return { version: made.properties.version ?? '' };
    },
    async amend({ vault, name }, version, tags, call) {
      const action: VaultAction = { ...about({ vault, name }, 'putting tags on', 'update'), writes: true };
      const options = { abortSignal: call.signal, tags: { ...tags } };
      await calling(action, call, (on) => on.updateCertificateProperties(name, version, options));
    },
    list: (vault, call) => listing(vault, call, client),
  };
}

async function* listing(
  vault: string,
  call: Call,
  client: (vault: string) => Promise<CertificateClient>,
): AsyncGenerator<SecretListing> {
  const doing = `listing the certificates of ${vault}`;
  const action: VaultAction = { vault, doing, permission: 'list', writes: false, of: 'certificate' };
  try {
    const on = await client(vault);
    for await (const shown of on.listPropertiesOfCertificates({ abortSignal: call.signal }))
      yield listingOf(vault, shown);
  } catch (error) {
    throw vaultError(error, action, call.now());
  }
}

/** @throws CONFIG_INVALID; what the readers say of the bytes is not passed on */
async function derOf(value: SecretValue, { vault, name }: ObjectRef): Promise<readonly Uint8Array[]> {
  const found = await readContent(value.reveal()).catch((error: unknown) => {
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    return undefined;
  });
  if (found !== undefined && found.certificates.length > 0) return found.certificates.map(({ raw }) => raw);
  throw new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'human',
    message: `the secret behind the certificate ${name} in ${vault} holds no certificate that can be read`,
  });
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

function noneWhereAbsent(error: unknown): undefined {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return undefined;
  throw error;
}
