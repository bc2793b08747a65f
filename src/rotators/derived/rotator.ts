import { RotationError } from '../../rotation/errors.ts';
import type { CurrentVersion, Rotator, SecretValue } from '../../rotation/ports.ts';
import { pairedWith } from '../accounts/pairs.ts';
import { readSource, said, type SourceDeps } from '../sources/chain.ts';
import { parseTarget, readSecret, type DerivedConfig } from './config.ts';

export interface DerivedDeps extends SourceDeps {
  /** Finds user and password in a value; the engine's own reader of values. */
  readonly parseValue: (value: SecretValue) => { readonly user?: string | undefined; readonly secret: SecretValue };
}

/**
 * A secret that is computed from another one: a connection string, a URL, a JSON object with the user and the password of a
 * secret that has a rotator of its own. See README.md in this folder.
 */
export function derivedRotator(deps: DerivedDeps): Rotator<DerivedConfig> {
  return {
    kind: 'derived',
    capabilities: { minting: 'system', overlap: 'many', revocable: false, proof: 'read-back' },
    needs: ['ProviderAddress'],
    claims: (address) => readSecret(address) !== undefined,
    parseTarget: (input) => parseTarget(input, deps.serves),
    describe: ({ id }) => [`read ${id}`, 'put its user and password in the place of those in this value'],
    check: async (target, _slot, _current, call) => {
      await readSource(deps, target.config.source, call);
      return [];
    },
    list: () => Promise.resolve([]),
    set: async (target, pending, call) => {
      const { user, secret } = held(deps, await readSource(deps, target.config.source, call), pending.current.user);
      return { credentialId: '', slot: '', value: secret, ...(user === undefined ? {} : { user }) };
    },
    test: async (target, issued, call) => {
      const { user, secret } = held(deps, await deps.read(target.config.source, call), issued.user);
      const sameUser = user === undefined || issued.user === undefined || user === issued.user;
      if (secret.equals(issued.value) && sameUser) return;
      const message = `the value does not hold the ${sameUser ? 'password' : 'user'} of ${target.id}`;
      throw new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'human', message });
    },
    // There is nothing to revoke: the credential is the source's.
    revoke: () => Promise.resolve(),
  };
}

/**
 * User and password of the source. A source that is a bare password names its user in its tags: where the derived value holds
 * one of the source's accounts, it gets the one that the source has now; any other user is left as it is.
 */
function held(
  { parseValue }: DerivedDeps,
  source: CurrentVersion,
  present: string | undefined,
): { readonly user: string | undefined; readonly secret: SecretValue } {
  const { user, secret } = parseValue(source.value);
  const named = said(source, 'CredentialId');
  if (user !== undefined || present === undefined || named === '') return { user, secret };
  const account = present.replace(/@.*$/s, '');
  // Of which kind the source is, is the source's affair: paired as in a system that knows no cases, and as in all others.
  const accounts = [named, said(source, 'AlternateCredentialId'), pairedWith(named), pairedWith(named, true)];
  return { user: accounts.includes(account) ? `${named}${present.slice(account.length)}` : undefined, secret };
}
