import type { CallScope } from '../calls.ts';
import { describeObject, type Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Seen } from '../outlook.ts';
import type { ObjectRef, RotateMessage, SecretListing } from '../ports.ts';

export interface VaultMadeSweep {
  readonly messages: readonly RotateMessage[];
  /** When each object was changed last: a blocked run of it is looked at again. */
  readonly changed: readonly { readonly object: ObjectRef; readonly at: Date }[];
  readonly seen: readonly Seen[];
}

/**
 * Every key or certificate of a vault. Both are optional: a vault that the app may not list them of is passed over with a line in the log,
 * so that who has only secrets need not grant anything for them. What an event is about is looked at all the same, and its run says what
 * is missing.
 * @throws what else the vault throws
 */
export async function listedOrPassedOver(
  engine: Engine,
  scope: CallScope,
  vault: string,
  noun: 'keys' | 'certificates',
): Promise<readonly SecretListing[]> {
  const found: SecretListing[] = [];
  try {
    await scope.run(`listing the ${noun} of ${vault}`, async (call) => {
      for await (const listing of engine[noun].list(vault, call)) found.push(listing);
    });
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'ACCESS_DENIED') throw error;
    const { message, remedy } = error;
    engine.log('info', `the ${noun} of a vault are passed over`, { vault, problem: message, remedy });
    return [];
  }
  return found;
}

/** Undefined: nobody claims it, or it is disabled. 'wrong' tags are reported by the runner. */
export function managedAs<M>(
  engine: Engine,
  { object, enabled, tags }: SecretListing,
  noun: 'key' | 'certificate',
  read: (tags: SecretListing['tags']) => M | undefined,
): M | 'wrong' | undefined {
  if (!enabled) return undefined;
  try {
    return read(tags);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    engine.log('warn', `the tags of a ${noun} are wrong`, { object: describeObject(object), problem: error.message });
    return 'wrong';
  }
}
