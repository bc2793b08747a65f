import { isPublished } from '../machine.ts';
import type { Run } from '../record.ts';

/*
 * Nobody holds a key's value, and what is encrypted under the old version stays so: there is no overlap and nothing to revoke.
 *
 *   claim ──▶ set ──▶ finish ──▶ refresh ──▶ confirm ──▶ done
 *    intent    the vault makes   told to the  every user is on
 *   journalled the new version   topic        the new version
 *
 *   persisted step │ died                               │ re-entered by
 *   ───────────────┼────────────────────────────────────┼───────────────────────────────────────────────────────────
 *   claim          │ before the intent was journalled   │ deciding again; nothing was done anywhere
 *   set            │ before the vault's rotate          │ rotating: the current version is still the one of the intent
 *   set            │ after it, or its answer was lost   │ adopting: the current version is another than the intent's
 *   refresh        │ anywhere                           │ telling again; subscribers know the announcement by its id
 *   confirm        │ anywhere                           │ asking every user again; moving on twice is success
 *
 * A version cannot carry our rotation's id. A newer one may be the vault's own or a person's: that is as good, and is adopted.
 */

export type KeyAction =
  /** Journal the intent, and let the vault make a new version. */
  | 'rotate'
  /** There is a new version: take it over. */
  | 'adopt'
  | 'refresh'
  /** See to it that every user is on the current version. */
  | 'follow';

/** What to do next with an open run that has been decided on. Pure. */
export function nextForKey(run: Run, currentVersion: string): KeyAction {
  if (isPublished(run)) return run.step === 'refresh' ? 'refresh' : 'follow';
  return run.from !== undefined && run.from.version !== currentVersion ? 'adopt' : 'rotate';
}
