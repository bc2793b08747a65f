import { resumeMessage } from './admit.ts';
import { backoffMs, MAX_ATTEMPTS } from './backoff.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { logged } from './log-events.ts';
import { isOver } from './machine.ts';
import { goesOn, newRun } from './new-run.ts';
import type { Call, Notice, RotateMessage } from './ports.ts';
import type { BlockedBy } from './record.ts';
import { refuse } from './refuse.ts';
import { blockedBy, type Session } from './session.ts';

/** How long until a request is looked at again that another runner, or a failure that was not its own, stood in the way of. */
export const SOON_MS = 15_000;

/**
 * A failure ends this handling: the run waits and comes back by itself, or is blocked until somebody acts. Either way the
 * journal says so before the message is gone.
 */
export async function stop(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  error: RotationError,
): Promise<Outcome> {
  if (session.run === undefined || isOver(session.run)) session.begin(newRun(session, message, message.trigger));
  // What has failed under our lease is the run in hand, also where the message had asked for it by nothing but an event.
  else if (!session.isHeld && !goesOn(session.run, message)) return notItsFailure(engine, session, message, error);
  const run = session.active;
  const attempts = run.attempts + 1;
  const passing = error.recovery === 'retry' && attempts < MAX_ATTEMPTS;
  const failure = blockedBy(session, error);
  session.clear('blocked', 'lastError', 'wakeAt');
  if (!passing) {
    session.change({ state: 'blocked', attempts, blocked: failure });
    await session.saveReleased();
    logBlocked(engine, session, failure);
    await announceBlocked(
      engine,
      session,
      failure,
      error.recovery === 'retry' ? 'rotation-failed' : 'rotation-blocked',
    );
    return { outcome: 'blocked', rotationId: run.rotationId, detail: failure.message };
  }
  const delay = backoffMs(error, attempts, engine.random);
  const wakeAt = new Date(session.now().getTime() + delay);
  session.change({ state: 'waiting', attempts, lastError: failure, wakeAt: wakeAt.toISOString() });
  await session.saveReleased();
  await session.call('scheduling the next attempt', (call) =>
    engine.queue.rotate(resumeMessage(run, message), delay, call),
  );
  const object = describeObject(message.object);
  const { rotationId, step } = run;
  const entry = logged('rotation.delayed', { object, rotationId, step, attempts, failure });
  engine.log('warn', 'rotation waits after a failure', entry);
  return { outcome: 'waiting', rotationId: run.rotationId, detail: failure.message };
}

/** For the log, and who watches it. */
export function logBlocked(engine: Engine, { object, active }: Session, failure: BlockedBy): void {
  const { rotationId, step } = active;
  const entry = logged('rotation.blocked', { object: describeObject(object), rotationId, step, failure });
  engine.log('error', 'rotation blocked', entry);
}

/**
 * Tells the people, each time anew: a blocked run is looked at once a day, so that this is their reminder. The journal says
 * already that the run is blocked, so an announcement that fails is only logged.
 * @param kind `rotation-blocked`: somebody has to change something; `rotation-failed`: what should pass by itself does not
 */
export async function announceBlocked(
  engine: Engine,
  session: Session,
  failure: BlockedBy,
  kind: 'rotation-blocked' | 'rotation-failed',
): Promise<void> {
  const { rotationId, step, reason } = session.active;
  const { code, message, remedy } = failure;
  const said = remedy === undefined ? {} : { remedy };
  const event = {
    id: `${rotationId}.blocked.${failure.at}`,
    type: 'Keyturn.RotationBlocked',
    object: session.object,
    rotationId,
    data: { code, message, step, reason, runbook: `/api/rotations/${rotationId}`, ...said },
    at: session.now(),
  } as const;
  const notice: Notice = {
    // Of one day the same: a message that is delivered twice is no second notice, and tomorrow's look is a reminder.
    id: `${rotationId}.blocked.${step}.${code}.${failure.at.slice(0, 10)}`,
    kind: noticeKind(session, failure, kind),
    severity: kind === 'rotation-failed' ? 'incident' : 'warning',
    object: session.object,
    message: `rotation ${rotationId} (${reason}) is blocked at ${step}: ${message}`,
    ...said,
    at: session.now(),
  };
  await told(engine, session, (call) => engine.announcer.announce(event, call));
  await told(engine, session, (call) => engine.notices.tell(notice, call));
}

/** Whoever has only to hand something in, or to sign it, has no failure before him. */
function noticeKind({ object }: Session, { code }: BlockedBy, kind: Notice['kind']): Notice['kind'] {
  if (code === 'VALUE_AWAITED') return 'action-needed';
  return object.kind === 'certificate' ? 'renewal-failed' : kind;
}

async function told(engine: Engine, session: Session, tell: (call: Call) => Promise<void>): Promise<void> {
  try {
    await session.call('announcing what is blocked', tell);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const { rotationId } = session.active;
    engine.log('warn', 'a blocked rotation could not be announced', { rotationId, problem: error.message });
  }
}

/** The message asks for another run than the open one, which has not failed: only the asking has. */
async function notItsFailure(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  error: RotationError,
): Promise<Outcome> {
  const { code, message: detail, remedy } = blockedBy(session, error);
  if (error.recovery !== 'retry') return refuse(engine, session, message, code, detail, remedy);
  const delay = error.retryAfterMs ?? SOON_MS;
  await session.call('putting the message back', (call) => engine.queue.rotate(message, delay, call));
  return { outcome: 'deferred', reason: code, detail };
}
