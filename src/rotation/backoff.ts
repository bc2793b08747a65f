import type { RotationError } from './errors.ts';

/** After so many failed attempts at one step a passing problem is no longer taken for one. */
export const MAX_ATTEMPTS = 10;

const FIRST_MS = 5_000;
const LONGEST_MS = 3600_000;
/** No service is waited for longer in one go, whatever it asks for: a header must not put a rotation off for a year. */
const LONGEST_ASKED_MS = 24 * LONGEST_MS;

/** So often a service is believed that a shorter time will do. */
const BELIEVED = 3;

/**
 * How long to wait before attempt `attempts + 1`, in ms: the service's own Retry-After if it gave one (a day at most), else 5 s doubled
 * each time up to an hour, less up to a quarter at random so that a hundred failed runs do not come back as one. A service that says
 * the same short time again and again must not use up all attempts within seconds: then the longer of the two counts.
 */
export function backoffMs(error: RotationError, attempts: number, random: () => number): number {
  const full = Math.min(FIRST_MS * 2 ** Math.max(attempts - 1, 0), LONGEST_MS);
  const own = Math.round(full * (1 - random() / 4));
  if (error.retryAfterMs === undefined) return own;
  const asked = Math.min(Math.max(error.retryAfterMs, 1000), LONGEST_ASKED_MS);
  return attempts > BELIEVED ? Math.max(asked, own) : asked;
}

/** How long until adoption is asked for again, in ms: 15 minutes at first, an hour later on. `waitedMs` since the overlap. */
export function adoptionPollMs(waitedMs: number): number {
  return waitedMs < 45 * 60_000 ? 15 * 60_000 : 60 * 60_000;
}

/** So long after the overlap a credential that is still in use becomes a person's question. */
export const ADOPTION_PATIENCE_MS = 7 * 24 * 3600_000;
