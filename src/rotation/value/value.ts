/**
 * Reads the user and the password in a secret's value, and writes others in their place; everything else stays
 * byte for byte.
 *
 * How the format is recognised when the tag ValueFormat does not name it, the first rule that fits:
 * 1. `jdbc`: begins with `jdbc:` and a driver's name.
 * 2. `url`: begins with a scheme of two characters or more and `://`.
 * 3. `json`: begins as an object (or an array of objects) with a first key: `{"…":`.
 * 4. `adonet`: two different keywords known from connection strings, each at the start or after a `;`.
 *    `libpq`: two different keywords of libpq, each at the start or after a blank. Both at once is refused.
 * 5. `redis`: items with commas between them, of which two are options of StackExchange.Redis, or one is and another is an
 *    address with a port; no `;` anywhere.
 * 6. `bare`: everything else, such as `a=b;c`, `{x`, `postgres`, or a base64 key that ends in `==`.
 * A value that looks structured but is broken, or has no place for a password, is refused rather than taken for a
 * bare one: replacing the whole of it would destroy it.
 *
 * A bare value is the secret from the first character to the last: blanks, a byte order mark and a line break at its
 * end belong to it. In the structured formats what stands around the value is kept.
 */
import { configInvalid, type RotationError } from '../errors.ts';
import { SecretValue, type ValueFormatName } from '../ports.ts';
import { readAdonet } from './adonet.ts';
import { readJdbc } from './jdbc.ts';
import { readJson } from './json.ts';
import { readLibpq } from './libpq.ts';
import { settle, splice, type Parts, type Reading } from './parts.ts';
import { recognise } from './recognise.ts';
import { readRedis } from './redis.ts';
import { readUrl } from './url.ts';

/** What is to be written. `user` absent: the value keeps the user it has. */
export interface NextCredential {
  readonly user?: string;
  readonly secret: SecretValue;
}

export interface ParsedValue {
  readonly format: ValueFormatName;
  /** Present exactly when the value holds a user; in a URL an empty one is none. */
  readonly user: string | undefined;
  readonly secret: SecretValue;
  /**
   * The value with another credential. What stays the same keeps its bytes, quotes and escapes included. Pure.
   * @throws CONFIG_INVALID when the value has no place for a user, or its format cannot hold what is to be written
   */
  replace(next: NextCredential): SecretValue;
}

const READERS: Readonly<Record<ValueFormatName, (text: string) => Reading>> = {
  bare: (text) => settle({ user: [], secret: [{ start: 0, end: text.length, text, write: (next) => next }] }),
  json: readJson,
  adonet: readAdonet,
  libpq: readLibpq,
  jdbc: readJdbc,
  url: readUrl,
  redis: readRedis,
};

/**
 * Reads a value. Pure.
 * @param format the format it must have; recognised from the value when absent
 * @throws CONFIG_INVALID with the path `value`, and `tags.ValueFormat` when the format was named; no message holds
 *   any of the value
 */
export function parseValue(value: SecretValue, format?: ValueFormatName): ParsedValue {
  const text = value.reveal();
  const chosen = format ?? recognise(text);
  if (chosen === undefined) throw refused('could be adonet or libpq', undefined, format);
  const parts = READERS[chosen](text);
  if ('problem' in parts) throw refused(parts.problem, chosen, format);
  return {
    format: chosen,
    user: parts.user[0]?.text,
    secret: new SecretValue(parts.secret[0]?.text ?? ''),
    replace: (next) => replace(text, parts, chosen, format, next),
  };
}

function replace(
  text: string,
  parts: Parts,
  chosen: ValueFormatName,
  named: ValueFormatName | undefined,
  { user, secret }: NextCredential,
): SecretValue {
  if (user !== undefined && parts.user.length === 0) throw refused('has no place for a user', chosen, named);
  const password = secret.reveal();
  // Half a surrogate pair has no UTF-8, so no system could be given it.
  if (!password.isWellFormed() || user?.isWellFormed() === false) throw refused(CANNOT_HOLD, chosen, named);
  const written = splice(text, [
    ...parts.secret.map((token) => ({ token, next: password })),
    ...parts.user.map((token) => ({ token, next: user ?? token.text })),
  ]);
  // Reading it back is the proof that readers will find the same two in it.
  const again = READERS[chosen](written);
  const same =
    !('problem' in again) &&
    again.secret[0]?.text === password &&
    (again.user[0]?.text ?? '') === (user ?? parts.user[0]?.text ?? '');
  if (!same) throw refused(CANNOT_HOLD, chosen, named);
  if (named === undefined && recognise(written) !== chosen) throw refused(LOOKS_OTHERWISE, chosen, named);
  return new SecretValue(written);
}

const CANNOT_HOLD = 'cannot hold the new user and password in its format';
const LOOKS_OTHERWISE = 'would be taken for another format with the new user and password in it';

function refused(
  problem: string,
  chosen: ValueFormatName | undefined,
  named: ValueFormatName | undefined,
): RotationError {
  const read = named === undefined && chosen !== undefined ? ` (recognised as ${chosen})` : '';
  return configInvalid(
    'the value of the secret',
    [
      { path: 'value', message: `${problem}${read}` },
      ...(named === undefined ? [] : [{ path: 'tags.ValueFormat', message: `says that it is ${named}` }]),
    ],
    'Set the tag ValueFormat to the format that the value has, bare if the whole of it is the password (az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags <Name>=<value> …: give all tags again), or store a value of that format as a new version.',
  );
}
