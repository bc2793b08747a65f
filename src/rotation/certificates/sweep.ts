import type { CallScope } from '../calls.ts';
import { decideVaultMade } from '../due.ts';
import { describeObject, type Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { isPublished } from '../machine.ts';
import type { ManagedCertificate, ObjectRef, RotateMessage, SecretListing } from '../ports.ts';
import type { JournalRecord } from '../record.ts';
import { leftToVault } from './vault-policy.ts';

export interface CertificateSweep {
  readonly messages: readonly RotateMessage[];
  /** When each certificate was changed last: a blocked run of it is looked at again. */
  readonly changed: readonly { readonly object: ObjectRef; readonly at: Date }[];
}

/**
 * The certificates of one vault that are due, for the sweep. One request a page of the vault, and two for each that is due. A vault that
 * the app may not list the certificates of is passed over with a line in the log, as for keys.
 * @param open the open run of an object, if there is one
 * @throws what else the vault throws
 */
export async function sweepCertificates(
  engine: Engine,
  scope: CallScope,
  vault: string,
  open: (object: ObjectRef) => JournalRecord | undefined,
): Promise<CertificateSweep> {
  const listings = await listed(engine, scope, vault);
  const messages: RotateMessage[] = [];
  for (const listing of listings) {
    const { object } = listing;
    const managed = managedAs(engine, listing);
    const run = open(object)?.run;
    // A run that waits for its consumers does not stand in the way of the next renewal.
    if (managed === undefined || (run !== undefined && !isPublished(run))) continue;
    if (managed === 'wrong') {
      if (run === undefined) messages.push({ object, trigger: 'sweep' });
    } else if (await isDue(engine, scope, listing, managed)) messages.push({ object, trigger: 'sweep' });
  }
  return { messages, changed: listings.map(({ object, updatedOn }) => ({ object, at: updatedOn })) };
}

async function listed(engine: Engine, scope: CallScope, vault: string): Promise<readonly SecretListing[]> {
  const found: SecretListing[] = [];
  try {
    await scope.run(`listing the certificates of ${vault}`, async (call) => {
      for await (const listing of engine.certificates.list(vault, call)) found.push(listing);
    });
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'ACCESS_DENIED') throw error;
    const { message, remedy } = error;
    engine.log('info', 'the certificates of a vault are passed over', { vault, problem: message, remedy });
    return [];
  }
  return found;
}

/** Undefined: nobody claims it, or it is disabled. 'wrong' tags are reported by the runner. */
function managedAs(engine: Engine, listing: SecretListing): ManagedCertificate | 'wrong' | undefined {
  if (!listing.enabled) return undefined;
  try {
    return engine.configuration.managedCertificate(listing.tags);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const object = describeObject(listing.object);
    engine.log('warn', 'the tags of a certificate are wrong', { object, problem: error.message });
    return 'wrong';
  }
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
