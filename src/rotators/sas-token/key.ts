import { configInvalid } from '../../rotation/errors.ts';
import type { CurrentVersion, SecretValue } from '../../rotation/ports.ts';
import { nameOf } from '../sources/address.ts';
import { said } from '../sources/chain.ts';
import type { SasConfig } from './config.ts';

/** 64 bytes. */
const ACCOUNT_KEY = /^[A-Za-z0-9+/]{86}==$/;

/**
 * The account's key that a source holds: alone, or in a connection string.
 * @param parseValue finds the key in the value; the engine's own reader of values
 * @throws CONFIG_INVALID when there is none, or it belongs to another account
 */
export function keyIn(
  version: CurrentVersion,
  { source, account }: SasConfig,
  parseValue: (value: SecretValue) => { readonly secret: SecretValue },
): SecretValue {
  const { secret } = parseValue(version.value);
  const owner = ownerOf(version);
  if (owner !== undefined && owner !== account) {
    throw wrong('account', `is ${account}, but ${nameOf(source)} holds a key of ${owner}`);
  }
  if (!ACCOUNT_KEY.test(secret.reveal())) {
    throw wrong('account', `is ${account}, but ${nameOf(source)} holds no key of a storage account`);
  }
  return secret;
}

/** The account, as its connection string or the tag of the rotated key names it. Neither has to be there. */
function ownerOf(version: CurrentVersion): string | undefined {
  const named = /(?:^|;)\s*AccountName\s*=\s*([^;\s]+)/i.exec(version.value.reveal())?.[1];
  const tagged = /\/storageAccounts\/([^/]+)\/?$/i.exec(said(version, 'ProviderAddress'))?.[1];
  return (named ?? tagged)?.toLowerCase();
}

function wrong(parameter: string, message: string): Error {
  return configInvalid(
    'the source of a SAS token',
    [{ path: `tags.ProviderAddress?${parameter}`, message }],
    'Correct the tag ProviderAddress: it names the secret with the account’s key, bare or in a connection string, and the account.',
  );
}
