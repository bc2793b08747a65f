import { randomUUID } from 'node:crypto';
import type { System } from './traffic.ts';

/**
 * What to do to a matching request. `status` answers in the service's place. `delayMs` waits first, then goes on.
 * `drop: 'before'` cuts the connection with nothing done; `drop: 'after'` does the work and cuts the connection
 * before the answer: the ambiguous time-out.
 */
export interface FaultAction {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
  readonly drop?: 'before' | 'after';
}

export interface FaultRule {
  readonly system: System;
  /** A regular expression over the operation as Traffic records it, e.g. `^PUT /secrets/`. */
  readonly match: string;
  /** How many requests it hits; for ever when absent. */
  readonly times?: number;
  /** How many matching requests it lets pass first. */
  readonly skip?: number;
  readonly action: FaultAction;
}

interface Armed {
  readonly id: string;
  readonly rule: FaultRule;
  readonly pattern: RegExp;
  skip: number;
  left: number;
}

/** The faults that are armed, for every simulated service alike. */
export class Faults {
  #armed: Armed[] = [];

  add(rule: FaultRule): string {
    const id = randomUUID();
    this.#armed.push({
      id,
      rule,
      pattern: new RegExp(rule.match),
      skip: rule.skip ?? 0,
      left: rule.times ?? Number.POSITIVE_INFINITY,
    });
    return id;
  }

  remove(id: string): void {
    this.#armed = this.#armed.filter((armed) => armed.id !== id);
  }

  clear(): void {
    this.#armed = [];
  }

  list(): readonly (FaultRule & { readonly id: string })[] {
    return this.#armed.map(({ id, rule }) => ({ id, ...rule }));
  }

  /** The action for this request, used up by asking. */
  take(system: System, operation: string): FaultAction | undefined {
    for (const armed of this.#armed) {
      if (armed.rule.system !== system || armed.left <= 0 || !armed.pattern.test(operation)) continue;
      if (armed.skip > 0) {
        armed.skip -= 1;
        continue;
      }
      armed.left -= 1;
      return armed.rule.action;
    }
    return undefined;
  }
}
