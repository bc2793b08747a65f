/** Jobs at moments of sandbox time: a real timer waits for the next one, and moving the clock makes them due at once. */
import type { SandboxClock } from '../clock.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Job {
  readonly dueMs: number;
  readonly run: () => void;
}

export class Agenda {
  readonly #clock: SandboxClock;
  readonly #unlisten: () => void;
  #jobs: Job[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
    this.#unlisten = clock.onAdvance(() => this.#runDue());
  }

  /** Runs the job at that sandbox time, never before the caller is done; returns how to call it off. */
  at(dueMs: number, run: () => void): () => void {
    const job = { dueMs, run };
    this.#jobs.push(job);
    this.#arm();
    return () => {
      this.#jobs = this.#jobs.filter((one) => one !== job);
    };
  }

  stop(): void {
    this.#unlisten();
    clearTimeout(this.#timer);
    this.#jobs = [];
  }

  #runDue(): void {
    const now = this.#clock.now().getTime();
    const due = this.#jobs.filter((job) => job.dueMs <= now).sort((a, b) => a.dueMs - b.dueMs);
    this.#jobs = this.#jobs.filter((job) => job.dueMs > now);
    for (const job of due) job.run();
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#jobs.length === 0) return;
    const next = this.#jobs.reduce((least, job) => Math.min(least, job.dueMs), Number.POSITIVE_INFINITY);
    const wait = Math.max(0, next - this.#clock.now().getTime());
    this.#timer = setTimeout(() => this.#runDue(), Math.min(wait, LONGEST_TIMER_MS)).unref();
  }
}
