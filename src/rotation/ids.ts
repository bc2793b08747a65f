import { createHash, randomBytes } from 'node:crypto';
import type { ObjectRef } from './ports.ts';

const ROTATION_ID = /^([0-9a-f]{20})-(\d{17})-([0-9a-f]{8})$/;

/** The key of a managed object: 20 hex characters, the same for every spelling that Key Vault takes for one name. */
export function objectKey(object: ObjectRef): string {
  const text = `${object.kind}|${object.vault.toLowerCase()}|${object.name.toLowerCase()}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

/**
 * A new rotation id, `<objectKey>-<yyyymmddhhmmssfff, UTC>-<8 hex>`: the ids of one object sort by time, and the
 * object's rows are found from the id alone.
 *
 * @param random gives that many random bytes
 */
export function newRotationId(
  object: ObjectRef,
  now: Date,
  random: (bytes: number) => Uint8Array = (bytes) => randomBytes(bytes),
): string {
  const time = now.toISOString().replace(/\D/g, '');
  return `${objectKey(object)}-${time}-${Buffer.from(random(4)).toString('hex')}`;
}

/** When a rotation was asked for, or undefined when the text is no rotation id. */
export function timeOf(rotationId: string): Date | undefined {
  const [, year, month, day, hour, minute, second, ms] =
    /-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})-/.exec(rotationId) ?? [];
  if (ms === undefined) return undefined;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}

/** The object key inside a rotation id, or undefined when the text is no rotation id. */
export function objectKeyOf(rotationId: string): string | undefined {
  return ROTATION_ID.exec(rotationId)?.[1];
}
