import { RotationError, type ErrorCode } from '../rotation/errors.ts';

/** An HTTP answer; the body is JSON. Errors are problem+json (RFC 9457). */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  REQUEST_INVALID: 400,
  EVENT_INVALID: 400,
  CONFIG_INVALID: 422,
  NOT_SERVED: 403,
  ACCESS_DENIED: 502,
  TARGET_NOT_FOUND: 404,
  CONFLICT: 409,
  SLOT_OWNED: 409,
  LEASE_LOST: 409,
  GRANTS_DIFFER: 409,
  VALUE_AWAITED: 409,
  HUMAN_REQUIRED: 409,
  THROTTLED: 503,
  UNAVAILABLE: 503,
  TIMED_OUT: 504,
};

/** What was asked for, or the problem in its place. Throws only what is no `RotationError`: a bug. */
export async function answering(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RotationError) return problem(error);
    throw error;
  }
}

/** problem+json of an error: its code, what happened, and what to do. */
export function problem(error: RotationError): Answer {
  const status = STATUS[error.code] ?? 500;
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
    },
    body: {
      type: `urn:keyturn:error:${error.code}`,
      title: error.code,
      status,
      detail: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      ...(error.problems.length === 0 ? {} : { problems: error.problems }),
    },
  };
}
