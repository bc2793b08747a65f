import type { SandboxClock } from '../../sandbox/clock.ts';
import type { Clock } from '../../src/rotation/ports.ts';

/** The engine's clock over the sandbox's: time-outs fire when a test moves the clock, and otherwise in real time. */
export class TestClock implements Clock {
  readonly #clock: SandboxClock;
  readonly #timers = new Set<{ at: number; fire: () => void }>();

  constructor(clock: SandboxClock) {
    this.#clock = clock;
    clock.onAdvance(() => this.#fireDue());
  }

  now(): Date {
    return this.#clock.now();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = {
      at: this.now().getTime() + ms,
      fire: () => {
        cancel();
        callback();
      },
    };
    this.#timers.add(timer);
    const real = setTimeout(timer.fire, ms);
    const cancel = (): void => {
      this.#timers.delete(timer);
      clearTimeout(real);
    };
    return cancel;
  }

  #fireDue(): void {
    for (const timer of [...this.#timers]) if (timer.at <= this.now().getTime()) timer.fire();
  }
}
