import { RotationError } from '../../rotation/errors.ts';
import type { Blocker } from '../../rotation/ports.ts';

/** A blocker as an error; nothing was changed. */
export function blocked({ code, message, remedy }: Blocker): RotationError {
  return new RotationError({
    code,
    recovery: code === 'UNAVAILABLE' ? 'retry' : 'reconfigure',
    effect: 'none',
    message,
    remedy,
  });
}
