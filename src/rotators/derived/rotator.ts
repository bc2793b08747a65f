import { RotationError } from '../../rotation/errors.ts';
import type { Call, CurrentVersion, ObjectRef, Rotator, SecretValue, Target } from '../../rotation/ports.ts';
import { tagOf } from '../../rotation/tag.ts';
import { pairedWith } from '../accounts/pairs.ts';
import { parseTarget, readSource, type DerivedConfig } from './config.ts';

export interface DerivedDeps {
  /** Is this vault one that the settings serve? */
  readonly serves: (vault: string) => boolean;
  /** Reads a source with the app's own rights on it. Throws as the vault port does. */
  readonly read: (source: ObjectRef, call: Call) => Promise<CurrentVersion>;
  /** Finds user and password in a value; the engine's own reader of values. */
  readonly parseValue: (value: SecretValue) => { readonly user?: string | undefined; readonly secret: SecretValue };
}

/** A chain of secrets that are derived from one another; longer ones are a mistake. */
const LONGEST_CHAIN = 10;

/**
 * A secret that is computed from another one: a connection string, a URL, a JSON object with the user and the password of a
 * secret that has a rotator of its own. See README.md in this folder.
 */
export function derivedRotator(deps: DerivedDeps): Rotator<DerivedConfig> {
  return {
    kind: 'derived',
    capabilities: { minting: 'system', overlap: 'many', revocable: false, proof: 'read-back' },
    needs: ['ProviderAddress'],
    claims: (address) => readSource(address) !== undefined,
    parseTarget: (input) => parseTarget(input, deps.serves),
    describe: ({ id }) => [`read ${id}`, 'put its user and password in the place of those in this value'],
    check: async (target, _slot, _current, call) => {
      await readSources(deps, target, call);
      return [];
    },
    list: () => Promise.resolve([]),
    set: async (target, pending, call) => {
      const { user, secret } = held(deps, await readSources(deps, target, call), pending.current.user);
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

/**
 * The source, when it is not derived itself from what is derived from it.
 * @throws CONFIG_INVALID for a cycle; what `read` throws
 */
async function readSources(deps: DerivedDeps, target: Target<DerivedConfig>, call: Call): Promise<CurrentVersion> {
  const { source } = target.config;
  const first = await deps.read(source, call);
  const seen = [nameOf(source)];
  for (let next = sourceIn(first); next !== undefined;) {
    seen.push(nameOf(next));
    if (seen.indexOf(nameOf(next)) < seen.length - 1 || seen.length > LONGEST_CHAIN) throw cycle(seen);
    next = deps.serves(next.vault) ? sourceIn(await deps.read(next, call)) : undefined;
  }
  return first;
}

/** What a version says that it is derived from. */
function sourceIn(version: CurrentVersion): ObjectRef | undefined {
  const kind = said(version, 'Rotator').toLowerCase();
  return kind === '' || kind === 'derived' ? readSource(said(version, 'ProviderAddress')) : undefined;
}

function said({ tags }: CurrentVersion, name: string): string {
  return tagOf(tags, name)?.trim() ?? '';
}

function nameOf({ vault, name }: ObjectRef): string {
  return `${vault}/secrets/${name}`;
}

function cycle(seen: readonly string[]): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the secrets are derived from one another in a circle, or in too long a chain: ${seen.join(' ← ')}`,
    remedy: 'One of them must have a rotator of its own: correct its tags ProviderAddress and Rotator.',
    problems: [{ path: 'tags.ProviderAddress', message: `leads in a circle: ${seen.join(' ← ')}` }],
  });
}
