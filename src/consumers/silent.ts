import type { ArmRequest } from '../azure/arm/client.ts';
import { RotationError } from '../rotation/errors.ts';

/**
 * The same failure without what was answered. For requests that hold values of the user's: an answer that quotes one of them must not be
 * quoted in turn. @param what was not taken: `the settings`
 */
export function withoutAnswer(error: RotationError, { action, scope }: ArmRequest, what: string): RotationError {
  const { code, recovery, effect, remedy, retryAfterMs: wait } = error;
  return new RotationError({
    ...{ code, recovery, effect },
    message: `${action} on ${scope}: ${what} were not taken (what was answered may quote them, and is left out)`,
    ...(remedy === undefined ? {} : { remedy }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}
