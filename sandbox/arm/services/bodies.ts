/** Reads the bodies that resources with a customer-managed key are given. */
import { badRequest } from '../service.ts';

export type Json = Readonly<Record<string, unknown>>;

/** A member of the body, down a path. */
export function at(body: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? (value as Json)[key] : undefined), body); // prettier-ignore
}

export function textAt(body: unknown, ...path: readonly string[]): string {
  const value = at(body, ...path);
  if (typeof value === 'string' && URL.canParse(value)) return value;
  throw badRequest(`The property '${path.join('.')}' is missing or is no address.`);
}

/** Mints for a service that has no keys of its own. */
export function noKey(): never {
  throw new Error('it has no keys of its own');
}
