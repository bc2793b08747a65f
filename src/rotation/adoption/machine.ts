import { backoffMs, MAX_ATTEMPTS } from '../backoff.ts';
import type { RotationError } from '../errors.ts';
import type { Confirmation, Consumer, Reference, Refreshed, VersionRef } from '../ports.ts';
import { isSettled, type Standing, type Trouble } from './record.ts';
import { DAILY_MS } from './schedule.ts';

/*
 *   discovered ──push──▶ pushed ──▶ propagating ──seen──▶ verified ◀── it has said so itself: delivered
 *       │                  │└─ no end ──┴─ time is over ─▶ stale, or unreachable where nobody can tell
 *       │                  └─ refused ──▶ failed        a person is needed ──▶ pinned        deleted ──▶ gone
 *       └─ uses it already ──▶ verified ◀── a person has looked, and says so: from wherever it stood
 *
 *   persisted   │ died                                    │ re-entered by
 *   ────────────┼─────────────────────────────────────────┼────────────────────────────────────────────────────────
 *   discovered  │ before, in or after the push            │ asking first whether it has adopted; pushing again is harmless
 *   pushed      │ while its service is at it              │ asking for the operation whose address is kept
 *   pushed      │ after the push, its operation not kept  │ asking whether it has adopted; else pushing again
 *   propagating │ anywhere                                │ asking again: reading changes nothing
 *   discovered  │ after a delivery, before the row said so│ delivering again, under the same id
 *
 * Whoever is settled without the version is looked at again once a day for a month, and not told again: a person may have mended it.
 * The next version tells everybody anew, and so does POST /api/propagations.
 */

/** What its service has accepted takes seconds at least. */
const SOON_MS = 15_000;
const LONGEST_POLL_MS = 15 * 60_000;

export function isDue(standing: Standing, now: Date): boolean {
  const { nextAt } = standing;
  if (nextAt === undefined) return !isSettled(standing);
  return Date.parse(nextAt) <= now.getTime();
}

/** A reference that was found, before anything was done about it. What is known of it from this version already is kept. */
export function found(reference: Reference, before: Standing | undefined, now: Date): Standing {
  return { attempts: 0, since: now.toISOString(), state: 'discovered', ...before, ...reference };
}

/** After a person has said that it uses the version. Whoever was seen to, or is gone, stays as he is. */
export function afterWord(standing: Standing, by: string, now: Date): Standing {
  if (standing.state === 'verified' || standing.state === 'gone') return standing;
  const at = now.toISOString();
  const { deadline: _deadline, ...rest } = settle(standing);
  const detail = `${by} has looked, and says that it uses the version`;
  return { ...rest, ...entering(standing, 'verified', at), detail, proof: { kind: 'by-person', at, by, detail } };
}

/** Has it been told about this version? */
export function isPushed({ pushedAt }: Standing): boolean {
  return pushedAt !== undefined;
}

/** After a push that was accepted. */
export function afterPush(standing: Standing, refreshed: Refreshed, lag: Consumer['lagMs'], now: Date): Standing {
  const at = now.toISOString();
  const told = { ...settle(standing), pushedAt: standing.pushedAt ?? at };
  switch (refreshed.is) {
    case 'running': {
      const { operation } = refreshed;
      const operationAt = operation === standing.operation ? (standing.operationAt ?? at) : at;
      const running = { ...told, ...within(told.pushedAt, lag.pushed) };
      // One without an end is not asked for without an end.
      if (now.getTime() > Date.parse(operationAt) + lag.pushed) return neverDone(running, operationAt, standing, now);
      const nextAt = inMs(now, SOON_MS);
      return { ...running, ...entering(standing, 'pushed', at), operation, operationAt, nextAt };
    }
    case 'pushed':
      return { ...told, ...within(told.pushedAt, lag.pushed), ...entering(standing, 'propagating', at) };
    case 'delivered':
      return verified(told, { kind: 'delivered', at, detail: refreshed.detail });
    case 'follows':
      return { ...told, ...within(told.pushedAt, lag.follows), ...entering(standing, 'propagating', at) };
    case 'reported': {
      const trouble: Trouble = { code: 'HUMAN_REQUIRED', message: refreshed.detail, remedy: refreshed.remedy };
      return { ...settle(standing), ...entering(standing, 'pinned', at), trouble, nextAt: inMs(now, DAILY_MS) };
    }
  }
}

