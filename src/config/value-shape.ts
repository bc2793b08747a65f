import type { Alphabet, ValueShape } from '../rotation/ports.ts';
import { nearest } from './spelling.ts';

/** Bits of each character, or of each byte that is encoded. */
const ALPHABETS: Readonly<Record<Alphabet, number>> = {
  password: Math.log2(59),
  alphanumeric: Math.log2(62),
  digits: Math.log2(10),
  hex: 8,
  base64: 8,
  base64url: 8,
};
/** What no attacker gets through by trying; NIST SP 800-131A calls 112 bits the least. */
const WEAKEST = 112;
const LONGEST = 4096;
const FORMS = 'write literal text around {alphabet:length}, such as whsec_{base64:24} or {hex:32}';

/**
 * The tag ValueShape: literal text around `{alphabet:length}`. Pure.
 * @returns the shape, or what is wrong with it
 */
export function parseShape(text: string): ValueShape | string {
  const shape: ValueShape[number][] = [];
  let rest = text;
  while (rest !== '') {
    const [, literal = '', inner] = /^([^{}]*)(?:\{([^{}]*)\})?/.exec(rest) ?? [];
    const taken = literal.length + (inner === undefined ? 0 : inner.length + 2);
    if (taken === 0) return `has a brace that belongs to no {alphabet:length}; ${FORMS}`;
    if (literal !== '') shape.push({ literal });
    if (inner !== undefined) {
      const part = parsePart(inner);
      if (typeof part === 'string') return part;
      shape.push(part);
    }
    rest = rest.slice(taken);
  }
  const bits = shape.reduce((sum, part) => sum + ('literal' in part ? 0 : ALPHABETS[part.alphabet] * part.length), 0);
  if (bits < WEAKEST) return `has ${Math.floor(bits)} random bits, and a secret needs ${WEAKEST} at least; ${FORMS}`;
  return shape;
}

function parsePart(inner: string): ValueShape[number] | string {
  const [, name = '', digits = ''] = /^([A-Za-z0-9]+):(\d{1,5})$/.exec(inner) ?? [];
  const known = Object.keys(ALPHABETS) as Alphabet[];
  const alphabet = known.find((one) => one === name);
  const length = Number(digits);
  if (alphabet === undefined) {
    const meant = nearest(name, known);
    return `names the alphabet '${name}'; ${meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`}`;
  }
  if (length < 4 || length > LONGEST) return `has a length of ${digits}; it is 4 to ${LONGEST}`;
  return { alphabet, length };
}
