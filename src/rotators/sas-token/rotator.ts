import { asBlocker } from '../../azure/rest-errors.ts';
import { configInvalid, RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, Issued, Pending, Rotator, SecretValue, Target } from '../../rotation/ports.ts';
import { nameOf, readAddress } from '../sources/address.ts';
import { readSource, type SourceDeps } from '../sources/chain.ts';
import { parseTarget, type SasConfig } from './config.ts';
import { keyIn } from './key.ts';
import { prove } from './prove.ts';
import { isSignedWith, readToken, sign, writtenAs } from './sign.ts';

export interface SasTokenDeps extends SourceDeps {
  /** Finds the key in a source's value; the engine's own reader of values. */
  readonly parseValue: (value: SecretValue) => { readonly secret: SecretValue };
  /** DNS suffix of Azure Storage, with a port if it has one. */
  readonly storageSuffix: string;
}

/** A token outlives the version that holds it by so much: for a rotation that is late, and clocks that differ. */
const SLACK_MS = 3_600_000;
const DAY_MS = 24 * SLACK_MS;

/**
 * SAS tokens of Azure Storage, signed with the account key that another managed secret holds: when that one changes, and
 * before its own end, a token is made anew. See README.md in this folder.
 */
export function sasTokenRotator(deps: SasTokenDeps): Rotator<SasConfig> {
  /** The key that signs now. @throws CONFIG_INVALID for a circle or a source that holds no key of the account */
  const keyOf = async (config: SasConfig, call: Call): Promise<SecretValue> =>
    keyIn(await readSource(deps, config.source, call), config, deps.parseValue);

  return {
    kind: 'sas-token',
    capabilities: { minting: 'system', overlap: 'many', revocable: false, proof: 'log-in' },
    needs: ['ProviderAddress'],
    claims: (address) => address.includes('?') && readAddress(address) !== undefined,
    parseTarget: (input) => parseTarget(input, deps.serves, deps.storageSuffix),
    describe: ({ config }) => [
      `read ${nameOf(config.source)}`,
      `sign a SAS token with it (${config.permissions}), which ${config.host} is asked to accept`,
    ],
    async check({ config }, _slot, _current, call): Promise<readonly Blocker[]> {
      try {
        await keyOf(config, call);
        return [];
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    list: () => Promise.resolve([]),
    async set({ config }: Target<SasConfig>, { current, expiresOn }: Pending, call: Call): Promise<Issued> {
      if (readToken(current.value) === undefined) throw noToken();
      const key = await keyOf(config, call);
      const end = (expiresOn ?? new Date(call.now().getTime() + DAY_MS)).getTime() + SLACK_MS;
      // The service knows whole seconds only.
      const notAfter = new Date(end - (end % 1000));
      const value = writtenAs(current.value, await sign(config, key, notAfter));
      return { credentialId: '', slot: '', value, notAfter };
    },
    async test({ config }, issued, call): Promise<void> {
      if (readToken(issued.value) === undefined) throw rejected('the value is not a SAS token');
      const key = keyIn(await deps.read(config.source, call), config, deps.parseValue);
      if (!(await isSignedWith(config, key, issued.value))) {
        throw rejected(
          `the SAS token is not what the tags and the present key in ${nameOf(config.source)} make: the key is another, or the rights`,
        );
      }
      await prove(config, issued.value, call);
    },
    // A token ends by its time, or with the key that signed it.
    revoke: () => Promise.resolve(),
  };
}

function rejected(message: string): RotationError {
  return new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', message });
}

/** Rather than to overwrite an account key, say, that somebody has given these tags by mistake. */
function noToken(): RotationError {
  return configInvalid(
    'the value of the secret',
    [{ path: 'value', message: 'holds no SAS token whose place the new one could take' }],
    'For the first one store sig=first in the token’s place: az keyvault secret set --value "sig=first", or "https://…?sig=first", or "BlobEndpoint=https://…;SharedAccessSignature=sig=first" (with all tags again).',
  );
}