/** After it was asked what it uses, and was told before. */
export function afterLook(standing: Standing, seen: Confirmation, version: VersionRef, now: Date): Standing {
  const at = now.toISOString();
  if (seen.is === 'adopted') {
    return verified(standing, { kind: seen.proof, at, detail: seen.detail });
  }
  if (isSettled(standing)) return { ...standing, detail: seen.detail, nextAt: inMs(now, DAILY_MS) };
  const waitedMs = now.getTime() - Date.parse(standing.pushedAt ?? at);
  if (standing.deadline === undefined || Date.parse(standing.deadline) > now.getTime()) {
    const nextAt = inMs(now, pollMs(waitedMs, standing.deadline, now));
    return { ...settle(standing), ...entering(standing, 'propagating', at), detail: seen.detail, nextAt };
  }
  if (seen.is === 'unreachable') {
    const trouble: Trouble = { code: 'UNAVAILABLE', message: seen.detail, remedy: seen.remedy };
    const rest = { detail: seen.detail, trouble, nextAt: inMs(now, DAILY_MS) };
    return { ...settle(standing), ...entering(standing, 'unreachable', at), ...rest };
  }
  const message = `${standing.id} has not taken version ${version.version} by ${standing.deadline}: ${seen.detail}`;
  const trouble: Trouble = { code: 'NOT_ADOPTED', message, remedy: pushAgain(version) };
  const rest = { detail: seen.detail, trouble, nextAt: inMs(now, DAILY_MS) };
  return { ...settle(standing), ...entering(standing, 'stale', at), ...rest };
}

/** After something failed about it; the others go on. */
export function afterFailure(
  standing: Standing,
  error: RotationError,
  now: Date,
  random: () => number,
  trouble: Trouble,
): Standing {
  const at = now.toISOString();
  if (error.code === 'TARGET_NOT_FOUND') {
    return { ...settle(standing), ...entering(standing, 'gone', at), detail: trouble.message };
  }
  // A look that fails tells nothing new about who is settled.
  if (isSettled(standing)) return { ...standing, nextAt: inMs(now, DAILY_MS) };
  const attempts = standing.attempts + 1;
  if (error.recovery === 'retry' && attempts < MAX_ATTEMPTS) {
    return { ...standing, attempts, trouble, nextAt: inMs(now, backoffMs(error, attempts, random)) };
  }
  const rest = { attempts, trouble, nextAt: inMs(now, DAILY_MS) };
  return { ...settle(standing), ...entering(standing, 'failed', at), ...rest };
}

/** Somebody else changes its parent just now. */
export function afterBusyParent(standing: Standing, now: Date): Standing {
  return { ...standing, nextAt: inMs(now, SOON_MS) };
}

/** Its service is at it for longer than it should take: how that ends is asked of the consumer, once a day. */
function neverDone(told: Standing, since: string, before: Standing, now: Date): Standing {
  const message = `${told.id}: its service is at it since ${since}, and was not done by ${now.toISOString()}`;
  const remedy = `See what holds it up: az monitor activity-log list --resource-id "${told.parent}". When it has ended, push again: POST /api/propagations.`;
  const trouble: Trouble = { code: 'NOT_ADOPTED', message, remedy };
  return { ...told, ...entering(before, 'stale', now.toISOString()), trouble, nextAt: inMs(now, DAILY_MS) };
}

function verified(standing: Standing, proof: NonNullable<Standing['proof']>): Standing {
  const { deadline: _deadline, ...rest } = settle(standing);
  return { ...rest, ...entering(standing, 'verified', proof.at), detail: proof.detail, proof };
}

/** Everything about the way to the present state that no longer holds. */
function settle(standing: Standing): Standing {
  const { operation: _operation, operationAt: _since, nextAt: _nextAt, trouble: _trouble, ...rest } = standing;
  return { ...rest, attempts: 0 };
}

function entering(standing: Standing, state: Standing['state'], at: string): Pick<Standing, 'state' | 'since'> {
  return { state, since: standing.state === state ? standing.since : at };
}

/** The time runs from the first push of this version: being told twice gives nobody longer. */
function within(pushedAt: string, lagMs: number): Pick<Standing, 'deadline'> {
  return { deadline: inMs(new Date(pushedAt), lagMs) };
}

/** A quarter of the time that it has taken so far, so that quick services are seen at once; and once more at the deadline. */
function pollMs(waitedMs: number, deadline: string | undefined, now: Date): number {
  const wanted = Math.min(Math.max(SOON_MS, waitedMs / 4), LONGEST_POLL_MS);
  if (deadline === undefined) return wanted;
  return Math.min(wanted, Math.max(Date.parse(deadline) - now.getTime(), 1_000));
}

function inMs(now: Date, ms: number): string {
  return new Date(now.getTime() + ms).toISOString();
}

function pushAgain({ object: { vault, name, kind } }: VersionRef): string {
  const which = kind === 'secret' ? '' : `,"kind":"${kind}"`;
  return `See what its service says of the certificate or secret there; then push again: POST /api/propagations {"vault":"${vault}","name":"${name}"${which}}`;
}
