import { SqlError } from './errors.ts';
import type { SqlToken } from './lexer.ts';

/** Reads tokens one after the other; whatever does not fit is error 102. */
export class Cursor {
  readonly #tokens: readonly SqlToken[];
  #at = 0;

  constructor(tokens: readonly SqlToken[]) {
    this.#tokens = tokens;
  }

  get token(): SqlToken {
    return this.#tokens[this.#at] ?? { kind: 'end', value: '', start: 0, end: 0 };
  }

  get ended(): boolean {
    return this.token.kind === 'end';
  }

  /** Takes and returns the present token. */
  take(): SqlToken {
    const token = this.token;
    this.#at += 1;
    return token;
  }

  /** Are these the next words (or symbols)? Takes them if so. */
  accept(...words: readonly string[]): boolean {
    const found = words.every((word, index) => {
      const token = this.#tokens[this.#at + index];
      return (token?.kind === 'word' || token?.kind === 'symbol') && token.value.toUpperCase() === word;
    });
    if (found) this.#at += words.length;
    return found;
  }

  expect(...words: readonly string[]): void {
    if (!this.accept(...words)) throw this.wrong();
  }

  /** An identifier, bare or quoted, of 1 to 128 characters. */
  name(): string {
    const token = this.token;
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.wrong();
    if (token.value === '') throw new SqlError(1038, 'An object or column name is missing or empty.', { class: 15 });
    if (token.value.length > 128) {
      throw new SqlError(
        103,
        `The identifier that starts with '${token.value.slice(0, 128)}' is too long. Maximum length is 128.`,
        { class: 15 },
      );
    }
    this.#at += 1;
    return token.value;
  }

  string(): string {
    if (this.token.kind !== 'string') throw this.wrong();
    return this.take().value;
  }

  /** Words up to one of the given ones, which stays: a permission's name, for instance. */
  words(stop: readonly string[]): string {
    const words: string[] = [];
    while (this.token.kind === 'word' && !stop.includes(this.token.value.toUpperCase())) words.push(this.take().value);
    if (words.length === 0) throw this.wrong();
    return words.join(' ').toUpperCase();
  }

  wrong(): SqlError {
    // A string may be a password, so it is never repeated.
    const near = this.token.kind === 'string' ? '' : this.token.value;
    return new SqlError(102, `Incorrect syntax near '${near}'.`, { class: 15 });
  }
}
