/**
 * The sandbox's one clock: real time plus an offset that tests and the demo move forward. Simulated services read it,
 * and the child processes (Azurite, the Functions host) are told of every change, so that a queue's visibility
 * time-out, a token's expiry and the app's own idea of now all agree.
 */
export class SandboxClock {
  #offsetMs = 0;
  readonly #listeners = new Set<(offsetMs: number) => void>();

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
    for (const listener of this.#listeners) listener(this.#offsetMs);
  }

  /** Called with the new offset after every change; returns how to stop listening. */
  onAdvance(listener: (offsetMs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
