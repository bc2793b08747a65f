import { backoffMs, MAX_ATTEMPTS } from './backoff.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { newRotationId } from './ids.ts';
import { isOver, isPublished, next } from './machine.ts';
import { credentialIdOf, rotationIdOf } from './plan.ts';
import { admit, resumeMessage, waits } from './admit.ts';
import { decide } from './policy.ts';
import type { CurrentVersion, Managed, RotateMessage } from './ports.ts';
import type { Run } from './record.ts';
import { retire } from './retire.ts';
import { refresh, rotate } from './rotate.ts';
import { refuse } from './refuse.ts';
import { blockedBy, Session } from './session.ts';

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
  try {
    return (await admit(engine, session, message)) ?? (await proceed(engine, session, message));
  } catch (error) {
    // Out of time under the lease: nothing more may be written, so the message goes back to the queue.
    if (session.scope.isOver) throw error;
    return unlessLost(error) ?? (await stop(engine, session, message, error as RotationError).catch(lostOrThrow));
  }
}

/** @throws what is not for the run to deal with; undefined: a failure of the run */
function unlessLost(error: unknown): Outcome | undefined {
  if (!(error instanceof RotationError)) throw error;
  if (error.code !== 'LEASE_LOST') return undefined;
  return { outcome: 'dropped', reason: 'LeaseLost', detail: 'another runner works on this object' };
}

function lostOrThrow(error: unknown): Outcome {
  const lost = unlessLost(error);
  if (lost === undefined) throw error;
  return lost;
}

async function proceed(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  const current = await readCurrent(engine, session, message);
  if (!('value' in current)) return current;
  const open = session.run;
  if (open !== undefined && !isOver(open) && goesOn(open, message)) {
    return goOn(engine, session, message, open, current);
  }
  const managed = engine.configuration.managed(current.tags);
  if (managed === undefined) {
    return refuse(
      engine,
      session,
      message,
      'NotManaged',
      `${describeObject(message.object)} carries no tag ProviderAddress or Rotator`,
    );
  }
  const decision = decide({
    now: session.now(),
    trigger: message.trigger,
    eventVersion: message.version,
    force: message.force === true,
    current,
    policy: managed.policy,
    run: session.run,
  });
  if (!decision.due) return refuse(engine, session, message, decision.reason, decision.detail);
  const held = await stillHandedOut(engine, session, message, managed, current);
  if (held !== undefined) return refuse(engine, session, message, 'OverlapNotOver', held);
  await supersede(engine, session, message);
  session.begin(newRun(session, message, decision.reason));
  return rotate(engine, session, managed, current);
}

/** Does the message go on with the open run, rather than ask for another? */
function goesOn(run: Run, message: RotateMessage): boolean {
  if (message.trigger === 'compromised') return run.rotationId === message.rotationId;
  return !isPublished(run) || message.rotationId === run.rotationId;
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
  const action = next(run, {
    now: session.now(),
    currentVersion: current.version,
    currentRotationId: rotationIdOf(current.tags),
    currentSlot: managed?.target.current,
  });
  switch (action.do) {
    case 'adopt':
      return rotate(engine, session, required(managed), current, { adopt: true });
    case 'rotate': {
      if (managed?.policy.paused === true && !session.run?.compromised && message.force !== true) {
        return refuse(engine, session, message, 'Paused', 'the tag Paused is true');
      }
      if (managed === undefined) return abandon(session, run, 'the secret is no longer managed: its tags are gone');
      return rotate(engine, session, managed, current);
    }
    case 'abandon':
      return abandon(session, run, action.why);
    case 'refresh':
      await session.saveHeld();
      return refresh(engine, session);
    case 'wait':
      return waits(engine, session, resumeMessage(run, message), run, action.until);
    case 'retire':
    case 'refuse-retire':
      return retire(engine, session, action, managed, current);
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

function required(managed: Managed | undefined): Managed {
  if (managed === undefined) throw new TypeError('a version that Keyturn wrote carries no managed tags');
  return managed;
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

/**
 * Before Keyturn's first rotation of a secret nothing says how long the current version has been out. While it is
 * younger than the overlap, readers may still hold the version before, and that one may live in the idle slot.
 */
async function stillHandedOut(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  { policy, target }: Managed,
  current: CurrentVersion,
): Promise<string | undefined> {
  const until = current.createdOn.getTime() + policy.overlapMs;
  const asked = message.trigger === 'compromised' || message.force === true;
  if (session.run !== undefined || asked || until <= session.now().getTime()) return undefined;
  const versions = await session.call('listing the versions', (call) => engine.vault.versions(message.object, call));
  const before = versions.find((v) => v.version !== current.version && v.enabled);
  if (before === undefined || credentialIdOf(before.tags)?.toLowerCase() === target.current.toLowerCase())
    return undefined;
  return `version ${before.version} was replaced less than the overlap ago; its readers may use it until ${new Date(until).toISOString()}`;
}

/** `compromised` does not wait for the run before it: that one's old credential is what the new run overwrites. */
async function supersede(engine: Engine, session: Session, message: RotateMessage): Promise<void> {
  const old = session.run;
  if (old === undefined || isOver(old) || message.trigger !== 'compromised') return;
  const at = session.now().toISOString();
  const { blocked: _blocked, lastError: _lastError, wakeAt: _wakeAt, ...rest } = old;
  const run: Run = {
    ...rest,
    state: 'done',
    updatedAt: at,
    finishedAt: at,
    steps: [
      ...old.steps,
      {
        step: old.step,
        at,
        ms: 0,
        outcome: 'skipped',
        detail: 'superseded: the credential was reported as compromised',
      },
    ],
  };
  await session.call('closing the run before', (call) => engine.journal.announceRun(message.object, run, call));
}

function newRun(session: Session, message: RotateMessage, reason: string): Run {
  const at = session.now();
  return {
    rotationId: message.rotationId ?? newRotationId(message.object, at),
    reason,
    forced: message.force === true,
    compromised: message.trigger === 'compromised',
    state: 'running',
    step: 'claim',
    startedAt: at.toISOString(),
    updatedAt: at.toISOString(),
    attempts: 0,
    steps: [],
    ...(message.requestedBy === undefined ? {} : { requestedBy: message.requestedBy }),
  };
}

/**
 * A failure ends this handling: the run waits and comes back by itself, or is blocked until somebody acts. Either way the
 * journal says so before the message is gone.
 */
async function stop(engine: Engine, session: Session, message: RotateMessage, error: RotationError): Promise<Outcome> {
  if (session.run === undefined || isOver(session.run)) session.begin(newRun(session, message, message.trigger));
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
      ...failure,
    });
    return { outcome: 'blocked', rotationId: run.rotationId, detail: error.message };
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
    ...failure,
  });
  return { outcome: 'waiting', rotationId: run.rotationId, detail: error.message };
}
