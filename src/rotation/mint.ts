import { randomInt } from 'node:crypto';
import { SecretValue } from './secret-value.ts';

const CLASSES = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz', '23456789', '-_'] as const;
const ALPHABET = CLASSES.join('');
const LENGTH = 40;

/**
 * A new password of 40 characters, about 230 bits. Letters, digits, `-` and `_` only: none of them needs quoting in a
 * connection string or a URL, and each class is there, which is what SQL Server's policy asks (facts D1).
 */
export function mintPassword(random: (below: number) => number = (below) => randomInt(below)): SecretValue {
  const pick = (from: string): string => from.charAt(random(from.length));
  const chosen = [...CLASSES.map(pick), ...Array.from({ length: LENGTH - CLASSES.length }, () => pick(ALPHABET))];
  const characters: string[] = [];
  for (const character of chosen) characters.splice(random(characters.length + 1), 0, character);
  return new SecretValue(characters.join(''));
}
