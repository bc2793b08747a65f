import type { CallScope } from '../calls.ts';
import { describeObject, type Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { isPublished } from '../machine.ts';
import type { ManagedKey, ObjectRef, RotateMessage, SecretListing } from '../ports.ts';
import type { JournalRecord } from '../record.ts';
import { decideVaultMade } from '../due.ts';
import { leftToVault } from './vault-policy.ts';

/** So long after a version was made it is asked whether its event was lost. */
const FRESH_MS = 7 * 24 * 3600_000;

export interface KeySweep {
  readonly messages: readonly RotateMessage[];
  /** When each key was changed last: a blocked run of it is looked at again. */
  readonly changed: readonly { readonly object: ObjectRef; readonly at: Date }[];
}

/**
 * The keys of one vault, for the sweep: those that are due, and those with a fresh version whose event seems to be lost. One request
 * a page of the vault, one for the rotation policy of each key that is due, and one to the journal for each fresh version.
 *
 * Keys are optional: a vault that the app may not list the keys of is passed over with a line in the log, so that who has only
 * secrets need not grant anything for keys. A key whose event comes is looked at all the same, and its run says what is missing.
 * @param open the open run of an object, if there is one
 * @throws what else the vault or the journal throws
 */
export async function sweepKeys(
  engine: Engine,
  scope: CallScope,
  vault: string,
  open: (object: ObjectRef) => JournalRecord | undefined,
): Promise<KeySweep> {
  const listings = await listed(engine, scope, vault);
  const messages: RotateMessage[] = [];
  for (const listing of listings) {
    const { object } = listing;
    const managed = managedAs(engine, listing);
    if (managed === undefined) continue;
    const run = open(object)?.run;
    // A run that waits for its users does not stand in the way of the next rotation.
    if (run !== undefined && !isPublished(run)) continue;
    if (managed === 'wrong' || (await isDue(engine, scope, listing, managed))) {
      if (managed !== 'wrong' || run === undefined) messages.push({ object, trigger: 'sweep' });
    } else if (run === undefined && (await isForgotten(engine, scope, listing, managed))) {
      messages.push({ object, trigger: 'new-version' });
    }
  }
  return { messages, changed: listings.map(({ object, updatedOn }) => ({ object, at: updatedOn })) };
}

async function listed(engine: Engine, scope: CallScope, vault: string): Promise<readonly SecretListing[]> {
  const found: SecretListing[] = [];
  try {
    await scope.run(`listing the keys of ${vault}`, async (call) => {
      for await (const listing of engine.keys.list(vault, call)) found.push(listing);
    });
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'ACCESS_DENIED') throw error;
    const { message, remedy } = error;
    engine.log('info', 'the keys of a vault are passed over', { vault, problem: message, remedy });
    return [];
  }
  return found;
}

/** Undefined: nobody claims it, it backs a certificate or it is disabled. 'wrong' tags are reported by the runner. */
function managedAs(engine: Engine, listing: SecretListing): ManagedKey | 'wrong' | undefined {
  if (listing.managed || !listing.enabled) return undefined;
  try {
    return engine.configuration.managedKey(listing.tags);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const object = describeObject(listing.object);
    engine.log('warn', 'the tags of a key are wrong', { object, problem: error.message });
    return 'wrong';
  }
}

async function isDue(
  engine: Engine,
  scope: CallScope,
  listing: SecretListing,
  { policy }: ManagedKey,
): Promise<boolean> {
  const now = engine.clock.now();
  const decision = decideVaultMade({ now, trigger: 'sweep', force: false, current: listing, policy });
  if (!decision.due) return false;
  if (decision.reason === 'Expired') return true;
  // Else a key that the vault itself rotates would come back from the queue at every sweep of its lead time.
  const own = await scope.run('reading the rotation policy', (call) =>
    engine.keys.rotationPolicy(listing.object, call),
  );
  return leftToVault(own, listing, now) === undefined;
}

/** A listing does not tell the version (facts A4); a run that ended after it was made has seen to it. */
async function isForgotten(
  engine: Engine,
  scope: CallScope,
  { object, createdOn }: SecretListing,
  { users, policy }: ManagedKey,
): Promise<boolean> {
  const age = engine.clock.now().getTime() - createdOn.getTime();
  if (users.length === 0 || policy.paused || age > FRESH_MS) return false;
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
  const run = entry?.record.run;
  return run?.to?.version === undefined || Date.parse(run.finishedAt ?? run.updatedAt) < createdOn.getTime();
}
