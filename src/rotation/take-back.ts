import type { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { plan } from './plan.ts';
import type { CurrentVersion, Managed, ObjectRef } from './ports.ts';
import type { Run } from './record.ts';
import type { Session } from './session.ts';
import { stagedBy } from './staging.ts';

/**
 * Before a run is given up whose system `retains`: its new value may be live beside the readers' and be the one that the next
 * `set` keeps. Then the current value is made the only one again. Under the lease; may be repeated.
 *
 * Only what this run has put away and what logs in is taken back: a second value that a person has left is that person's affair.
 * @param current a version whose value logs in
 * @throws what the rotator throws; then the new value may still be live, and waits in the vault as before
 */
export async function takeBack(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  { managed, current }: { readonly managed: Managed; readonly current: CurrentVersion },
  { rotationId }: Run,
): Promise<void> {
  const { rotator, target } = managed;
  if (rotator.capabilities.retains !== true) return;
  const value = await stagedBy(engine, scope, object, rotationId);
  const { issued } = plan(object, managed, current);
  // The same: a person has published it.
  if (value === undefined || value.equals(issued.value)) return;
  try {
    await scope.run('testing the pending value', (call) => rotator.test(target, { ...issued, value }, call));
  } catch (error) {
    if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return;
    throw error;
  }
  const back = { rotationId, slot: issued.slot, value: issued.value, current: issued };
  await scope.run('taking the new value back', (call) => rotator.set(target, back, call));
}

/**
 * After the value before was taken out of use. A person may have set another one meanwhile and had the system keep the readers' as
 * the one before: then that one has just been ended, which no rotator can see coming. It is made the only one again.
 * @param current the version that logged in a moment ago
 * @throws what the rotator throws; DRIFTED is what the next attempt finds
 */
export async function keepCurrent(session: Session, managed: Managed, current: CurrentVersion): Promise<void> {
  const { rotator, target } = managed;
  const { issued } = plan(session.object, managed, current);
  try {
    await session.call('testing the current credential', (call) => rotator.test(target, issued, call));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CREDENTIAL_REJECTED') throw error;
    const { rotationId } = session.active;
    const back = { rotationId, slot: issued.slot, value: issued.value, current: issued };
    await session.call('giving readers their value back', (call) => rotator.set(target, back, call));
    const detail = `somebody had made the value of ${issued.slot} in the vault the one before: it is the only one again`;
    session.note({ step: 'revoke', at: session.now().toISOString(), ms: 0, outcome: 'ok', detail });
  }
}
