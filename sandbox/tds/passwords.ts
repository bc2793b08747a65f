import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SqlError } from './errors.ts';
import { key } from './principals.ts';

/** A password as the server keeps it: salted hash, never the text. */
export class StoredPassword {
  readonly #salt = randomBytes(16);
  readonly #hash: Buffer;

  constructor(password: string) {
    this.#hash = this.#digest(password);
  }

  matches(password: string): boolean {
    return timingSafeEqual(this.#hash, this.#digest(password));
  }

  #digest(password: string): Buffer {
    return createHash('sha512').update(this.#salt).update(password, 'utf16le').digest();
  }
}

/** Complexity: at least 8 characters of three of the four classes, without the account's name (facts D1). */
export function acceptable(account: string, password: string | undefined, checkPolicy: boolean): StoredPassword {
  if (password === undefined) throw new SqlError(102, "Incorrect syntax near 'WITH'.", { class: 15 });
  if (password.length > 128)
    throw new SqlError(15117, 'Password validation failed. The password is longer than 128 characters.');
  if (checkPolicy) {
    const failed =
      'Password validation failed. The password does not meet the operating system policy requirements because it is';
    if (password.length < 8) throw new SqlError(15116, `${failed} too short.`);
    const classes = [/[A-Z]/, /[a-z]/, /\d/, /[^A-Za-z\d]/].filter((pattern) => pattern.test(password)).length;
    if (classes < 3 || (account.length > 2 && key(password).includes(key(account))))
      throw new SqlError(15118, `${failed} not complex enough.`);
  }
  return new StoredPassword(password);
}
