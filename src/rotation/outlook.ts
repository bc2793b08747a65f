import { describeObject } from './engine.ts';
import { isPublished } from './machine.ts';
import type { RotationPolicy, SecretListing } from './ports.ts';
import type { JournalRecord, Run } from './record.ts';

const DAY_MS = 24 * 3600_000;
/** The vault itself warns so long before; and so long after it, an expired object that nobody rotates is told of. */
const WARNED_MS = 30 * DAY_MS;
/** Of each vault the log names so many of the soonest; of runs that are blocked, so many. */
const NAMED = 20;

/** Whose an enabled object of a vault is, as far as its tags tell. */
export type Claim =
  | { readonly by: 'nobody' | 'wrong tags' }
  /** `asks`: false where the vault itself makes the next version, as long as it does. */
  | { readonly by: 'keyturn'; readonly paused: boolean; readonly leadTimeMs: number; readonly asks: boolean };

/** One object of a vault, and whose it is. */
export interface Seen {
  readonly listing: Pick<SecretListing, 'object' | 'expiresOn'>;
  readonly claim: Claim;
}

/** @param asks is a run asked for now, or is the next version left to the vault? */
export function claimOf(managed: { readonly policy: RotationPolicy } | 'wrong', asks: boolean): Claim {
  if (managed === 'wrong') return { by: 'wrong tags' };
  const { paused, leadTimeMs } = managed.policy;
  return { by: 'keyturn', paused, leadTimeMs, asks };
}

/** Near its expiry, or past it, and no rotation is under way. */
export interface Expiring {
  readonly object: string;
  /** Negative: expired. */
  readonly daysLeft: number;
  readonly managed: boolean;
  readonly why:
    'nobody rotates it' | 'its tags are wrong' | 'it is paused' | 'the run before is not over' | 'no run yet';
}

/** What one sweep has seen in one vault. Every object counts once, in its current version, and only while that is enabled. */
export interface Outlook {
  readonly vault: string;
  readonly managed: number;
  readonly unmanaged: number;
  readonly withoutExpiry: number;
  readonly expired: number;
  /** The soonest of them. */
  readonly expiring: readonly Expiring[];
}

/** Pure. @param open the open run of an object, if there is one */
export function outlook(
  vault: string,
  seen: readonly Seen[],
  open: (object: SecretListing['object']) => JournalRecord | undefined,
  now: Date,
): Outlook {
  const expiring = seen
    .map(({ listing, claim }) => expiringOf(listing, claim, open(listing.object)?.run, now))
    .filter((one) => one !== undefined)
    .sort((a, b) => a.daysLeft - b.daysLeft);
  const isManaged = ({ claim }: Seen): boolean => claim.by === 'keyturn';
  return {
    vault,
    managed: seen.filter(isManaged).length,
    unmanaged: seen.filter((one) => !isManaged(one)).length,
    withoutExpiry: seen.filter(({ listing }) => listing.expiresOn === undefined).length,
    expired: seen.filter(({ listing: { expiresOn } }) => expiresOn !== undefined && expiresOn <= now).length,
    // Who is told what to mend sees what is his to mend first.
    expiring: [...expiring.filter((one) => one.managed), ...expiring.filter((one) => !one.managed)].slice(0, NAMED),
  };
}

/** A run that is blocked, as the log names it. */
export interface BlockedRun {
  readonly object: string;
  readonly rotationId: string;
  readonly step: string;
  readonly code: string;
  readonly since: string;
}

/** The runs that wait for somebody to act, the longest first. Pure. */
export function blockedRuns(records: Iterable<JournalRecord>): readonly BlockedRun[] {
  const found: BlockedRun[] = [];
  for (const { object, run } of records) {
    if (run?.state !== 'blocked') continue;
    const { rotationId, step, blocked, updatedAt } = run;
    const code = blocked?.code ?? 'HUMAN_REQUIRED';
    found.push({ object: describeObject(object), rotationId, step, code, since: blocked?.at ?? updatedAt });
  }
  return found.sort((a, b) => a.since.localeCompare(b.since)).slice(0, NAMED);
}

function expiringOf(
  { object, expiresOn }: Seen['listing'],
  claim: Claim,
  run: Run | undefined,
  now: Date,
): Expiring | undefined {
  if (expiresOn === undefined) return undefined;
  const leftMs = expiresOn.getTime() - now.getTime();
  const daysLeft = Math.floor((leftMs / DAY_MS) * 10) / 10;
  const base = { object: describeObject(object), daysLeft };
  if (claim.by !== 'keyturn') {
    if (Math.abs(leftMs) > WARNED_MS) return undefined;
    const why = claim.by === 'nobody' ? 'nobody rotates it' : 'its tags are wrong';
    return { ...base, managed: claim.by !== 'nobody', why };
  }
  // A run that is blocked is told of as that; one that is under way ends with a later expiry.
  if (leftMs > claim.leadTimeMs || (run !== undefined && !isPublished(run))) return undefined;
  if (claim.paused) return { ...base, managed: true, why: 'it is paused' };
  if (!claim.asks && leftMs > 0) return undefined;
  return { ...base, managed: true, why: run === undefined ? 'no run yet' : 'the run before is not over' };
}
