import type { CallScope } from '../calls.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import { listedOrPassedOver, managedAs, type VaultMadeSweep } from '../vault-made/sweep.ts';
import type { Engine } from '../engine.ts';
import { isPublished } from '../machine.ts';
import { claimOf, type Seen } from '../outlook.ts';
import type { ManagedCertificate, ObjectRef, RotateMessage, SecretListing } from '../ports.ts';
import type { JournalRecord } from '../record.ts';
import { leftToVault } from './vault-policy.ts';

/**
 * The certificates of one vault that are due, for the sweep. One request a page of the vault, and two for each that is due.
 * @param open the open run of an object, if there is one
 * @throws what else the vault throws
 */
export async function sweepCertificates(
  engine: Engine,
  scope: CallScope,
  vault: string,
  open: (object: ObjectRef) => JournalRecord | undefined,
): Promise<VaultMadeSweep> {
  const listings = await listedOrPassedOver(engine, scope, vault, 'certificates');
  const messages: RotateMessage[] = [];
  const seen: Seen[] = [];
  for (const listing of listings) {
    const { object } = listing;
    const managed = managedAs(engine, listing, 'certificate', (tags) => engine.configuration.managedCertificate(tags));
    if (managed === undefined) {
      if (listing.enabled) seen.push({ listing, claim: { by: 'nobody' } });
      continue;
    }
    const run = open(object)?.run;
    // A run that waits for its consumers does not stand in the way of the next renewal.
    const waits = run === undefined || isPublished(run);
    const asks = managed !== 'wrong' && waits && (await isDue(engine, scope, listing, managed));
    seen.push({ listing, claim: claimOf(managed, asks) });
    if (asks || (managed === 'wrong' && run === undefined)) messages.push({ object, trigger: 'sweep' });
  }
  return { messages, changed: listings.map(({ object, updatedOn }) => ({ object, at: updatedOn })), seen };
}

async function isDue(
  engine: Engine,
  scope: CallScope,
  listing: SecretListing,
  { policy }: ManagedCertificate,
): Promise<boolean> {
  const now = engine.clock.now();
  const { object } = listing;
  const decision = decideVaultMade({ now, trigger: 'sweep', force: false, current: listing, policy });
  if (!decision.due) return false;
  if (decision.reason === 'Expired') return true;
  // Else a certificate that the vault itself renews would come back from the queue at every sweep of its lead time.
  const own = await scope.run('reading the policy', (call) => engine.certificates.policy(object, call));
  const last = await scope.run('reading its last operation', (call) => engine.certificates.operation(object, call));
  return leftToVault(own, last, listing, now) === undefined;
}
