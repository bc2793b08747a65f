import type { Engine, Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { SOON_MS, stop } from './failure.ts';
import type { RotateMessage } from './ports.ts';
import { refuse } from './refuse.ts';
import { Session } from './session.ts';

/** What is done with a message under the session: it is turned away, or worked on. */
export type Proceed = (engine: Engine, session: Session, message: RotateMessage) => Promise<Outcome>;

/**
 * Does with one message whatever is to be done now: starts a rotation, goes on with one, or says why not. Any number of
 * runners may get the same message, in any order, at any time.
 * @throws only what is no `RotationError` (a bug), what kept the journal itself from being read or written, and being out of
 *   time under the lease: then the queue delivers the message again, and nothing is lost.
 */
export async function deliver(proceed: Proceed, engine: Engine, message: RotateMessage): Promise<Outcome> {
  const session = await Session.open(
    { journal: engine.journal, clock: engine.clock, owner: engine.uniqueId() },
    message.object,
  );
  const outcome = await work(proceed, engine, session, message);
  await answerJoined(engine, session, message, outcome);
  return outcome;
}

async function work(proceed: Proceed, engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  try {
    return await proceed(engine, session, message);
  } catch (error) {
    // Out of time under the lease: nothing more may be written, so the message goes back to the queue.
    if (session.scope.isOver) throw error;
    // The row is somebody else's: it is not ours to say that the run failed.
    if (session.heldUntil !== undefined) throw error;
    try {
      if (isLost(error)) return await lost(engine, session, message);
      return await stop(engine, session, message, error as RotationError);
    } catch (second) {
      if (isLost(second)) return lost(engine, session, message);
      throw second;
    }
  }
}

/**
 * A request that met another run which had begun in between, and went on with that one: its own row of the ledger says so.
 * Died before this: the message comes again, and is refused for the run that it finds.
 */
async function answerJoined(engine: Engine, session: Session, message: RotateMessage, outcome: Outcome): Promise<void> {
  if (!('rotationId' in outcome) || outcome.rotationId === message.rotationId) return;
  const detail = `rotation ${outcome.rotationId} had begun before this was looked at, and went on for it: ${outcome.detail}`;
  await refuse(engine, session, message, 'RunInProgress', detail);
}

/** @throws what is not for the run to deal with */
function isLost(error: unknown): boolean {
  if (!(error instanceof RotationError)) throw error;
  return error.code === 'LEASE_LOST';
}

/** Another runner wrote the row. An event is the other one's work, too; what a person asked for is not dropped for that. */
async function lost(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  const detail = 'another runner works on this object';
  if (message.rotationId === undefined || message.trigger === 'resume') {
    return { outcome: 'dropped', reason: 'LeaseLost', detail };
  }
  await session.call('putting the message back', (call) => engine.queue.rotate(message, SOON_MS, call));
  return { outcome: 'deferred', reason: 'LeaseLost', detail };
}
