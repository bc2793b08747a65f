import type { Engine, Outcome } from './engine.ts';
import { isOver, isPublished } from './machine.ts';
import { goesOn } from './new-run.ts';
import type { RotateMessage, Trigger } from './ports.ts';
import type { Run } from './record.ts';
import { refuse } from './refuse.ts';
import type { Session } from './session.ts';

/** What makes a blocked run be looked at again. */
const REOPENS: readonly Trigger[] = ['resume', 'manual', 'expired', 'new-version'];

/** Turns away what must not be worked on now; undefined: go on. */
export async function admit(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome | undefined> {
  return (await turnAway(engine, session, message)) ?? (await notNow(engine, session, message));
}

/** Turns away what another runner works on, and what is about a run that is over. */
export async function turnAway(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome | undefined> {
  const { run, heldUntil } = session;
  const { trigger } = message;
  const own = run !== undefined && message.rotationId === run.rotationId;
  if (heldUntil !== undefined) {
    const insists = (trigger === 'manual' || trigger === 'compromised') && !own;
    // The run in hand may be one that only brings users to a version: what asks for a rotation is not lost in it.
    const another = message.object.kind !== 'secret' && run !== undefined && !goesOn(run, message);
    const later: RotateMessage = insists || another || run === undefined ? message : resumeMessage(run, message);
    const delay = heldUntil.getTime() - session.now().getTime() + 1000;
    await session.call('putting the message back', (call) => engine.queue.rotate(later, delay, call));
    return {
      outcome: 'deferred',
      reason: 'RunInProgress',
      detail: `another runner holds the lease until ${heldUntil.toISOString()}`,
    };
  }
  if ((trigger === 'resume' && !own) || (own && isOver(run)) || (await answered(engine, session, message, own))) {
    return { outcome: 'dropped', reason: 'RunIsOver', detail: `rotation ${message.rotationId ?? ''} is over` };
  }
  return undefined;
}

/** Turns away what would disturb an open run that waits or is blocked. */
export async function notNow(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome | undefined> {
  const { run } = session;
  const { trigger } = message;
  const own = run !== undefined && message.rotationId === run.rotationId;
  if (run === undefined || isOver(run) || trigger === 'compromised') return undefined;
  const insisted = own && trigger === 'manual' && !isPublished(run);
  if (!insisted && run.state === 'waiting' && run.wakeAt !== undefined && new Date(run.wakeAt) > session.now()) {
    return waits(engine, session, message, run, new Date(run.wakeAt));
  }
  if (run.state === 'blocked' && !REOPENS.includes(trigger)) {
    return { outcome: 'dropped', reason: 'Blocked', detail: run.blocked?.message ?? 'the run is blocked' };
  }
  return undefined;
}

/** A request of the runbook is acted on once, however late its message comes back: the ledger knows. */
async function answered(engine: Engine, session: Session, message: RotateMessage, own: boolean): Promise<boolean> {
  const id = message.rotationId;
  if (own || id === undefined || message.trigger === 'resume') return false;
  const asked = await session.call('reading the ledger', (call) => engine.journal.run(id, call));
  return asked !== undefined && asked.run.state !== 'queued';
}

export async function waits(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  run: Run,
  wakeAt: Date,
): Promise<Outcome> {
  const detail = `rotation ${run.rotationId} goes on at ${wakeAt.toISOString()}`;
  if (message.trigger === 'resume') {
    // Came early: a queue message cannot wait longer than seven days.
    const delay = wakeAt.getTime() - session.now().getTime();
    await session.call('putting the message back', (call) => engine.queue.rotate(message, delay, call));
    return { outcome: 'deferred', reason: 'NotYet', detail };
  }
  if (message.rotationId === undefined) return { outcome: 'dropped', reason: 'RunInProgress', detail };
  return refuse(engine, session, message, isPublished(run) ? 'OverlapNotOver' : 'RunInProgress', detail);
}

export function resumeMessage(run: Run, message: Pick<RotateMessage, 'object'>): RotateMessage {
  return { object: message.object, trigger: 'resume', rotationId: run.rotationId };
}
