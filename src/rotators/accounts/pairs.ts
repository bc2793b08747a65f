import type { Problem } from '../../rotation/errors.ts';
import type { Slot, TargetInput } from '../../rotation/ports.ts';

/* The second account of a pair: by its tag, else by convention. */

const ENDING = '_alt';

/** What a system says of its accounts' names. */
export interface Naming {
  /** Adds what is wrong with a name. */
  readonly check: (path: string, name: string, problems: Problem[]) => void;
  /** The server takes `APP` and `app` for one name. Absent: they are two. */
  readonly anyCase?: true;
}

/**
 * `app` and `app_alt` are each other's alternate when no tag says otherwise. Pure.
 * @param anyCase `APP_ALT` pairs back with `APP`, too, as where `APP_ALT` and `APP_alt` are one account
 */
export function pairedWith(name: Slot, anyCase = false): Slot {
  const ending = anyCase ? name.slice(-ENDING.length).toLowerCase() : name.slice(-ENDING.length);
  return name.length > ENDING.length && ending === ENDING ? name.slice(0, -ENDING.length) : `${name}${ENDING}`;
}

/** Both accounts that the tags name, the current one first; every problem with their names is added. Pure. */
export function pairOf(input: TargetInput, naming: Naming, problems: Problem[]): readonly Slot[] {
  const { credentialId: current, alternateCredentialId } = input;
  const path = 'tags.AlternateCredentialId';
  const already = problems.length;
  naming.check('tags.CredentialId', current, problems);
  const isGood = problems.length === already;
  const second = alternateCredentialId ?? pairedWith(current, naming.anyCase);
  // Made from a name that is wrong, it would be wrong for the same reason.
  if (alternateCredentialId !== undefined || isGood) naming.check(path, second, problems);
  const same = naming.anyCase === true ? current.toLowerCase() === second.toLowerCase() : current === second;
  if (same) problems.push({ path, message: 'is the same account as CredentialId; a pair needs two' });
  return [current, second];
}

/** The one account of a secret that is replaced in place. Pure. */
export function singleOf({ credentialId }: TargetInput, naming: Naming, problems: Problem[]): readonly Slot[] {
  naming.check('tags.CredentialId', credentialId, problems);
  return [credentialId];
}
