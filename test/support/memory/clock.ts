import type { Clock } from '../../../src/rotation/ports.ts';

export const NOW = new Date('2026-11-22T12:00:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Stands still until a test moves it; time-outs fire as it passes them. */
export class FixedClock implements Clock {
  #now = NOW.getTime();
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): Date {
    return new Date(this.#now);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, fire: callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.fire();
    }
  }

  /** Time-outs that nobody has cancelled. */
  get pending(): number {
    return this.#timers.size;
  }
}
