import { admit, resumeMessage, waits } from './admit.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { deliver, type Proceed } from './deliver.ts';
import { timeOf } from './ids.ts';
import { proceedWithCertificate } from './certificates/proceed.ts';
import { proceedWithKey } from './keys/proceed.ts';
import { isOver, isPublished, leavesTraces, next } from './machine.ts';
import { isUpToDate, leftElsewhere, tidyUp } from './half-way.ts';
import { stillHandedOut } from './overlap.ts';
import { isElsewhere, observed } from './plan.ts';
import { newRun } from './new-run.ts';
import { abandon, askedFor, openRun } from './open-run.ts';
import { decide } from './policy.ts';
import type { CurrentVersion, Managed, ObjectKind, ObjectRef, RotateMessage } from './ports.ts';
import type { Run } from './record.ts';
import { close, retire } from './retire.ts';
import { refresh, rotate } from './rotate.ts';
import { refuse } from './refuse.ts';
import type { Session } from './session.ts';
import { supersede } from './supersede.ts';

const proceedWithSecret: Proceed = async (engine, session, message) =>
  (await admit(engine, session, message)) ?? (await proceed(engine, session, message));

const PROCEED: Readonly<Record<ObjectKind, Proceed>> = {
  secret: proceedWithSecret,
  key: proceedWithKey,
  certificate: proceedWithCertificate,
};

/** See `deliver`. */
export function handleRotate(engine: Engine, message: RotateMessage): Promise<Outcome> {
  return deliver(PROCEED[message.object.kind], engine, message);
}

async function proceed(engine: Engine, session: Session, message: RotateMessage): Promise<Outcome> {
  const current = await readCurrent(engine, session, message);
  if (!('value' in current)) return current;
  const open = openRun(session, message);
  if (open?.state === 'blocked') session.change({ attempts: 0 });
  if (open !== undefined && open.step !== 'claim') return goOn(engine, session, message, open, current);
  return decideAndRotate(engine, session, open === undefined ? message : askedFor(open, message), open, current);
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
  const managed = engine.configuration.managed(current.tags, session.object);
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
  if (decision.reason === 'SourceChanged' && (await isUpToDate(session, managed, current))) {
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
  const managed = managedOrUndefined(engine, session.object, current, isPublished(run));
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
function managedOrUndefined(
  engine: Engine,
  object: ObjectRef,
  current: CurrentVersion,
  published: boolean,
): Managed | undefined {
  try {
    return engine.configuration.managed(current.tags, object);
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
