import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { refuseUnfit } from './fit.ts';
import { makesOneMore, revokeOrphans } from './orphans.ts';
import { drifted, nextVersion, type Plan } from './plan.ts';
import type { Issued, Pending, SecretValue } from './ports.ts';
import type { Session } from './session.ts';
import { pendingOf, stage, staged, takenAway } from './staging.ts';

/**
 * set and test: makes the new credential exist in the system and proves it. Called again after a crash (`resumed`), where
 * nobody knows whether `set` had happened:
 *
 *   overlap   │ what is found again                      │ what is done about it
 *   ──────────┼──────────────────────────────────────────┼─────────────────────────────────────────────────────
 *   two-slots │ the idle slot may have an unknown value  │ another one is set; nobody used the first
 *   many      │ a credential that nobody knows may exist │ it carries our rotation's id: revoked, then made anew
 *   none      │ the pending value waits in the vault     │ where it logs in, `set` has happened; else it is set now, or
 *             │                                          │ another one, where it was refused and the tags now ask for
 *             │                                          │ another shape
 */
export async function make(
  engine: Engine,
  session: Session,
  planned: Plan,
  resumed: boolean,
): Promise<Issued | 'pending'> {
  const { rotator, target } = planned.managed;
  const { overlap } = rotator.capabilities;
  // A person may hand a value in before the run has come this far for the first time.
  const mayWait = waitsInVault(planned.managed) && (resumed || rotator.capabilities.minting === 'person');
  const found = mayWait ? await staged(engine, session) : undefined;
  if (resumed && overlap === 'none') {
    const issued = found && { credentialId: planned.issued.credentialId, slot: planned.idle, value: found };
    if (issued !== undefined && (await logsIn(session, planned, issued))) return issued;
    // Before another value takes its place: where the one that waited was taken away, only that one may be live.
    await proveBefore(engine, session, planned);
  }
  const kept = isOutOfShape(session, planned) ? undefined : found;
  const value = kept ?? newValue(engine, session, planned);
  if (value !== undefined) session.guard(value);
  // What the vault would refuse is found out before anything is changed; the present value stands in for one that the
  // system is still to make.
  const standIn = { credentialId: planned.idle, slot: planned.idle, value: value ?? planned.issued.value };
  const draft = nextVersion(planned, standIn, session.active.rotationId, session.now());
  engine.vault.validate(draft);
  if (kept === undefined && value !== undefined && waitsInVault(planned.managed)) {
    await stage(engine, session, value, new Date(session.now().getTime() + planned.managed.policy.validityMs));
  }
  if (resumed && makesOneMore(planned.managed)) {
    await revokeOrphans(engine, session.scope, session.object, planned.managed, session.active);
  }
  const pending: Pending = {
    rotationId: session.active.rotationId,
    slot: planned.idle,
    expiresOn: draft.expiresOn,
    current: planned.issued,
    ...(value === undefined ? {} : { value }),
  };
  const what = planned.idle === '' ? 'a new credential' : planned.idle;
  const issued = await noted(session, planned, () =>
    session.step('set', `setting ${what}`, (call) => rotator.set(target, pending, call)),
  );
  if (issued === 'pending') return issued;
  session.guard(issued.value);
  await refuseUnfit(engine, session, planned, issued);
  await session.step('test', `testing ${what}`, (call) => rotator.test(target, issued, call));
  return issued;
}

/**
 * Notes on the run that the system has refused the value, and which shape it has: then, and only then, another shape makes
 * another value. After a lost answer the value may be live, and is kept. `stop` writes it down with the failure.
 */
async function noted<T>(session: Session, planned: Plan, setting: () => Promise<T>): Promise<T> {
  session.clear('refusedShape');
  try {
    return await setting();
  } catch (error) {
    const no = error instanceof RotationError && error.effect === 'none' && error.recovery !== 'retry';
    if (no && waitsInVault(planned.managed)) session.change({ refusedShape: shapeOf(planned) });
    throw error;
  }
}

/** Was the value that waits refused by the system, and do the tags ask for another shape since? */
function isOutOfShape({ active: { refusedShape } }: Session, planned: Plan): boolean {
  const engineMakes = planned.managed.rotator.capabilities.minting === 'engine';
  return engineMakes && refusedShape !== undefined && refusedShape !== shapeOf(planned);
}

function shapeOf({ managed: { policy } }: Plan): string {
  return JSON.stringify(policy.shape ?? []);
}

/** Does this rotation's value have to outlive a crash before it is published? */
export function waitsInVault({ rotator }: Plan['managed']): boolean {
  const { minting, overlap } = rotator.capabilities;
  return minting === 'person' || (minting === 'engine' && overlap === 'none');
}

/** Died before it was put away: another one is minted, and nobody has seen the first. */
function newValue(engine: Engine, session: Session, planned: Plan): SecretValue | undefined {
  const { rotator, policy } = planned.managed;
  switch (rotator.capabilities.minting) {
    case 'system':
      return undefined;
    case 'person':
      throw valueAwaited(session, planned);
    case 'engine':
      return engine.mint(policy.shape);
  }
}

/** The pending value is live: `set` had happened before the interruption. */
async function logsIn(session: Session, { managed: { rotator, target } }: Plan, pending: Issued): Promise<boolean> {
  try {
    await session.step('test', 'testing the pending value', (call) => rotator.test(target, pending, call));
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return false;
    throw error;
  }
}

/** @throws DRIFTED when the value before is not live either: somebody else changed it meanwhile, or took the pending one away */
async function proveBefore(engine: Engine, session: Session, planned: Plan): Promise<void> {
  if (session.active.forced || session.active.compromised) return;
  const { rotator, target } = planned.managed;
  try {
    await session.call('testing the current credential', (call) => rotator.test(target, planned.issued, call));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CREDENTIAL_REJECTED') throw error;
    const version = await takenAway(engine, session);
    throw version === undefined ? drifted(session.object, planned) : disabledByHand(session, planned, version);
  }
}

/** `set` may have happened, with a value that nobody but the disabled version knows. */
function disabledByHand({ object }: Session, planned: Plan, version: string): RotationError {
  const { vault, name } = object;
  const id = `${vault}/secrets/${pendingOf(object).name}/${version}`;
  const { code, recovery, remedy = '' } = drifted(object, planned);
  const { target } = planned.managed;
  return new RotationError({
    code,
    recovery,
    message: `the current value of ${vault}/secrets/${name} (${target.current}) is refused by ${target.id}, and the one that this rotation was about to publish waits in ${id}, which somebody has disabled`,
    remedy: `Enable it: az keyvault secret set-attributes --id ${id} --enabled true, then POST /api/rotations {"vault":"${vault}","name":"${name}"}; if it is the one that works, it is published. If it is not: ${remedy}`,
  });
}

/** Nobody but a person can make this value: the run waits for it, and says how to hand it in. */
function valueAwaited(session: Session, { managed: { target } }: Plan): RotationError {
  const { vault, name } = session.object;
  return new RotationError({
    code: 'VALUE_AWAITED',
    recovery: 'human',
    message: `a new value of ${vault}/secrets/${name} is to be made by a person${target.id === '' ? '' : ` at ${target.id}`}`,
    remedy: `Make the new credential there, leave the old one valid, and hand the new value in: PUT /api/rotations/${session.active.rotationId}/value {"value":"…"}`,
  });
}
