import { RotationError, type Problem } from './errors.ts';
import type { Decision } from './policy.ts';
import type { ObjectRef, SecretListing } from './ports.ts';
import type { Run } from './record.ts';

export interface InventoryItem {
  readonly object: ObjectRef;
  /** Newest first; the first is the current one. */
  readonly versions: readonly { readonly version: string; readonly enabled: boolean; readonly createdOn: string }[];
  readonly enabled: boolean;
  readonly createdOn: string;
  readonly expiresOn?: string;
  readonly rotator?: string;
  readonly system?: string;
  readonly credentialId?: string;
  /** Of a key: the resources that are brought to each new version. */
  readonly users?: readonly string[];
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly problems?: readonly Problem[];
  readonly lastRun?: Run;
}

export type Listed = Omit<InventoryItem, 'versions'>;

/** What the tags of an object say of it, and whether it is due. */
export interface Judged extends Pick<InventoryItem, 'rotator' | 'system' | 'credentialId' | 'users'> {
  readonly decision: Decision;
}

/**
 * One object of a listing. Pure.
 * @param judge undefined where nobody claims the object; what it throws of wrong tags is shown in the item
 */
export function listedItem(
  listing: SecretListing,
  run: Run | undefined,
  judge: (listing: SecretListing) => Judged | undefined,
): Listed | undefined {
  const base = {
    object: listing.object,
    enabled: listing.enabled,
    createdOn: listing.createdOn.toISOString(),
    ...(listing.expiresOn === undefined ? {} : { expiresOn: listing.expiresOn.toISOString() }),
    ...(run === undefined ? {} : { lastRun: run }),
  };
  try {
    const judged = judge(listing);
    if (judged === undefined) return undefined;
    const { decision, ...told } = judged;
    return { ...base, ...told, due: decision.due, reason: decision.reason, detail: decision.detail };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { ...base, due: false, reason: error.code, detail: error.message, problems: error.problems };
  }
}
