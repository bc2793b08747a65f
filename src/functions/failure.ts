import type { InvocationContext } from '@azure/functions';
import { RotationError } from '../rotation/errors.ts';

/** What may be told of a failure: to a log, to a caller. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The frames of the stack: places in the code, never values. */
  readonly frames: string;
}

/**
 * Names a failure without repeating any text that could hold a secret value. A `RotationError` is value-free by
 * contract and keeps its words. Everything else is a bug, whose message may quote what it choked on (a `SyntaxError`
 * of `JSON.parse` does): of it only the class, the code and the places in the source are kept.
 */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { code: 'UNEXPECTED', message: `a ${typeof error} was thrown instead of an Error`, frames: '' };
  }
  const frames = (error.stack ?? '').match(/^ {4}at .*$/gm)?.join('\n') ?? '';
  if (error instanceof RotationError) {
    const remedy = error.remedy === undefined ? '' : ` (${error.remedy})`;
    return { code: error.code, message: `${error.message}${remedy}`, frames };
  }
  // What the engine gives back to the queue says why in its cause (JournalNotWritten).
  if (error.cause instanceof RotationError) return { ...describeFailure(error.cause), frames };
  const { code } = error as NodeJS.ErrnoException;
  const suffix = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? ` ${code}` : '';
  return { code: 'UNEXPECTED', message: `unexpected ${error.constructor.name}${suffix}`, frames };
}

/**
 * Runs the body of a function that is not HTTP. A throw tells the platform to deliver again, and the platform itself
 * logs what was thrown: once, so nothing is logged here. What leaves is value-free; see {@link describeFailure}.
 */
export async function attempt(context: InvocationContext, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    const { code, message, frames } = describeFailure(error);
    const clean = new Error(`${context.functionName} failed: ${code}: ${message}`);
    clean.stack = `${clean.message}\n${frames}`;
    throw clean;
  }
}
