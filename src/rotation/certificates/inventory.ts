import type { CallScope } from '../calls.ts';
import { decideVaultMade } from '../due.ts';
import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { InventoryItem } from '../inventory.ts';
import type { ObjectRef, SecretListing } from '../ports.ts';
import type { Run } from '../record.ts';
import { certificateUrl } from './look.ts';

type Item = Omit<InventoryItem, 'versions'>;

/**
 * The certificates of a vault that are renewed here, without their versions. Whether the vault's own policy will renew one that is due is
 * not asked here; the dry run tells.
 * @returns a problem where the app may not list certificates: who has only secrets need not grant it
 */
export async function inventoryCertificates(
  engine: Engine,
  scope: CallScope,
  vault: string,
  lastRun: (object: ObjectRef) => Run | undefined,
): Promise<{ readonly items: readonly Item[]; readonly problem?: string }> {
  const items: Item[] = [];
  try {
    await scope.run(`listing the certificates of ${vault}`, async (call) => {
      for await (const listing of engine.certificates.list(vault, call)) {
        const item = itemOf(engine, listing, lastRun(listing.object));
        if (item !== undefined) items.push(item);
      }
    });
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'ACCESS_DENIED') throw error;
    return { items, problem: error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}` };
  }
  return { items };
}

function itemOf(engine: Engine, listing: SecretListing, run: Run | undefined): Item | undefined {
  const base = {
    object: listing.object,
    enabled: listing.enabled,
    createdOn: listing.createdOn.toISOString(),
    ...(listing.expiresOn === undefined ? {} : { expiresOn: listing.expiresOn.toISOString() }),
    ...(run === undefined ? {} : { lastRun: run }),
  };
  try {
    const managed = engine.configuration.managedCertificate(listing.tags);
    if (managed === undefined) return undefined;
    const { policy, rotator } = managed;
    const now = engine.clock.now();
    const decision = decideVaultMade({ now, trigger: 'sweep', force: false, current: listing, policy });
    return { ...base, rotator, system: certificateUrl(listing.object), ...decision };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { ...base, due: false, reason: error.code, detail: error.message, problems: error.problems };
  }
}
