import type { HttpsAnswer } from './client.ts';

/** JSON, or undefined. A parser's own message quotes the text, which may hold a key: so it is not kept. Pure. */
export function jsonOf({ text }: Pick<HttpsAnswer, 'text'>): unknown {
  // Takes a byte order mark away, too, which some servers begin with.
  const json = text.trim();
  if (json === '') return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Milliseconds that a Retry-After asks for: seconds, or an HTTP date. Undefined when absent or unreadable. Pure. */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  if (/^\s*\d+(?:\.\d+)?\s*$/.test(header)) return Math.ceil(Number(header) * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/** A service's error code, fit to be shown; undefined for anything that could be more than a code. Pure. */
export function shownCode(code: unknown): string | undefined {
  const text = typeof code === 'number' ? String(code) : code;
  return typeof text === 'string' && /^[A-Za-z0-9_.:/-]{1,64}$/.test(text) ? text : undefined;
}
