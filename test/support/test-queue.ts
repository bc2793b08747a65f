import type { PropagateMessage, RotateMessage, WorkQueue } from '../../src/rotation/ports.ts';

export type Queued =
  | { readonly kind: 'rotate'; readonly message: RotateMessage }
  | { readonly kind: 'propagate'; readonly message: PropagateMessage };

interface Entry {
  readonly id: number;
  readonly item: Queued;
  visibleAt: number;
}

/** The platform's queue, in memory: outlives the process, delivers at least once, and shows a message again that was not finished. */
export class TestQueue implements WorkQueue {
  readonly #now: () => Date;
  #entries: Entry[] = [];
  #nextId = 1;
  /** Everything ever put, as text: searched for secret values. */
  readonly history: string[] = [];

  constructor(now: () => Date) {
    this.#now = now;
  }

  async rotate(message: RotateMessage, delayMs: number): Promise<void> {
    this.put({ kind: 'rotate', message }, delayMs);
  }

  async propagate(message: PropagateMessage, delayMs: number): Promise<void> {
    this.put({ kind: 'propagate', message }, delayMs);
  }

  put(item: Queued, delayMs = 0): void {
    this.history.push(JSON.stringify(item));
    this.#entries.push({ id: this.#nextId++, item, visibleAt: this.#now().getTime() + delayMs });
  }

  /** The next visible message, hidden for 30 s as the platform does; `finish` deletes it. */
  take(): { readonly item: Queued; readonly finish: () => void } | undefined {
    const now = this.#now().getTime();
    const entry = this.#entries.find((one) => one.visibleAt <= now);
    if (entry === undefined) return undefined;
    entry.visibleAt = now + 30_000;
    return { item: entry.item, finish: () => (this.#entries = this.#entries.filter((one) => one.id !== entry.id)) };
  }

  /** When the next message becomes visible; undefined: the queue is empty. */
  get nextAt(): number | undefined {
    return this.#entries.length === 0 ? undefined : Math.min(...this.#entries.map((entry) => entry.visibleAt));
  }
}
