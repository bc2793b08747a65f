/** What an expression comes to before anything is deployed. */

/** What only a deployment would tell; the text says what it is, and stands for it in strings: `‹site.properties.x›`. */
export class Unknown {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return `‹${this.text}›`;
  }
}

/** A resource or a module whose condition is false: nothing of it may be read, save by `.?`. */
export class Absent {
  readonly symbol: string;
  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

export type Value = string | number | boolean | null | Unknown | Absent | readonly Value[] | Fields;
export interface Fields {
  readonly [name: string]: Value;
}

export function isFields(value: Value | undefined): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Unknown) &&
    !(value instanceof Absent)
  );
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (value instanceof Absent) return `‹${value.symbol}›`;
  return value instanceof Unknown || typeof value !== 'object' ? String(value) : JSON.stringify(value);
}

/** Whether it, or something in it, is only known once it is deployed. */
export function holdsUnknown(value: Value): boolean {
  if (value instanceof Unknown || value instanceof Absent) return true;
  if (typeof value === 'string') return value.includes('‹');
  if (isList(value)) return value.some(holdsUnknown);
  return isFields(value) && Object.values(value).some(holdsUnknown);
}
