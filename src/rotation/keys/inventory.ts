import type { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { InventoryItem } from '../inventory.ts';
import type { ObjectRef, SecretListing } from '../ports.ts';
import type { Run } from '../record.ts';
import { keyUrl } from './look.ts';
import { decideVaultMade } from '../due.ts';

type Item = Omit<InventoryItem, 'versions'>;

/**
 * The managed keys of a vault, without their versions. Whether the vault's own policy will rotate a key that is due is not asked
 * here; the dry run tells.
 * @returns a problem where the app may not list keys: who has only secrets need not grant it
 */
export async function inventoryKeys(
  engine: Engine,
  scope: CallScope,
  vault: string,
  lastRun: (object: ObjectRef) => Run | undefined,
): Promise<{ readonly items: readonly Item[]; readonly problem?: string }> {
  const items: Item[] = [];
  try {
    await scope.run(`listing the keys of ${vault}`, async (call) => {
      for await (const listing of engine.keys.list(vault, call)) {
        const item = listing.managed ? undefined : itemOf(engine, listing, lastRun(listing.object));
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
    const managed = engine.configuration.managedKey(listing.tags);
    if (managed === undefined) return undefined;
    const { policy, rotator, users } = managed;
    const { due, reason, detail } = decideVaultMade({
      now: engine.clock.now(),
      trigger: 'sweep',
      force: false,
      current: listing,
      policy,
    });
    return { ...base, rotator, system: keyUrl(listing.object), users, due, reason, detail };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { ...base, due: false, reason: error.code, detail: error.message, problems: error.problems };
  }
}
