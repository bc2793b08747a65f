import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { announceBlocked, logBlocked } from './failure.ts';
import { isOver } from './machine.ts';
import type { RotateMessage } from './ports.ts';
import { blockedBy, Session } from './session.ts';

/**
 * A rotation's message failed so often that the platform gave it up. Its run, if it has one that nobody holds, is
 * blocked with a word for a person; nothing is taken back.
 * @throws when the journal cannot be written: the poison message is delivered again
 */
export async function blockPoisoned(engine: Engine, message: RotateMessage): Promise<void> {
  const deps = { journal: engine.journal, clock: engine.clock, owner: engine.uniqueId() };
  const session = await Session.open(deps, message.object);
  const { run } = session;
  if (run === undefined || isOver(run) || run.state === 'blocked' || session.heldUntil !== undefined) return;
  const error = new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the work on ${describeObject(message.object)} failed unexpectedly, again and again, and was given up`,
    remedy:
      'The cause is in the log of the function "rotate". When it is mended, POST /api/rotations for this secret; the run goes on where it stopped.',
  });
  session.clear('wakeAt');
  const failure = blockedBy(session, error);
  session.change({ state: 'blocked', blocked: failure });
  await session.saveReleased();
  logBlocked(engine, session, failure);
  await announceBlocked(engine, session, failure, 'rotation-failed');
}
