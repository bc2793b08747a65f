import { RotationError } from './errors.ts';
import type { Call, Clock } from './ports.ts';

/** How long a claimed row is ours. Another runner may take it after that. */
export const LEASE_MS = 5 * 60_000;
/** Our own calls end this much earlier than the lease, for clocks that differ and answers on their way. */
export const LEASE_MARGIN_MS = 45_000;
/** No single remote call may take longer, where nothing else is said. */
export const CALL_MS = 60_000;

/**
 * Bounds every remote call by a time limit and by the end of the lease. A runner that was stopped and wakes up
 * after its lease has lapsed must not write: its signal is aborted, and no call is begun.
 */
export class CallScope {
  readonly #clock: Clock;
  readonly #longest: number;
  #deadline: number;

  /** @param forMs the time for all calls together @param longest the time for one call */
  constructor(clock: Clock, forMs: number, longest: number = CALL_MS) {
    this.#clock = clock;
    this.#longest = longest;
    this.#deadline = clock.now().getTime() + forMs;
  }

  /** The lease was written anew: calls may go on until its margin. */
  extend(leaseUntil: Date): void {
    this.#deadline = leaseUntil.getTime() - LEASE_MARGIN_MS;
  }

  /** No time is left: nothing more may be begun. */
  get isOver(): boolean {
    return this.#deadline <= this.#clock.now().getTime();
  }

  /**
   * @param longest for what is many calls in truth
   * @throws TIMED_OUT: with effect none when no time was left to begin, with `unknown` when it ran out in the call
   */
  async run<T>(what: string, work: (call: Call) => Promise<T>, longest: number = this.#longest): Promise<T> {
    const now = () => this.#clock.now();
    const left = this.#deadline - now().getTime();
    if (left <= 0) {
      throw new RotationError({
        code: 'TIMED_OUT',
        recovery: 'retry',
        message: `the time was over before ${what}`,
      });
    }
    const controller = new AbortController();
    const expired = Promise.withResolvers<never>();
    const limit = Math.min(left, longest);
    const cancel = this.#clock.after(limit, () => {
      const error = timedOut(what, limit);
      controller.abort(error);
      expired.reject(error);
    });
    try {
      return await Promise.race([work({ signal: controller.signal, now }), expired.promise]);
    } finally {
      cancel();
    }
  }
}

function timedOut(what: string, afterMs: number): RotationError {
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    effect: 'unknown',
    message: `${what} gave no answer within ${Math.round(afterMs / 1000)} s`,
  });
}
