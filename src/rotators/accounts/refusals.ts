import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Slot, Target } from '../../rotation/ports.ts';

/* What the rotators of database accounts refuse in the same words. */

/** @throws CONFLICT when the slot is none of this secret's accounts, or the one that readers log in with */
export function refuseInUse(target: Target, slot: Slot, inUse: Slot): void {
  if (slot !== inUse && target.slots.includes(slot)) return;
  throw new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `${target.id}: ${slot} is ${slot === inUse ? 'in use by the readers' : 'not an account of this pair'}; nothing was changed`,
    remedy: 'Start a new run: it reads the current version again and chooses the idle account.',
  });
}

/** @throws all that stands in the way, as one error with the code of the first; returns where nothing does */
export function throwFirst(target: Target, blockers: readonly Blocker[]): void {
  const [first] = blockers;
  if (first === undefined) return;
  throw new RotationError({
    code: first.code,
    recovery: 'reconfigure',
    message: `${target.id}: ${blockers.map((blocker) => blocker.message).join('; ')}`,
    remedy: blockers.map((blocker) => blocker.remedy).join('; '),
  });
}

/** The server has said no to the log-in. */
export function rejected(target: Target, slot: Slot, why: string): RotationError {
  const message = `${target.id}: ${slot} cannot log in: ${why}`;
  return new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'human', message });
}
