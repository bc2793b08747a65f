/**
 * The name that a key is made with, from which the rotation that made it is found again: after a crash it is how a key that
 * nobody knows is told from all others. The whole id has to come back, so a short name holds it packed, not cut off.
 */
const ID = /^([0-9a-f]{20})-(\d{17})-([0-9a-f]{8})$/;
const PLAIN = /^keyturn-([0-9a-f]{20}-\d{17}-[0-9a-f]{8})$/;
const PACKED = /^kt-([a-z2-7]{32})$/i;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/** `keyturn-` and the id as it is everywhere else. */
const PLAIN_LENGTH = 55;
/** `kt-` and the id's 20 bytes in base32, which no system's own change of case spoils. */
export const SHORTEST_LABEL = 35;

/**
 * Pure.
 * @param rotationId of the shape that the engine gives
 * @param maxLength at least SHORTEST_LABEL
 */
export function labelOf(rotationId: string, maxLength: number): string {
  const [, object, time, chance] = ID.exec(rotationId) ?? [];
  if (object === undefined || time === undefined || chance === undefined) {
    throw new TypeError(`${rotationId} is no id of a rotation`);
  }
  if (maxLength >= PLAIN_LENGTH) return `keyturn-${rotationId}`;
  const ms = Date.parse(time.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, '$1-$2-$3T$4:$5:$6.$7Z'));
  return `kt-${base32(`${object}${ms.toString(16).padStart(12, '0')}${chance}`)}`;
}

/** The rotation's id in a key's name; undefined for a name that no rotation gave. Pure. */
export function rotationIdOf(label: string): string | undefined {
  const plain = PLAIN.exec(label)?.[1];
  if (plain !== undefined) return plain;
  const packed = PACKED.exec(label)?.[1];
  if (packed === undefined) return undefined;
  const hex = unBase32(packed.toLowerCase());
  const time = new Date(Number.parseInt(hex.slice(20, 32), 16));
  if (Number.isNaN(time.getTime())) return undefined;
  const id = `${hex.slice(0, 20)}-${time.toISOString().replace(/\D/g, '')}-${hex.slice(32)}`;
  return ID.test(id) ? id : undefined;
}

/** When the rotation was asked for. Pure. */
export function timeIn(rotationId: string): Date | undefined {
  const time = ID.exec(rotationId)?.[2]?.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, '$1-$2-$3T$4:$5:$6.$7Z');
  return time === undefined ? undefined : new Date(time);
}

function base32(hex: string): string {
  const bits = Array.from(hex, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  return bits.replace(/.{5}/g, (five) => LETTERS.charAt(Number.parseInt(five, 2)));
}

function unBase32(text: string): string {
  const bits = Array.from(text, (letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return bits.replace(/.{4}/g, (four) => Number.parseInt(four, 2).toString(16));
}
