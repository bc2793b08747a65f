import { RotationError, type ErrorCode } from './errors.ts';
import type { ObjectKind, ObjectRef, Slot, Trigger } from './ports.ts';

/** Where a run is. The order is the order of the work; `set`, `test` and `finish` happen in one go. */
export const STEPS = ['claim', 'create', 'set', 'test', 'finish', 'refresh', 'confirm', 'revoke', 'done'] as const;
export type Step = (typeof STEPS)[number];

/**
 * - `queued`: asked for, not claimed yet
 * - `running`: somebody holds the lease, or did when it died
 * - `waiting`: nothing to do before `wakeAt`
 * - `blocked`: cannot go on until somebody changes something; says what
 * - `done`, `cancelled`, `refused` (was not due; nothing was done): over
 */
export const RUN_STATES = ['queued', 'running', 'waiting', 'blocked', 'done', 'cancelled', 'refused'] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface StepEntry {
  readonly step: Step;
  readonly at: string;
  readonly ms: number;
  readonly outcome: 'ok' | 'waiting' | 'failed' | 'skipped';
  readonly detail?: string;
}

export interface BlockedBy {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
  readonly at: string;
}

/** One rotation of one object. Times are ISO 8601. It is the ledger row, too; it never holds a value. */
export interface Run {
  readonly rotationId: string;
  readonly reason: string;
  readonly requestedBy?: string;
  /** What asked for it: decided on again as long as the run is at `claim`. */
  readonly asked?: { readonly trigger: Trigger; readonly version?: string };
  readonly forced: boolean;
  readonly compromised: boolean;
  readonly state: RunState;
  readonly step: Step;
  /** The rotator's kind and the system, for people. */
  readonly rotator?: string;
  readonly system?: string;
  readonly from?: { readonly version: string; readonly slot: Slot };
  readonly to?: { readonly slot: Slot; readonly version?: string; readonly expiresOn?: string };
  /** The old credential is not taken out of use by a step of its own: it ended at `set`, or the system cannot revoke. */
  readonly noRevoke?: boolean;
  /** The system has refused the value that waits in the vault, and changed nothing: how that value looks (`ValueShape`). */
  readonly refusedShape?: string;
  /**
   * Runs of a system that makes one more each time, whose place this one took: what they left is revoked when this one is
   * published. With `slot` that old credential; without, what carries the rotation's id.
   */
  readonly supersedes?: readonly { readonly rotationId: string; readonly slot?: Slot }[];
  /**
   * Of a certificate: when the vault was asked for a version; `before`, its last operation until then; `comparedTo`, the version that
   * the new one must be as good as, where that is not `from`.
   */
  readonly issuance?: { readonly askedAt: string; readonly before?: string; readonly comparedTo?: string };
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly finishedAt?: string;
  /** When the overlap is over. Set at finish. */
  readonly retireAt?: string;
  /** Nothing happens before this time. */
  readonly wakeAt?: string;
  /** Failed attempts at the present step, for the back-off. */
  readonly attempts: number;
  readonly blocked?: BlockedBy;
  /** The last retryable failure, kept while waiting. */
  readonly lastError?: BlockedBy;
  /** The newest entries; older ones are dropped beyond 60. */
  readonly steps: readonly StepEntry[];
}

export interface Lease {
  readonly owner: string;
  readonly until: string;
}

/** The journal row of one object. */
export interface JournalRecord {
  readonly schema: 1;
  readonly object: ObjectRef;
  readonly lease?: Lease;
  /** What this object owns in the backing system; checked once, kept here. */
  readonly owns?: { readonly system: string; readonly slots: readonly Slot[] };
  /** The run in hand, or the last one. */
  readonly run?: Run;
}

/** The run as it ends without having done its next step, and why. Pure. */
export function ended(
  { blocked: _blocked, lastError: _lastError, wakeAt: _wakeAt, ...run }: Run,
  state: 'done' | 'cancelled',
  now: Date,
  detail: string,
): Run {
  const at = now.toISOString();
  const last: StepEntry = { step: run.step, at, ms: 0, outcome: 'skipped', detail };
  return { ...run, state, updatedAt: at, finishedAt: at, steps: [...run.steps, last] };
}

/** No runner takes the lease for longer (LEASE_MS); one that reaches further was written by a clock that was wrong. */
const LONGEST_LEASE_MS = 15 * 60_000;

/** Is somebody at work under this lease? */
export function isHeld(lease: Lease | undefined, now: Date): boolean {
  if (lease === undefined) return false;
  const left = Date.parse(lease.until) - now.getTime();
  return left > 0 && left <= LONGEST_LEASE_MS;
}

const KINDS: readonly ObjectKind[] = ['secret', 'key', 'certificate'];

export function serialise(record: JournalRecord): string {
  return JSON.stringify(record);
}

/**
 * @param where names the row for the error
 * @throws JOURNAL_INVALID when the row is not a record of a known schema; nothing is guessed
 */
export function parse(text: string, where?: string): JournalRecord {
  const invalid = (what: string, cause?: unknown): RotationError => unreadable(what, cause, where);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw invalid('is not JSON', cause);
  }
  if (!isObject(raw)) throw invalid('is not an object');
  if (raw['schema'] !== 1) throw invalid(`has schema ${String(raw['schema'])}; this version reads schema 1`);
  const object = raw['object'];
  if (
    !isObject(object) ||
    typeof object['vault'] !== 'string' ||
    typeof object['name'] !== 'string' ||
    !KINDS.includes(object['kind'] as ObjectKind)
  ) {
    throw invalid('names no object');
  }
  const run = raw['run'];
  if (run !== undefined) checkRun(run, invalid);
  const lease = raw['lease'];
  if (lease !== undefined && !(isObject(lease) && typeof lease['owner'] === 'string' && isTime(lease['until']))) {
    throw invalid('has a lease without owner or time');
  }
  const owns = raw['owns'];
  if (owns !== undefined && !(isObject(owns) && typeof owns['system'] === 'string' && Array.isArray(owns['slots']))) {
    throw invalid('owns something without a system or slots');
  }
  return raw as unknown as JournalRecord;
}

/**
 * @param where names the row for the error
 * @throws JOURNAL_INVALID
 */
export function parseRun(text: string, where?: string): Run {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw unreadable('has a run that is not JSON', cause, where);
  }
  checkRun(raw, (what) => unreadable(what, undefined, where));
  return raw as Run;
}

function checkRun(run: unknown, invalid: (what: string) => RotationError): void {
  if (!isObject(run) || typeof run['rotationId'] !== 'string') throw invalid('has a run without rotationId');
  if (!RUN_STATES.includes(run['state'] as RunState)) throw invalid(`has a run in state ${String(run['state'])}`);
  if (!STEPS.includes(run['step'] as Step)) throw invalid(`has a run at step ${String(run['step'])}`);
  if (!isTime(run['startedAt']) || !Array.isArray(run['steps']) || typeof run['attempts'] !== 'number') {
    throw invalid('has a run without startedAt, steps or attempts');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function unreadable(what: string, cause?: unknown, where?: string): RotationError {
  return new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `the journal row${where === undefined ? '' : ` of ${where}`} ${what}`,
    remedy:
      'Look at the row in the table keyturn (docs/runbook.md, "A journal row that cannot be read"); no rotation of this object starts until it is readable.',
    cause,
  });
}
