import { resumeMessage } from './admit.ts';
import { adopt } from './adoption/adopt.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { isOver, isPublished } from './machine.ts';
import type { Announcement, ObjectKind, PropagateMessage, RotateMessage } from './ports.ts';
import { refresh } from './rotate.ts';
import { Session } from './session.ts';

/** The vault's event can be quicker than our own journal write after `finish`. */
const LET_FINISH_MS = 5_000;
const NOBODY =
  'the settings name neither a subscription to look for consumers in (KEYTURN_SUBSCRIPTIONS) nor a channel (KEYTURN_CHANNELS)';

/**
 * An object has a new version, whoever made it: it is told to the world, and then to its consumers, which are seen to until each has
 * adopted it or a person is needed. Never starts a rotation, so that the service cannot trigger itself. May be repeated.
 * @throws RotationError when ledger, topic, queue or the row about the consumers cannot be written: the message is delivered again
 */
export async function handlePropagate(engine: Engine, message: PropagateMessage): Promise<Outcome> {
  const isFirst = message.resumes !== true && message.again !== true;
  const told = isFirst ? await tell(engine, message) : undefined;
  if (told?.outcome === 'deferred') return told;
  const adoption = await adopt(engine, message);
  return adoption ?? told ?? { outcome: 'dropped', reason: 'NobodyIsLookedFor', detail: NOBODY };
}

/**
 * The ledger notes the version, subscribers of the service's topic are told, and a rotation that was waiting for just this goes on to
 * its overlap. May be repeated: the row and the announcement carry the version as their id.
 */
async function tell(engine: Engine, message: PropagateMessage): Promise<Outcome> {
  const { object, version } = message;
  const session = await Session.open(
    { journal: engine.journal, clock: engine.clock, owner: engine.uniqueId() },
    object,
  );
  const run = session.run;
  const open = run !== undefined && !isOver(run);
  if (open && !isPublished(run) && session.heldUntil !== undefined) {
    await session.call('putting the message back', (call) => engine.queue.propagate(message, LET_FINISH_MS, call));
    return {
      outcome: 'deferred',
      reason: 'RunInProgress',
      detail: `rotation ${run.rotationId} is just being finished`,
    };
  }
  await session.call('noting the new version', (call) =>
    engine.journal.note(
      {
        id: `${describeObject(object)}/${version}`,
        at: session.now(),
        kind: 'propagated',
        object,
        version,
        message: run?.to?.version === version ? `written by rotation ${run.rotationId}` : 'written by somebody else',
      },
      call,
    ),
  );
  const ours = run?.to?.version === version;
  const isSecret = object.kind === 'secret';
  if (!isSecret && !ours) return toRun(engine, session, message);
  // The run of a key or a certificate goes on from its own queue.
  if (isSecret && open && run.step === 'refresh' && ours && session.heldUntil === undefined) {
    return goOn(engine, session);
  }
  if (ours) {
    return { outcome: 'dropped', reason: 'AlreadyAnnounced', detail: `rotation ${run.rotationId} has announced it` };
  }
  await announceForeign(engine, session, version);
  return {
    outcome: 'announced',
    reason: 'NotOurs',
    detail: `${describeObject(object)}/${version} was announced and noted`,
  };
}

/**
 * A key's users are seen to, and a certificate's version is verified, from the other queue, where failures are waited for and
 * journalled. A run of ours that is still to find the version is woken up, and adopts it; otherwise the version is somebody else's, and
 * gets a run of its own.
 */
async function toRun(engine: Engine, session: Session, { object, version }: PropagateMessage): Promise<Outcome> {
  const { run } = session;
  const own = run !== undefined && !isOver(run) && !isPublished(run);
  if (!own) await announceForeign(engine, session, version);
  const next: RotateMessage = own ? resumeMessage(run, { object }) : { object, trigger: 'new-version', version };
  await session.call('enqueueing its run', (call) => engine.queue.rotate(next, 0, call));
  return {
    outcome: 'announced',
    reason: own ? 'RunInProgress' : 'NotOurs',
    detail: `version ${version} of ${describeObject(object)} is seen to by a run`,
  };
}

async function goOn(engine: Engine, session: Session): Promise<Outcome> {
  try {
    await session.saveHeld();
    return await refresh(engine, session);
  } catch (error) {
    if (error instanceof RotationError && error.code === 'LEASE_LOST') {
      return { outcome: 'dropped', reason: 'LeaseLost', detail: 'another runner goes on with it' };
    }
    // The message comes again, and must find the row free.
    if (error instanceof RotationError) await session.saveReleased();
    throw error;
  }
}

const CREATED: Readonly<Record<ObjectKind, Announcement['type']>> = {
  secret: 'Keyturn.SecretVersionCreated',
  key: 'Keyturn.KeyVersionCreated',
  certificate: 'Keyturn.CertificateVersionCreated',
};

async function announceForeign(engine: Engine, session: Session, version: string): Promise<void> {
  await session.call('announcing the new version', (call) =>
    engine.announcer.announce(
      {
        id: `${describeObject(session.object)}/${version}`,
        type: CREATED[session.object.kind],
        object: session.object,
        version,
        data: {},
        at: session.now(),
      },
      call,
    ),
  );
}
