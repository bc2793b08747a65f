import type { Slot } from './ports.ts';
import type { Run } from './record.ts';

/*
 *                     ┌───────────── one delivery ────────────┐
 *   queued ─▶ claim ──┼─▶ set ─▶ test ─▶ finish ─┼─▶ refresh ─┼─▶ confirm ─▶ revoke ─┼─▶ done
 *                 journal                      journal      journal               journal
 *
 * Only the four journal writes are persisted. Between two of them a run that dies is re-entered so:
 *
 *   persisted step │ died                                │ re-entered by
 *   ───────────────┼─────────────────────────────────────┼──────────────────────────────────────────────────────
 *   claim          │ before the intent was journalled    │ planning again; nothing was done anywhere
 *   set            │ before, in or after set or test     │ planning again: the idle slot gets another new value, the
 *                  │                                     │ first was known to nobody; with other kinds of systems: make.ts
 *   set            │ after finish (the vault's write)    │ adopting it: the current version carries our RotationId
 *   refresh        │ anywhere in refresh                 │ refreshing again; consumers are idempotent
 *   confirm        │ anywhere in confirm or revoke       │ asking again; revoking twice is success
 *
 * A run that is blocked keeps its step and is re-entered there.
 */

/** What the vault says now, read under the lease. */
export interface Observed {
  readonly now: Date;
  readonly currentVersion: string;
  /** The RotationId tag of the current version. */
  readonly currentRotationId: string | undefined;
  /** The slot that the current version names, undefined where its tags do not parse. */
  readonly currentSlot: Slot | undefined;
}

export type Action =
  /** Plan, journal the intent, then set, test and finish. */
  | { readonly do: 'rotate' }
  /** The vault's write had happened: take it over. */
  | { readonly do: 'adopt' }
  /** Somebody else wrote a newer version before ours: the run has lost its object. */
  | { readonly do: 'abandon'; readonly why: string }
  | { readonly do: 'refresh' }
  | { readonly do: 'wait'; readonly until: Date }
  /** Ask who still uses the old credential, then revoke it. */
  | { readonly do: 'retire'; readonly confirm: boolean }
  /** There is nothing to revoke: tidy up. */
  | { readonly do: 'close' }
  /** The credential that is to be retired is current again. */
  | { readonly do: 'refuse-retire'; readonly why: string }
  | { readonly do: 'nothing' };

/** What to do next with this run. Pure. */
export function next(run: Run, seen: Observed): Action {
  if (isOver(run)) return { do: 'nothing' };
  switch (run.step) {
    case 'claim':
    case 'create':
    case 'set':
    case 'test':
    case 'finish':
      return beforeFinish(run, seen);
    case 'refresh':
      return { do: 'refresh' };
    case 'confirm':
    case 'revoke':
      return retirement(run, seen);
    case 'done':
      return { do: 'nothing' };
  }
}

function beforeFinish(run: Run, seen: Observed): Action {
  if (seen.currentRotationId === run.rotationId) return { do: 'adopt' };
  if (run.from !== undefined && run.from.version !== seen.currentVersion) {
    return {
      do: 'abandon',
      why: `version ${seen.currentVersion} was written by somebody else while this rotation of ${run.from.version} was under way`,
    };
  }
  return { do: 'rotate' };
}

function retirement(run: Run, seen: Observed): Action {
  if (run.from === undefined || run.retireAt === undefined) return { do: 'nothing' };
  const until = new Date(run.retireAt);
  // What is compromised waits for nothing: not even for a clock that went back, or differs from that of the runner before.
  if (run.noRevoke === true) return until > seen.now && !run.compromised ? { do: 'wait', until } : { do: 'close' };
  const why = mayHoldOld(run, run.from.slot, seen);
  if (why !== undefined) return { do: 'refuse-retire', why };
  if (run.compromised) return { do: 'retire', confirm: false };
  // Who is logged in with the same account does not show with which value it was.
  return until > seen.now ? { do: 'wait', until } : { do: 'retire', confirm: !retainsBefore(run) };
}

/** Why the current version may hold the credential that is to be retired; undefined where it does not. */
function mayHoldOld(run: Run, old: Slot, { currentVersion, currentSlot }: Observed): string | undefined {
  if (currentSlot === undefined) return `version ${currentVersion} does not say which credential it holds`;
  if (!retainsBefore(run)) {
    return currentSlot === old ? `version ${currentVersion} holds ${old} again, which was to be retired` : undefined;
  }
  // The value before logs in, too: only the version says that it is not in use. Any other may be the old value, put back.
  if (currentSlot !== old) return `version ${currentVersion} names ${currentSlot} now, and no longer ${old}`;
  return currentVersion === run.to?.version
    ? undefined
    : `version ${currentVersion} was not written by this rotation, and may hold the value before, which ${old} still logs in with`;
}

/** Nothing more will happen to this run. */
export function isOver(run: Run): boolean {
  return run.state === 'done' || run.state === 'cancelled' || run.state === 'refused';
}

/** May the system hold something of this run that is more than an unknown value in an idle slot? */
export function leavesTraces(run: Run): boolean {
  return run.from !== undefined && !isPublished(run) && (run.to === undefined || run.to.slot === run.from.slot);
}

/**
 * Old and new value are of one account, and the old one is still to be revoked: `Capabilities.retains`. Nothing in the system
 * tells which of the two somebody uses.
 */
export function retainsBefore(run: Run): boolean {
  return run.noRevoke !== true && run.from !== undefined && run.to?.slot === run.from.slot;
}

/** Has the new version been written? Before that a run can be cancelled without a trace. */
export function isPublished(run: Run): boolean {
  return run.to?.version !== undefined;
}
