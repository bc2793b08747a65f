import { admit, resumeMessage, waits } from './admit.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { SOON_MS, stop } from './failure.ts';
import { timeOf } from './ids.ts';
import { isOver, isPublished, leavesTraces, next } from './machine.ts';
import { leftElsewhere, tidyUp, works } from './half-way.ts';
import { stillHandedOut } from './overlap.ts';
import { isElsewhere, observed } from './plan.ts';
import { goesOn, newRun } from './new-run.ts';
import { decide } from './policy.ts';
import type { CurrentVersion, Managed, RotateMessage } from './ports.ts';
import type { Run } from './record.ts';
import { close, retire } from './retire.ts';
import { refresh, rotate } from './rotate.ts';
import { refuse } from './refuse.ts';
import { Session } from './session.ts';
import { supersede } from './supersede.ts';

/**
 * Does with one message whatever is to be done now: starts a rotation, goes on with one, or says why not. Any number of
 * runners may get the same message, in any order, at any time.
 * @throws only what is no `RotationError` (a bug), what kept the journal itself from being read or written, and being out of
 *   time under the lease: then the queue delivers the message again, and nothing is lost.
 */
export async function handleRotate(engine: Engine, message: RotateMessage): Promise<Outcome> {
  const session = await Session.open(
    { journal: engine.journal, clock: engine.clock, owner: engine.uniqueId() },
    message.object,
  );
  const outcome = await work(engine, session, message);
  await answerJoined(engine, session, message, outcome);
  return outcome;
}

