import type { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { isPublished } from '../machine.ts';
import { claimOf, type Seen } from '../outlook.ts';
import type { ManagedKey, ObjectRef, RotateMessage, SecretListing } from '../ports.ts';
import type { JournalRecord } from '../record.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import { listedOrPassedOver, managedAs, type VaultMadeSweep } from '../vault-made/sweep.ts';
import { leftToVault } from './vault-policy.ts';

/** So long after a version was made it is asked whether its event was lost. */
const FRESH_MS = 7 * 24 * 3600_000;

/**
 * The keys of one vault, for the sweep: those that are due, and those with a fresh version whose event seems to be lost. One request
 * a page of the vault, one for the rotation policy of each key that is due, and one to the journal for each fresh version.
 *
 * @param open the open run of an object, if there is one
 * @throws what else the vault or the journal throws
 */
export async function sweepKeys(
  engine: Engine,
  scope: CallScope,
  vault: string,
  open: (object: ObjectRef) => JournalRecord | undefined,
): Promise<VaultMadeSweep> {
  const listings = await listedOrPassedOver(engine, scope, vault, 'keys');
  const messages: RotateMessage[] = [];
  const seen: Seen[] = [];
  for (const listing of listings) {
    const { object } = listing;
    if (listing.managed) continue;
    const managed = managedAs(engine, listing, 'key', (tags) => engine.configuration.managedKey(tags));
    if (managed === undefined) {
      if (listing.enabled) seen.push({ listing, claim: { by: 'nobody' } });
      continue;
    }
    const run = open(object)?.run;
    // A run that waits for its users does not stand in the way of the next rotation.
    const waits = run === undefined || isPublished(run);
    const asks = managed !== 'wrong' && waits && (await isDue(engine, scope, listing, managed));
    seen.push({ listing, claim: claimOf(managed, asks) });
    if (!waits) continue;
    if (managed === 'wrong' || asks) {
      if (managed !== 'wrong' || run === undefined) messages.push({ object, trigger: 'sweep' });
    } else if (run === undefined && (await isForgotten(engine, scope, listing, managed))) {
      messages.push({ object, trigger: 'new-version' });
    }
  }
  return { messages, changed: listings.map(({ object, updatedOn }) => ({ object, at: updatedOn })), seen };
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
