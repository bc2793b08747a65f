import { randomBytes, randomInt } from 'node:crypto';
import type { Alphabet, ValueShape } from './ports.ts';
import { SecretValue } from './secret-value.ts';

const CLASSES = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz', '23456789', '-_'] as const;
const LENGTH = 40;
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A new password, or a new value of this shape. Cryptographically random. */
export function mint(shape?: ValueShape): SecretValue {
  if (shape === undefined) return mintPassword();
  const parts = shape.map((part) => ('literal' in part ? part.literal : randomText(part.alphabet, part.length)));
  return new SecretValue(parts.join(''));
}

/**
 * A new password of 40 characters, about 230 bits. Letters, digits, `-` and `_` only: none of them needs quoting in a
 * connection string or a URL, and each class is there, which is what SQL Server's policy asks (facts D1).
 */
export function mintPassword(random: (below: number) => number = (below) => randomInt(below)): SecretValue {
  return new SecretValue(passwordOf(LENGTH, random));
}

function passwordOf(length: number, random: (below: number) => number = (below) => randomInt(below)): string {
  const pick = (from: string): string => from.charAt(random(from.length));
  const alphabet = CLASSES.join('');
  const chosen = [...CLASSES.map(pick), ...Array.from({ length: length - CLASSES.length }, () => pick(alphabet))];
  const characters: string[] = [];
  for (const character of chosen) characters.splice(random(characters.length + 1), 0, character);
  return characters.join('');
}

function randomText(alphabet: Alphabet, length: number): string {
  switch (alphabet) {
    case 'password':
      return passwordOf(length);
    case 'alphanumeric':
      return pickFrom(ALPHANUMERIC, length);
    case 'digits':
      return pickFrom('0123456789', length);
    case 'hex':
    case 'base64':
    case 'base64url':
      return randomBytes(length).toString(alphabet);
  }
}

function pickFrom(characters: string, length: number): string {
  return Array.from({ length }, () => characters.charAt(randomInt(characters.length))).join('');
}
