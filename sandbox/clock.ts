/**
 * The sandbox's one clock: real time plus an offset that tests and the demo move forward. Simulated services read it,
 * and the child processes (Azurite, the Functions host) are told of every change, so that a queue's visibility
 * time-out, a token's expiry and the app's own idea of now all agree.
 */
export class SandboxClock {
  #offsetMs = 0;
  readonly #listeners = new Set<(offsetMs: number) => Promise<void> | void>();
  #settled: Promise<unknown> = Promise.resolve();

  get offsetMs(): number {
    return this.#offsetMs;
  }

  now(): Date {
    return new Date(Date.now() + this.#offsetMs);
  }

  /** Moves the clock forward; never back. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`the clock only moves forward, not by ${ms} ms`);
    this.#offsetMs += ms;
    const told = [...this.#listeners].map(async (listener) => listener(this.#offsetMs));
    this.#settled = Promise.all([this.#settled, ...told]);
  }

  /**
   * Resolves when everybody goes by the last change. Every simulated service waits for it before it answers: otherwise a
   * message could be stored at the old time, and be too old when the change arrives.
   */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** Called with the new offset after every change, and waited for by `settled`; returns how to stop listening. */
  onAdvance(listener: (offsetMs: number) => Promise<void> | void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
