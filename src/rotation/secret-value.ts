import { inspect } from 'node:util';

/**
 * A secret value that does not print: every way of turning it into text by accident (template strings,
 * JSON, `console.log`, `util.inspect`) gives `[secret]`. Only `reveal()` gives the value, so every place
 * that needs it can be found by searching for that one word.
 */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it at the edge only: in the argument of the driver's or the SDK's own call. */
  reveal(): string {
    return this.#value;
  }

  equals(other: SecretValue): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.toPrimitive](): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
