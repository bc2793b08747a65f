import { RotationError } from '../../rotation/errors.ts';
import type { Call, CurrentVersion, ObjectRef } from '../../rotation/ports.ts';
import { tagOf } from '../../rotation/tag.ts';
import { nameOf, readAddress } from './address.ts';

export interface SourceDeps {
  /** Is this vault one that the settings serve? */
  readonly serves: (vault: string) => boolean;
  /** Reads a source with the app's own rights on it. Throws as the vault port does. */
  readonly read: (source: ObjectRef, call: Call) => Promise<CurrentVersion>;
}

/** The kinds that are computed from the secret that their address names; without the tag, the address tells. */
const COMPUTED: readonly string[] = ['', 'derived', 'sas-token'];
/** A chain of secrets that are computed from one another; longer ones are a mistake. */
const LONGEST_CHAIN = 10;

/**
 * The source, when it is not computed itself from what is computed from it.
 * @throws CONFIG_INVALID for a cycle; what `read` throws
 */
export async function readSource(deps: SourceDeps, source: ObjectRef, call: Call): Promise<CurrentVersion> {
  const first = await deps.read(source, call);
  const seen = [nameOf(source)];
  for (let next = sourceIn(first); next !== undefined;) {
    seen.push(nameOf(next));
    if (seen.indexOf(nameOf(next)) < seen.length - 1 || seen.length > LONGEST_CHAIN) throw cycle(seen);
    next = deps.serves(next.vault) ? sourceIn(await deps.read(next, call)) : undefined;
  }
  return first;
}

/** What a tag of the version says; empty where it is absent. */
export function said({ tags }: CurrentVersion, name: string): string {
  return tagOf(tags, name)?.trim() ?? '';
}

/** What a version says that it is computed from. */
function sourceIn(version: CurrentVersion): ObjectRef | undefined {
  if (!COMPUTED.includes(said(version, 'Rotator').toLowerCase())) return undefined;
  return readAddress(said(version, 'ProviderAddress'));
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
