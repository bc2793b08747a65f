import { resumeMessage } from './admit.ts';
import { backoffMs, MAX_ATTEMPTS } from './backoff.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { isOver } from './machine.ts';
import { goesOn, newRun } from './new-run.ts';
import type { RotateMessage } from './ports.ts';
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
    engine.log('error', 'rotation blocked', {
      object: describeObject(message.object),
      rotationId: run.rotationId,
      failure,
    });
    await announceBlocked(engine, session, failure);
    return { outcome: 'blocked', rotationId: run.rotationId, detail: failure.message };
  }
  const delay = backoffMs(error, attempts, engine.random);
  const wakeAt = new Date(session.now().getTime() + delay);
  session.change({ state: 'waiting', attempts, lastError: failure, wakeAt: wakeAt.toISOString() });
  await session.saveReleased();
  await session.call('scheduling the next attempt', (call) =>
    engine.queue.rotate(resumeMessage(run, message), delay, call),
  );
  engine.log('warn', 'rotation waits after a failure', {
    object: describeObject(message.object),
    rotationId: run.rotationId,
    attempts,
    failure,
  });
  return { outcome: 'waiting', rotationId: run.rotationId, detail: failure.message };
}

/**
 * Tells the people, each time anew: a blocked run is looked at once a day, so that this is their reminder. The journal says
 * already that the run is blocked, so an announcement that fails is only logged.
 */
export async function announceBlocked(engine: Engine, session: Session, failure: BlockedBy): Promise<void> {
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
  try {
    await session.call('announcing what is blocked', (call) => engine.announcer.announce(event, call));
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
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
