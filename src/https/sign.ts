import { createHmac, timingSafeEqual } from 'node:crypto';
import { RotationError } from '../rotation/errors.ts';
import type { SecretValue } from '../rotation/ports.ts';

/**
 * Signatures as Standard Webhooks makes them (https://www.standardwebhooks.com): `v1,` and the HMAC-SHA256 in base64 of
 * `<id>.<timestamp>.<body>`. Made with what Node has: three lines, the exact bytes that are sent, and no copy of the key as text in
 * a library's object. The tests check them with the standard's own library, as a receiver would.
 */
export interface Signed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/** How far the two clocks may differ, and how late an answer may be; five minutes, as the standard's libraries take it. */
export const TOLERANCE_S = 5 * 60;
/** Of key; the standard asks for 24 bytes at least. */
const FEWEST_BYTES = 24;

/**
 * @param key `whsec_` and base64, or text that is taken as it is
 * @throws CONFIG_INVALID when the key is too short to keep anybody out
 */
export function signature(key: SecretValue, { id, timestamp, body }: Signed): string {
  const digest = createHmac('sha256', bytesOf(key)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return `v1,${digest}`;
}

/** A header may hold several signatures with spaces between, while a key is being replaced: one that fits is enough. */
export function isSignedBy(key: SecretValue, signed: Signed, header: string): boolean {
  const wanted = Buffer.from(signature(key, signed));
  return header.split(' ').some((one) => {
    const given = Buffer.from(one);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

/** Is it long enough to sign with? */
export function isSigningKey(key: SecretValue): boolean {
  return decoded(key).length >= FEWEST_BYTES;
}

function decoded(key: SecretValue): Buffer {
  const text = key.reveal().trim();
  return text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text);
}

function bytesOf(key: SecretValue): Buffer {
  const bytes = decoded(key);
  if (bytes.length >= FEWEST_BYTES) return bytes;
  throw new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the signing key is shorter than ${FEWEST_BYTES} bytes`,
    remedy:
      'Make one that cannot be guessed, and give it to the endpoint, too: echo "whsec_$(openssl rand -base64 32)"',
  });
}
