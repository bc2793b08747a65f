import type { KeyVaultSecret, SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import { configInvalid, type Problem } from '../rotation/errors.ts';
import type {
  Call,
  CurrentVersion,
  NewVersion,
  ObjectRef,
  SecretListing,
  VaultPort,
  VersionInfo,
} from '../rotation/ports.ts';
import { SecretValue } from '../rotation/secret-value.ts';
import { CLIENT_OPTIONS, callingVault, perVault, type VaultDeps } from './clients.ts';
import { vaultError, type VaultAction } from './errors.ts';

/** Limits of the service (facts A6) and of the SDK, which writes later dates as negative numbers (facts A1). */
const MAX_VALUE_BYTES = 25_600;
const MAX_TAGS = 15;
const MAX_TAG_LENGTH = 256;
const MAX_CONTENT_TYPE = 255;
const LAST_EXPIRY = Date.parse('2038-01-19T03:14:07Z');

/**
 * Key Vault secrets over the unmodified `@azure/keyvault-secrets`. In the steady state every call of the port is
 * one request (a page of 25 for the two lists); the 401 challenge happens once for each vault. The SDK's own
 * retries are off: when to repeat is the engine's decision, and a hidden repetition would be a second write.
 */
export function createVault(deps: VaultDeps): VaultPort {
  const client = perVault((vault) => connectSecrets(vault, deps));
  const calling = callingVault(client);
  return {
    async current(object, call) {
      return current(
        await calling(reading(object), call, (on) => on.getSecret(object.name, { abortSignal: call.signal })),
      );
    },
    validate: refuse,
    async write(object, next, call) {
      refuse(next);
      const action: VaultAction = { ...about(object, 'writing a new version of'), permission: 'set', writes: true };
      const { expiresOn, contentType } = next;
      const options = {
        expiresOn,
        tags: { ...next.tags },
        abortSignal: call.signal,
        ...(contentType === undefined ? {} : { contentType }),
      };
      const made = await calling(action, call, (on) => on.setSecret(object.name, next.value.reveal(), options));
      return { version: made.properties.version ?? '' };
    },
    async versions(object, call) {
      const action: VaultAction = { ...about(object, 'listing the versions of'), permission: 'list', writes: false };
      const found = await calling(action, call, async (on) => {
        const all: VersionInfo[] = [];
        const pages = on.listPropertiesOfSecretVersions(object.name, { abortSignal: call.signal });
        for await (const properties of pages) all.push(info(properties));
        return all;
      });
      return found.sort(newestFirst);
    },
    async disable(object, version, call) {
      const what = about(object, `disabling the version ${version} of`);
      const options = { enabled: false, abortSignal: call.signal };
      await calling({ ...what, permission: 'set', writes: true }, call, (on) =>
        on.updateSecretProperties(object.name, version, options),
      );
    },
    list: (vault, call) => listing(vault, call, client),
  };
}

export async function connectSecrets(vault: string, deps: VaultDeps): Promise<SecretClient> {
  const [{ SecretClient: Client }, credential] = await Promise.all([
    import('@azure/keyvault-secrets'),
    deps.credential(),
  ]);
  return new Client(vault, credential, CLIENT_OPTIONS);
}

async function* listing(
  vault: string,
  call: Call,
  client: (vault: string) => Promise<SecretClient>,
): AsyncIterable<SecretListing> {
  const action: VaultAction = { vault, doing: `listing the secrets of ${vault}`, permission: 'list', writes: false };
  try {
    const on = await client(vault);
    for await (const properties of on.listPropertiesOfSecrets({ abortSignal: call.signal })) {
      const object: ObjectRef = { kind: 'secret', vault, name: properties.name.toLowerCase() };
      yield { ...info(properties), object };
    }
  } catch (error) {
    throw vaultError(error, action, call.now());
  }
}

/** Key Vault's lists of versions are in no order of time (facts A4). Seconds are all it tells; ties go by the last change. */
export function newestFirst(a: VersionInfo, b: VersionInfo): number {
  return b.createdOn.getTime() - a.createdOn.getTime() || b.updatedOn.getTime() - a.updatedOn.getTime();
}

export function current({ properties, value }: KeyVaultSecret): CurrentVersion {
  return { ...info(properties), value: new SecretValue(value ?? '') };
}

/** Tolerates whatever is absent: `version` is empty in a listing of secrets, dates default to the epoch. */
function info(properties: SecretProperties): VersionInfo {
  const { notBefore, expiresOn, contentType } = properties;
  const createdOn = properties.createdOn ?? new Date(0);
  return {
    version: properties.version ?? '',
    enabled: properties.enabled ?? true,
    createdOn,
    updatedOn: properties.updatedOn ?? createdOn,
    tags: properties.tags ?? {},
    managed: properties.managed ?? false,
    ...(notBefore ? { notBefore } : {}),
    ...(expiresOn ? { expiresOn } : {}),
    ...(contentType === undefined ? {} : { contentType }),
  };
}

function reading(object: ObjectRef): VaultAction {
  return { ...about(object, 'reading'), permission: 'get', writes: false };
}

function about(object: ObjectRef, verb: string): { doing: string; vault: string; name: string } {
  return { doing: `${verb} the secret ${object.name} in ${object.vault}`, vault: object.vault, name: object.name };
}

/** What the service would refuse, or worse accept wrongly, is refused before anything is sent. */
function refuse(next: NewVersion): void {
  const problems: Problem[] = [];
  const bytes = Buffer.byteLength(next.value.reveal(), 'utf8');
  if (bytes > MAX_VALUE_BYTES) {
    problems.push({ path: 'value', message: `is ${bytes} bytes long; Key Vault takes ${MAX_VALUE_BYTES}` });
  }
  if (!(next.expiresOn.getTime() < LAST_EXPIRY)) {
    const message = 'is not before 2038-01-19T03:14:07Z, the last time that the Key Vault SDK can write';
    problems.push({ path: 'expiresOn', message });
  }
  if ((next.contentType?.length ?? 0) > MAX_CONTENT_TYPE) {
    problems.push({ path: 'contentType', message: `is longer than ${MAX_CONTENT_TYPE} characters` });
  }
  const tags = Object.entries(next.tags);
  if (tags.length > MAX_TAGS) {
    problems.push({ path: 'tags', message: `are ${tags.length}; Key Vault takes ${MAX_TAGS}` });
  }
  for (const [name, value] of tags) {
    if (name.length > MAX_TAG_LENGTH || value.length > MAX_TAG_LENGTH) {
      const message = `is longer than ${MAX_TAG_LENGTH} characters`;
      problems.push({ path: `tags.${name.slice(0, 40)}`, message });
    }
  }
  if (problems.length > 0) throw configInvalid('the new version would not be accepted by Key Vault', problems);
}
