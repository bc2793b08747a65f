import { pause } from '../azure/rest.ts';
import type { Asked } from '../azure/rest-errors.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Call, Clock } from '../rotation/ports.ts';

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 1_000;
/** Resource Graph asks for 5 s at most, ARM for some more: whoever asks for longer is asked by the next delivery. */
export const LONGEST_WAIT_MS = 20_000;

/**
 * Reads again what only time can mend: whoever asks thousands of resources meets a limit or a lost answer, and must not take either for
 * "nobody is there". For reads only. The wait is the service's own where it names one.
 * @throws what the last attempt threw
 */
export async function patiently<T>(clock: Clock, asked: Asked, call: Call, read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      const passes = error instanceof RotationError && error.recovery === 'retry' && !call.signal.aborted;
      const wait = passes ? (error.retryAfterMs ?? FIRST_WAIT_MS * attempt) : Number.POSITIVE_INFINITY;
      if (attempt >= ATTEMPTS || wait > LONGEST_WAIT_MS) throw error;
      await pause(clock, wait, asked, call);
    }
  }
}

/**
 * Gives the work a share of the time: its own signal ends with that, or with the call's. Whatever does not heed the signal is left behind.
 * @throws what `late` makes, when the share is over
 */
export async function within<T>(
  clock: Clock,
  shareMs: number,
  call: Call,
  work: (call: Call) => Promise<T>,
  late: () => RotationError,
): Promise<T> {
  const share = new AbortController();
  const expired = Promise.withResolvers<never>();
  const cancel = clock.after(shareMs, () => {
    expired.reject(late());
    share.abort();
  });
  try {
    return await Promise.race([
      work({ ...call, signal: AbortSignal.any([call.signal, share.signal]) }),
      expired.promise,
    ]);
  } finally {
    cancel();
  }
}
