import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { waitsInVault } from './make.ts';
import { makesOneMore, revokeOrphans } from './orphans.ts';
import { plan, tagsMoved } from './plan.ts';
import type { CurrentVersion, Managed } from './ports.ts';
import type { Run } from './record.ts';
import type { Session } from './session.ts';
import { pendingOf, unstage } from './staging.ts';
import { takeBack } from './take-back.ts';

/* A run whose secret was changed by somebody while its system may hold something of it (`leavesTraces`). */

/**
 * Before the run is given up for a version that somebody wrote: takes out of use what it has left. May be repeated.
 * @returns 'publish' when the pending value is the one that works, and a person has asked for it with `force`
 * @throws HUMAN_REQUIRED when readers have no value that works and nobody has asked for the pending one
 */
export async function tidyUp(
  engine: Engine,
  session: Session,
  run: Run,
  managed: Managed,
  current: CurrentVersion,
): Promise<'publish' | 'tidy'> {
  if (makesOneMore(managed)) await revokeOrphans(engine, session.scope, session.object, managed, run);
  if (managed.rotator.capabilities.overlap === 'none' && !(await works(session, managed, current))) {
    if (session.active.forced) return 'publish';
    throw replacedAlready(session, run, managed, current);
  }
  await takeBack(engine, session.scope, session.object, { managed, current }, run);
  if (waitsInVault(managed)) await unstage(engine, session.scope, session.object);
  return 'tidy';
}

/**
 * Does the system accept the current value?
 * @throws where the question cannot be asked
 */
export async function works(session: Session, managed: Managed, current: CurrentVersion): Promise<boolean> {
  const { issued } = plan(session.object, managed, current);
  session.guard(issued.value);
  try {
    await session.call('testing the current credential', (call) => managed.rotator.test(managed.target, issued, call));
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return false;
    throw error;
  }
}

/**
 * Does the value hold what its sources have now?
 * @throws where the question cannot be asked
 */
export async function isUpToDate(session: Session, managed: Managed, current: CurrentVersion): Promise<boolean> {
  const { rotator, target } = managed;
  if (rotator.isUpToDate === undefined) return works(session, managed, current);
  const { issued } = plan(session.object, managed, current);
  session.guard(issued.value);
  return session.call(
    'comparing with the sources',
    async (call) => (await rotator.isUpToDate?.(target, issued, call)) === true,
  );
}

/** Nothing is guessed about a system that the tags do not name any more. */
export function leftElsewhere({ object }: Session, run: Run, managed: Managed | undefined): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the rotation of ${describeObject(object)} stops half-way: ${tagsMoved(run, managed)}`,
    remedy: `Put the tags back that version ${run.from?.version ?? ''} had; the rotation then goes on by itself, or can be cancelled: DELETE /api/rotations/${run.rotationId}`,
  });
}

/** With one slot: neither the version that somebody wrote nor the one before it works. */
function replacedAlready({ object }: Session, run: Run, { target }: Managed, current: CurrentVersion): RotationError {
  const { vault, name } = object;
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `version ${current.version} of ${describeObject(object)} was written by somebody else while ${target.current} was being replaced, and ${target.id} refuses its value`,
    remedy: `To publish the value that is live, which waits in ${vault}/secrets/${pendingOf(object).name}: POST /api/rotations {"vault":"${vault}","name":"${name}","force":true}. Or write a version that works; rotation ${run.rotationId} then ends by itself.`,
  });
}
