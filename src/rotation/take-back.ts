import type { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { plan } from './plan.ts';
import type { CurrentVersion, Managed, ObjectRef } from './ports.ts';
import type { Run } from './record.ts';
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
