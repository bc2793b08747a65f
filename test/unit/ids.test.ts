import { expect, it } from 'vitest';
import { newRotationId, objectKey, objectKeyOf } from '../../src/rotation/ids.ts';
import { OBJECT, VAULT } from '../support/memory/bench.ts';
import { NOW } from '../support/memory/clock.ts';

it('an object has one key, however its name is spelt, and another than its neighbours', () => {
  expect(objectKey({ ...OBJECT, vault: VAULT.toUpperCase(), name: 'DB' })).toBe(objectKey(OBJECT));
  expect(objectKey({ ...OBJECT, kind: 'key' })).not.toBe(objectKey(OBJECT));
  expect(objectKey({ ...OBJECT, name: 'db2' })).not.toBe(objectKey(OBJECT));
});

it('a rotation id tells its object, sorts by time, and is never the same twice', () => {
  const id = newRotationId(OBJECT, NOW, () => Uint8Array.of(1, 2, 3, 255));
  expect(id).toBe(`${objectKey(OBJECT)}-20261122120000000-010203ff`);
  expect(objectKeyOf(id)).toBe(objectKey(OBJECT));
  expect(newRotationId(OBJECT, new Date(NOW.getTime() + 1)) > newRotationId(OBJECT, NOW)).toBe(true);
  expect(newRotationId(OBJECT, NOW)).not.toBe(newRotationId(OBJECT, NOW));
});

it.each(['', 'x', `${'0'.repeat(20)}-1-00000000`, "x' or '1' eq '1"])('%o is no rotation id', (text) => {
  expect(objectKeyOf(text)).toBeUndefined();
});
