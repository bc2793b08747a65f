import type { Condition, Json, Moment, Pointer } from './description.ts';

/** JSON Pointers (RFC 6901) into answers, and what is asked of the values there. Pure. */

/** The value there, or undefined where there is none. */
export function at(document: unknown, pointer: Pointer): unknown {
  let found: unknown = document;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    if (Array.isArray(found) && !/^(?:0|[1-9]\d*)$/.test(key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

/** A text or a whole number there, as text; anything else, and the empty text, is undefined. */
export function textAt(document: unknown, pointer: Pointer): string | undefined {
  const found = at(document, pointer);
  if (typeof found === 'number' && Number.isSafeInteger(found)) return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The id of a key, as `textAt`; undefined for one that no address and no log can hold: `..` would climb, a line end would lie. */
export function idAt(document: unknown, pointer: Pointer): string | undefined {
  const id = textAt(document, pointer);
  return id === undefined || id.length > 256 || /^\.{1,2}$|\p{C}/u.test(id) ? undefined : id;
}

/** The point in time there; undefined where there is none, or none that can be read. */
export function momentAt(document: unknown, { pointer, format }: Moment): Date | undefined {
  const found = at(document, pointer);
  if (format === 'iso') return typeof found === 'string' ? validDate(Date.parse(found)) : undefined;
  const count = typeof found === 'string' && found !== '' ? Number(found) : found;
  if (typeof count !== 'number' || !(count > 0)) return undefined;
  return validDate(format === 'epoch' ? count * 1000 : count);
}

function validDate(ms: number): Date | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** `present` asks for anything but nothing, null and an empty list. */
export function holds(document: unknown, condition: Condition): boolean {
  const found = at(document, condition.pointer);
  if (condition.present !== undefined) return isThere(found) === condition.present;
  if (condition.equals !== undefined) return same(found, condition.equals);
  return condition.not !== undefined && !same(found, condition.not);
}

function isThere(found: unknown): boolean {
  return found !== undefined && found !== null && !(Array.isArray(found) && found.length === 0);
}

function same(found: unknown, wanted: Json): boolean {
  return found === wanted || (found !== undefined && JSON.stringify(found) === JSON.stringify(wanted));
}