async function work(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  try {
    return (await admit(engine, session, message)) ?? (await proceed(engine, session, message));
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

async function proceed(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  const current = await readCurrent(engine, session, message);
  if (!('value' in current)) return current;
  const open = openRun(session, message);
  if (open?.state === 'blocked') session.change({ attempts: 0 });
  if (open !== undefined && open.step !== 'claim') return goOn(engine, session, message, open, current);
  return decideAndRotate(engine, session, open === undefined ? message : askedFor(open, message), open, current);
}

/** The open run that the message goes on with. */
function openRun(session: Session, message: RotateMessage): Run | undefined {
  const { run } = session;
  return run !== undefined && !isOver(run) && goesOn(run, message) ? run : undefined;
}

/** A run that failed before it was decided on is decided on by what had asked for it, unless a person asks now. */
function askedFor(run: Run, message: RotateMessage): RotateMessage {
  const asked = message.trigger === 'resume' ? (run.asked ?? { trigger: 'sweep' as const }) : message;
  const { version: _version, ...rest } = message;
  return {
    ...rest,
    trigger: asked.trigger,
    rotationId: run.rotationId,
    force: message.force === true || run.forced,
    ...(asked.version === undefined ? {} : { version: asked.version }),
  };
}

async function decideAndRotate(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  undecided: Run | undefined,
  current: CurrentVersion,
): Promise<Outcome> {
  const not = (reason: string, detail: string): Promise<Outcome> =>
    undecided === undefined ? refuse(engine, session, message, reason, detail) : abandon(session, undecided, detail);
  const replaced = alreadyReplaced(session, message);
  if (replaced !== undefined) return not('AlreadyReplaced', replaced);
  const managed = engine.configuration.managed(current.tags);
  if (managed === undefined) {
    return not('NotManaged', `${describeObject(message.object)} carries no tag ProviderAddress or Rotator`);
  }
  const decision = decide({
    now: session.now(),
    trigger: message.trigger,
    eventVersion: message.version,
    force: message.force === true,
    current,
    policy: managed.policy,
    run: undecided === undefined ? session.run : undefined,
  });
  if (!decision.due) return not(decision.reason, decision.detail);
  // The listing that found a newer source knows only seconds; what the value holds is asked of the sources themselves.
  if (decision.reason === 'SourceChanged' && (await works(session, managed, current))) {
    return not('UpToDate', 'it is what its sources make of it already');
  }
  if (message.trigger !== 'compromised' && message.force !== true) {
    const versions = () => session.call('listing the versions', (call) => engine.vault.versions(message.object, call));
    const run = undecided === undefined ? session.run : undefined;
    const held = await stillHandedOut({ now: session.now(), run, managed, current, versions });
    if (held !== undefined) return not('OverlapNotOver', held);
  }
  if (undecided === undefined) {
    const left = await supersede(engine, session, message, managed);
    session.begin({ ...newRun(session, message, decision.reason), ...left });
  } else {
    session.change({ reason: decision.reason, forced: message.force === true });
  }
  return rotate(engine, session, managed, current);
}

/**
 * A second report of the same leak, made before the run for the first one began: what was reported is out of use. Rotating
 * again would only lock out the readers that have just fetched the new value.
 */
function alreadyReplaced({ run }: Session, message: RotateMessage): string | undefined {
  if (message.trigger !== 'compromised' || message.rotationId === undefined || run === undefined) return undefined;
  if (!run.compromised || !isPublished(run) || run.rotationId === message.rotationId) return undefined;
  const asked = timeOf(message.rotationId);
  if (asked === undefined || asked.getTime() > Date.parse(run.startedAt)) return undefined;
  return `rotation ${run.rotationId}, begun after this was asked for, has replaced the credential already`;
}

async function goOn(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  run: Run,
  current: CurrentVersion,
): Promise<Outcome> {
  if (message.force === true) session.change({ forced: true });
  const managed = managedOrUndefined(engine, current, isPublished(run));
  const action = next(run, observed(session.now(), current, managed));
  const ends = action.do === 'rotate' || action.do === 'abandon';
  if (ends && leavesTraces(run) && (managed === undefined || isElsewhere(run, managed))) {
    throw leftElsewhere(session, run, managed);
  }
  switch (action.do) {
    case 'adopt':
      return rotate(engine, session, required(session, managed), current, { adopt: true });
    case 'rotate': {
      if (managed?.policy.paused === true && !session.run?.compromised && message.force !== true) {
        return refuse(engine, session, message, 'Paused', 'the tag Paused is true');
      }
      if (managed === undefined) return abandon(session, run, 'the secret is no longer managed: its tags are gone');
      return rotate(engine, session, managed, current);
    }
    case 'abandon':
      if (managed !== undefined && leavesTraces(run)) {
        if ((await tidyUp(engine, session, run, managed, current)) === 'publish') {
          return rotate(engine, session, managed, current);
        }
      }
      return abandon(session, run, action.why);
    case 'refresh':
      await session.saveHeld();
      return refresh(engine, session);
    case 'wait':
      session.clear('blocked', 'wakeAt');
      session.change({ state: 'waiting', wakeAt: action.until.toISOString() });
      await session.saveReleased();
      return waits(engine, session, resumeMessage(run, message), run, action.until);
    case 'retire':
    case 'refuse-retire':
      return retire(engine, session, action, managed, current);
    case 'close':
      return close(engine, session, managed, current);
    case 'nothing':
      return { outcome: 'dropped', reason: 'RunIsOver', detail: `rotation ${run.rotationId} is over` };
  }
}

/** Before publication bad tags block the run; after it the retirement only needs to know what it can. */
function managedOrUndefined(engine: Engine, current: CurrentVersion, published: boolean): Managed | undefined {
  try {
    return engine.configuration.managed(current.tags);
  } catch (error) {
    if (published && error instanceof RotationError && error.code === 'CONFIG_INVALID') return undefined;
    throw error;
  }
}

function required({ object }: Session, managed: Managed | undefined): Managed {
  if (managed !== undefined) return managed;
  throw new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the new version of ${describeObject(object)} was written, and its tags were taken away before the rotation was over`,
    remedy: 'Give the current version the tags of the version before it, and the other account as CredentialId.',
  });
}

async function abandon(session: Session, run: Run, why: string): Promise<Outcome> {
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ state: 'cancelled', finishedAt: session.now().toISOString() });
  session.note({ step: run.step, at: session.now().toISOString(), ms: 0, outcome: 'skipped', detail: why });
  await session.saveReleased();
  return { outcome: 'cancelled', rotationId: run.rotationId, detail: why };
}

async function readCurrent(
  engine: Engine,
  session: Session,
  message: RotateMessage,
): Promise<CurrentVersion | Outcome> {
  try {
    return await session.call('reading the current version', (call) => engine.vault.current(message.object, call));
  } catch (error) {
    const gone =
      error instanceof RotationError && (error.code === 'TARGET_NOT_FOUND' || error.code === 'HUMAN_REQUIRED');
    const open = session.run !== undefined && !isOver(session.run);
    if (!gone || open) throw error;
    return refuse(engine, session, message, error.code, error.message, error.remedy);
  }
}
