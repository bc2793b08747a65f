import { resumeMessage } from './admit.ts';
import type { Engine, Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { next, retainsBefore } from './machine.ts';
import { make } from './make.ts';
import { takeSlots } from './ownership.ts';
import { drifted, nextVersion, observed, plan, type Plan } from './plan.ts';
import type { CurrentVersion, Issued, Managed } from './ports.ts';
import { close, retire } from './retire.ts';
import type { Session } from './session.ts';
import { unstage } from './staging.ts';

/** After finish the vault's own NewVersionCreated event brings `refresh`; if it has not come by then, the sweep does. */
const REFRESH_GRACE_MS = 2 * 60_000;

/**
 * claim … finish: plan, journal the intent, then set, test and write, and journal the outcome. With `adopt` the write
 * had happened before a crash, and only its outcome is journalled.
 */
export async function rotate(
  engine: Engine,
  session: Session,
  managed: Managed,
  current: CurrentVersion,
  how: { readonly adopt: boolean } = { adopt: false },
): Promise<Outcome> {
  if (!how.adopt) {
    const planned = plan(session.object, managed, current);
    session.guard(planned.issued.value);
    await takeSlots(engine, session, managed);
    const resumed = session.active.from !== undefined;
    // With one slot, the value before may be out of use by now: `make` finds out which of the two is live.
    if (!resumed || managed.rotator.capabilities.overlap !== 'none') await proveCurrent(session, planned);
    await intend(session, planned);
    const issued = await make(engine, session, planned, resumed);
    if (issued === 'pending') return againSoon(engine, session);
    await finish(engine, session, planned, issued);
  } else {
    adopted(session, managed, current);
  }
  return publish(engine, session, managed);
}

/** A value that no longer works was changed behind our back: rotating on top of that would hide it. */
async function proveCurrent(session: Session, planned: Plan): Promise<void> {
  const run = session.active;
  const { rotator, target } = planned.managed;
  // One that is computed from a secret that has changed is refused for just that reason.
  if (run.forced || run.compromised || target.computed === true) return;
  try {
    await session.call('testing the current credential', (call) => rotator.test(target, planned.issued, call));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CREDENTIAL_REJECTED') throw error;
    await refuseMissing(session, planned);
    throw drifted(session.object, planned, error);
  }
}

/** An account that is not there refuses every log-in, too; that is another thing to mend. */
async function refuseMissing(session: Session, { managed: { rotator, target }, idle, issued }: Plan): Promise<void> {
  const blockers = await session.call('looking for the accounts', (call) => rotator.check(target, idle, issued, call));
  const missing = blockers.find(({ code, about }) => code === 'TARGET_NOT_FOUND' && about !== 'next');
  if (missing !== undefined) throw new RotationError({ ...missing, recovery: 'reconfigure' });
}

/** The intent, before any side effect: which slot will be touched, for which version, by which rotation. */
async function intend(session: Session, planned: Plan): Promise<void> {
  const { managed, current, idle } = planned;
  session.clear('blocked', 'wakeAt');
  const at = session.now().toISOString();
  const { reason, attempts } = session.active;
  session.note({
    step: 'claim',
    at,
    ms: 0,
    outcome: 'ok',
    detail: attempts === 0 ? reason : `${reason}, attempt ${attempts + 1}`,
  });
  session.note({ step: 'create', at, ms: 0, outcome: 'ok', detail: swapOf(planned) });
  session.change({
    state: 'running',
    step: 'set',
    rotator: managed.rotator.kind,
    system: managed.target.id,
    from: { version: current.version, slot: managed.target.current },
    ...(idle === '' ? {} : { to: { slot: idle } }),
    noRevoke: !retires(managed),
  });
  await session.saveHeld();
}

/** What becomes of what, for people: `app_a → app_b`, `app: a new password`, `3f2a → a new credential`. */
function swapOf({ managed: { target }, idle }: Plan): string {
  if (idle === target.current && idle !== '') return `${idle}: a new value in its place`;
  return `${target.current === '' ? 'the value' : target.current} → ${idle === '' ? 'a new credential' : idle}`;
}

/** Is the old credential taken out of use by a step of its own? */
function retires({ rotator: { capabilities } }: Managed): boolean {
  return capabilities.revocable && (capabilities.overlap !== 'none' || capabilities.retains === true);
}

async function finish(engine: Engine, session: Session, planned: Plan, issued: Issued): Promise<void> {
  const run = session.active;
  const version = nextVersion(planned, issued, run.rotationId, session.now());
  const written = await session.step('finish', 'writing the new version', (call) =>
    engine.vault.write(session.object, version, call),
  );
  session.change({ to: { slot: issued.slot, version: written.version, expiresOn: version.expiresOn.toISOString() } });
}

/** The current version carries our RotationId: a runner died, or lost its answer, between the write and the journal. */
function adopted(session: Session, managed: Managed, current: CurrentVersion): void {
  session.change({
    step: 'finish',
    to: {
      slot: managed.target.current,
      version: current.version,
      ...(current.expiresOn === undefined ? {} : { expiresOn: current.expiresOn.toISOString() }),
    },
  });
  session.note({
    step: 'finish',
    at: session.now().toISOString(),
    ms: 0,
    outcome: 'ok',
    detail: 'found written after an interruption',
  });
}

/** Journals that the new version is current, and when the old credential may go. */
async function publish(engine: Engine, session: Session, managed: Managed): Promise<Outcome> {
  const run = session.active;
  const now = session.now().getTime();
  session.clear('blocked', 'lastError', 'wakeAt');
  // What is computed from others neither ends a credential nor keeps one: its sources do.
  const { overlap, retains } = managed.rotator.capabilities;
  const endsAtSet = overlap === 'none' && retains !== true;
  const noOverlap = run.compromised || endsAtSet || managed.target.computed === true;
  const retireAt = new Date(now + (noOverlap ? 0 : managed.policy.overlapMs)).toISOString();
  session.change({
    step: 'refresh',
    state: run.compromised ? 'running' : 'waiting',
    attempts: 0,
    retireAt,
    ...(run.compromised ? {} : { wakeAt: new Date(now + REFRESH_GRACE_MS).toISOString() }),
  });
  if (run.compromised) {
    await session.saveHeld();
    return refresh(engine, session);
  }
  await session.saveReleased();
  return {
    outcome: 'rotated',
    rotationId: run.rotationId,
    detail: noOverlap
      ? 'the new version is current'
      : `the new version is current; the credential before it stays valid until ${retireAt}${retains === true ? ', where the system keeps it' : ''}`,
  };
}

/** A long-running operation of the system goes on; we come back. */
async function againSoon(engine: Engine, session: Session): Promise<Outcome> {
  const run = session.active;
  const delay = 30_000;
  session.change({ state: 'waiting', step: 'set', wakeAt: new Date(session.now().getTime() + delay).toISOString() });
  await session.saveReleased();
  await session.call('scheduling the next look', (call) =>
    engine.queue.rotate(resumeMessage(run, session), delay, call),
  );
  return { outcome: 'waiting', rotationId: run.rotationId, detail: 'the system is still making the credential' };
}

/**
 * Tells the world that there is a new version, then waits for the overlap to pass. Under the lease.
 * Repeated after a crash: subscribers know the announcement by its id.
 */
export async function refresh(engine: Engine, session: Session): Promise<Outcome> {
  const run = session.active;
  const version = run.to?.version ?? '';
  await session.step('refresh', 'announcing the new version', (call) =>
    engine.announcer.announce(
      {
        id: `${run.rotationId}.${version}`,
        type: 'Keyturn.SecretVersionCreated',
        object: session.object,
        version,
        rotationId: run.rotationId,
        data: { credentialId: run.to?.slot ?? '', reason: run.reason },
        at: session.now(),
      },
      call,
    ),
  );
  // Published: the copy of the new value is not kept through the overlap.
  if (retainsBefore(run)) await unstage(engine, session.scope, session.object);
  session.clear('wakeAt');
  if (run.compromised) {
    session.change({ step: 'confirm', state: 'running' });
    return retireNow(engine, session);
  }
  const retireAt = run.retireAt ?? session.now().toISOString();
  session.change({ step: 'confirm', state: 'waiting', wakeAt: retireAt });
  await session.saveReleased();
  await session.call('scheduling the retirement', (call) =>
    engine.queue.rotate(resumeMessage(run, session), Math.max(0, Date.parse(retireAt) - session.now().getTime()), call),
  );
  return { outcome: 'waiting', rotationId: run.rotationId, detail: `the old credential is retired after ${retireAt}` };
}

/** `compromised`: no overlap. What is current is read again, so that the guards of the retirement see what readers see. */
async function retireNow(engine: Engine, session: Session): Promise<Outcome> {
  const current = await session.call('reading the current version', (call) =>
    engine.vault.current(session.object, call),
  );
  const managed = engine.configuration.managed(current.tags, session.object);
  const action = next(session.active, observed(session.now(), current, managed));
  if (action.do === 'close') return close(engine, session, managed, current);
  if (action.do !== 'retire' && action.do !== 'refuse-retire')
    throw new TypeError(`a compromised run cannot ${action.do} here`);
  return retire(engine, session, action, managed, current);
}
