import type { KeyClient, KeyProperties, KeyRotationPolicy as SdkPolicy } from '@azure/keyvault-keys';
import { RotationError } from '../rotation/errors.ts';
import type {
  Call,
  KeyRotationPolicy,
  KeysPort,
  ObjectRef,
  Period,
  SecretListing,
  VersionInfo,
} from '../rotation/ports.ts';
import { CLIENT_OPTIONS, callingVault, perVault, type VaultDeps } from './clients.ts';
import { vaultError, type VaultAction } from './errors.ts';
import { newestFirst } from './key-vault.ts';

/**
 * Keys of Key Vault over the unmodified `@azure/keyvault-keys`. Every call of the port is one request (a page of 25 for the two
 * lists). Managed HSM has other addresses, roles and no Event Grid events, and is not served.
 */
export function createKeys(deps: VaultDeps): KeysPort {
  const client = perVault((vault) => connect(vault, deps));
  const calling = callingVault(client);
  return {
    async current({ vault, name }, call) {
      const action = about({ vault, name }, 'reading', 'get');
      const found = await calling(action, call, (on) => on.getKey(name, { abortSignal: call.signal }));
      return info(found.properties);
    },
    async versions({ vault, name }, call) {
      const action = about({ vault, name }, 'listing the versions of', 'list');
      const found = await calling(action, call, async (on) => {
        const all: VersionInfo[] = [];
        const pages = on.listPropertiesOfKeyVersions(name, { abortSignal: call.signal });
        for await (const properties of pages) all.push(info(properties));
        return all;
      });
      return found.sort(newestFirst);
    },
    async rotationPolicy({ vault, name }, call) {
      const action = about({ vault, name }, 'reading the rotation policy of', 'getrotationpolicy');
      // The SDK (4.10.2) drops the options of this call, the abort signal among them; the caller does not wait for longer.
      const asked = calling(action, call, (on) => on.getKeyRotationPolicy(name));
      return policyOf(await asked.catch(noneWhereAbsent), action);
    },
    async rotate({ vault, name }, call) {
      const action: VaultAction = { ...about({ vault, name }, 'rotating', 'rotate'), writes: true };
      const made = await calling(action, call, (on) => on.rotateKey(name, { abortSignal: call.signal }));
      return info(made.properties);
    },
    async amend({ vault, name }, version, change, call) {
      const what = about({ vault, name }, `changing the version ${version} of`, 'update');
      const { expiresOn, tags } = change;
      const options = {
        abortSignal: call.signal,
        ...(expiresOn === undefined ? {} : { expiresOn }),
        ...(tags === undefined ? {} : { tags: { ...tags } }),
      };
      await calling({ ...what, writes: true }, call, (on) => on.updateKeyProperties(name, version, options));
    },
    list: (vault, call) => listing(vault, call, client),
  };
}

async function connect(vault: string, deps: VaultDeps): Promise<KeyClient> {
  const [{ KeyClient: Client }, credential] = await Promise.all([import('@azure/keyvault-keys'), deps.credential()]);
  return new Client(vault, credential, CLIENT_OPTIONS);
}

async function* listing(
  vault: string,
  call: Call,
  client: (vault: string) => Promise<KeyClient>,
): AsyncIterable<SecretListing> {
  const doing = `listing the keys of ${vault}`;
  const action: VaultAction = { vault, doing, permission: 'list', writes: false, of: 'key' };
  try {
    const on = await client(vault);
    for await (const properties of on.listPropertiesOfKeys({ abortSignal: call.signal })) {
      const object: ObjectRef = { kind: 'key', vault, name: properties.name.toLowerCase() };
      yield { ...info(properties), object };
    }
  } catch (error) {
    throw vaultError(error, action, call.now());
  }
}

type KeyName = Pick<ObjectRef, 'vault' | 'name'>;

function about({ vault, name }: KeyName, verb: string, permission: VaultAction['permission']): VaultAction {
  return { vault, name, permission, doing: `${verb} the key ${name} in ${vault}`, writes: false, of: 'key' };
}

/** Tolerates whatever is absent: `version` is empty in a listing of keys, dates default to the epoch. */
function info(properties: KeyProperties): VersionInfo {
  const { notBefore, expiresOn } = properties;
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
  };
}

/** What the service answers for a key without a policy is not verified [U]: a default policy, or that there is none. */
function noneWhereAbsent(error: unknown): Policy {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return {};
  throw error;
}

type Policy = Pick<SdkPolicy, 'expiresIn' | 'lifetimeActions'>;

function policyOf({ expiresIn, lifetimeActions = [] }: Policy, action: VaultAction): KeyRotationPolicy {
  const rotates = lifetimeActions.find((one) => one.action === 'Rotate');
  const from = rotates?.timeAfterCreate === undefined ? 'expiry' : 'creation';
  const after = rotates?.timeAfterCreate ?? rotates?.timeBeforeExpiry;
  return {
    ...(after === undefined ? {} : { rotates: { from, period: parsePeriod(after, action) } }),
    ...(expiresIn === undefined ? {} : { expiry: parsePeriod(expiresIn, action) }),
  };
}

const PERIOD = /^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/i;

/** @throws CONFIG_INVALID when it is none in whole days, weeks, months and years */
function parsePeriod(text: string, { doing, vault, name = '<key>' }: VaultAction): Period {
  const [whole, ...parts]: readonly (string | undefined)[] = PERIOD.exec(text) ?? [];
  if (whole === undefined || parts.every((part) => part === undefined)) {
    throw new RotationError({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: `${doing}: '${text.slice(0, 40)}' is no time in whole days, weeks, months or years`,
      remedy: `Set a policy with times such as P90D: az keyvault key rotation-policy update --id ${vault}/keys/${name} --value <file with the policy>`,
    });
  }
  const [years = 0, months = 0, weeks = 0, days = 0] = parts.map((part) => Number(part ?? 0));
  return { months: years * 12 + months, days: weeks * 7 + days };
}
