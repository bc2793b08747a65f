/**
 * The closed set of error codes. docs/errors.md describes each of them and a test keeps the two in step.
 * Codes are stable; messages may change.
 */
export const ERROR_CODES = [
  'CONFIG_INVALID',
  'EVENT_INVALID',
  'REQUEST_INVALID',
  'NOT_SERVED',
  'ACCESS_DENIED',
  'TARGET_NOT_FOUND',
  'CONFLICT',
  'THROTTLED',
  'UNAVAILABLE',
  'TIMED_OUT',
  'LEASE_LOST',
  'SLOT_OWNED',
  'GRANTS_DIFFER',
  'CREDENTIAL_REJECTED',
  'DRIFTED',
  'NOT_ADOPTED',
  'VALUE_AWAITED',
  'JOURNAL_INVALID',
  'HUMAN_REQUIRED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * What has to happen before the same call can succeed: `retry` nothing but time; `reconfigure` somebody
 * changes a tag, a setting, a role or a grant; `human` somebody looks and decides.
 */
export type Recovery = 'retry' | 'reconfigure' | 'human';

/** What the failed call did to the system behind it. `unknown` when the answer was lost. */
export type Effect = 'none' | 'applied' | 'unknown';

export interface RotationErrorInit {
  readonly code: ErrorCode;
  /** What was refused or failed and why, naming the thing. Never holds a secret value. */
  readonly message: string;
  readonly recovery: Recovery;
  readonly effect?: Effect;
  /** What to run or change, as a sentence or a command that can be pasted. Never holds a secret value. */
  readonly remedy?: string;
  /** Milliseconds to wait, from the service's own Retry-After. */
  readonly retryAfterMs?: number;
  /** One line a problem, each starting with its path, for `CONFIG_INVALID` and its like. */
  readonly problems?: readonly Problem[];
  readonly cause?: unknown;
}

/** One thing wrong with a configuration, where it is, and what would be right. */
export interface Problem {
  /** e.g. `tags.ValidityPeriodDays` or `settings.KEYTURN_VAULTS[1]` */
  readonly path: string;
  readonly message: string;
}

/**
 * The one error class of the service. Adapters and rotators translate SDK and driver errors into it once,
 * at their edge; only the runner reads `recovery`. A `TypeError` and its like are bugs and are not translated.
 */
export class RotationError extends Error {
  readonly code: ErrorCode;
  readonly recovery: Recovery;
  readonly effect: Effect;
  readonly remedy: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly problems: readonly Problem[];

  constructor(init: RotationErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'RotationError';
    this.code = init.code;
    this.recovery = init.recovery;
    this.effect = init.effect ?? 'none';
    this.remedy = init.remedy;
    this.retryAfterMs = init.retryAfterMs;
    this.problems = init.problems ?? [];
  }
}

/** `CONFIG_INVALID` for a list of problems; the message holds them all, so that a log line is enough. */
export function configInvalid(what: string, problems: readonly Problem[], remedy?: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${what}: ${problems.map((p) => `${p.path}: ${p.message}`).join('; ')}`,
    problems,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
