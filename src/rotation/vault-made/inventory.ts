import type { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { listedItem, type Judged, type Listed } from '../inventory-item.ts';
import type { ObjectRef, SecretListing } from '../ports.ts';
import type { Run } from '../record.ts';

export interface Kind {
  readonly noun: 'keys' | 'certificates';
  readonly judge: (engine: Engine, listing: SecretListing) => Judged | undefined;
}

/**
 * The managed keys or certificates of a vault, without their versions. Whether the vault's own policy will make a version of one that is
 * due is not asked here; the dry run tells.
 * @returns a problem where the app may not list them: who has only secrets need not grant it
 */
export async function inventoryVaultMade(
  engine: Engine,
  { noun, judge }: Kind,
  scope: CallScope,
  vault: string,
  lastRun: (object: ObjectRef) => Run | undefined,
): Promise<{ readonly items: readonly Listed[]; readonly problem?: string }> {
  const items: Listed[] = [];
  try {
    await scope.run(`listing the ${noun} of ${vault}`, async (call) => {
      for await (const listing of engine[noun].list(vault, call)) {
        const item = listing.managed
          ? undefined
          : listedItem(listing, lastRun(listing.object), (one) => judge(engine, one));
        if (item !== undefined) items.push(item);
      }
    });
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'ACCESS_DENIED') throw error;
    return { items, problem: error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}` };
  }
  return { items };
}
