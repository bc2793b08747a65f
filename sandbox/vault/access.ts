/** Who may do what in one vault, and how often: switched refusals, and the service limits of facts A6. */
import { refusal, throttled } from './errors.ts';
import type { Refusal, RefusedCall, VaultAction } from './errors.ts';

export interface AccessRule {
  /** What the vault answers with. */
  readonly deny: Refusal;
  /** All actions when absent. */
  readonly actions?: readonly VaultAction[];
  /** All secrets when absent; names are case-insensitive. */
  readonly secrets?: readonly string[];
  /** Only calls on keys, or only those on secrets or certificates; all when absent. */
  readonly of?: 'secret' | 'key' | 'certificate';
  /** How many calls it refuses; all when absent. */
  readonly times?: number;
  /** For `Throttled`: sent as Retry-After; without it the answer has none, as the real one had. */
  readonly retryAfterSeconds?: number;
}

export interface RateLimit {
  /** 1: the real limits of 300 new versions and 4,000 other calls in 10 s. 0.01: three, and forty. */
  readonly scale?: number;
  readonly retryAfterSeconds?: number;
}

const WINDOW_MS = 10_000;

export class VaultAccess {
  #rules: { readonly rule: AccessRule; left: number }[] = [];
  readonly #limit: RateLimit | undefined;
  readonly #now: () => Date;
  #calls: { atMs: number; create: boolean }[] = [];

  constructor(now: () => Date, limit: RateLimit | undefined) {
    this.#now = now;
    this.#limit = limit;
  }

  get rules(): readonly AccessRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  set rules(rules: readonly AccessRule[]) {
    this.#rules = rules.map((rule) => ({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }));
  }

  /** Throws the refusal of the first rule that hits, or 429 when the window is full. */
  admit(call: RefusedCall): void {
    this.#count(call.action === 'set' || call.action === 'rotate' || call.action === 'create');
    for (const armed of this.#rules) {
      const { rule } = armed;
      if (armed.left <= 0 || !(rule.actions?.includes(call.action) ?? true)) continue;
      if (rule.of !== undefined && rule.of !== (call.of ?? 'secret')) continue;
      const secret = call.secret?.toLowerCase();
      if (rule.secrets && !rule.secrets.some((name) => name.toLowerCase() === secret)) continue;
      armed.left -= 1;
      const { retryAfterSeconds } = rule;
      throw refusal(rule.deny, retryAfterSeconds === undefined ? call : { ...call, retryAfterSeconds });
    }
  }

  #count(create: boolean): void {
    if (this.#limit === undefined) return;
    const nowMs = this.#now().getTime();
    this.#calls = this.#calls.filter((call) => call.atMs > nowMs - WINDOW_MS);
    const allowed = Math.max(1, Math.round((create ? 300 : 4000) * (this.#limit.scale ?? 1)));
    const used = this.#calls.reduce((sum, call) => sum + (call.create === create ? 1 : 0), 0);
    if (used >= allowed) throw throttled(this.#limit.retryAfterSeconds);
    this.#calls.push({ atMs: nowMs, create });
  }
}
