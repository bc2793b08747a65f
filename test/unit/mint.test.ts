import { expect, it } from 'vitest';
import { mint, mintPassword } from '../../src/rotation/mint.ts';
import type { ValueShape } from '../../src/rotation/ports.ts';

it('a password has forty characters of every class, and none that a connection string or a URL has to quote', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200; i += 1) {
    const password = mintPassword().reveal();
    expect(password).toMatch(/^[A-Za-z0-9_-]{40}$/);
    for (const kind of [/[A-Z]/, /[a-z]/, /[2-9]/, /[-_]/]) expect(password).toMatch(kind);
    seen.add(password);
  }
  expect(seen.size).toBe(200);
});

it('the characters that every password has are not always at its beginning', () => {
  const first = new Set(Array.from({ length: 200 }, () => mintPassword().reveal().charAt(0)));
  expect(first.size).toBeGreaterThan(20);
});

it('every character is asked of the source of randomness, within its bounds', () => {
  const bounds: number[] = [];
  const password = mintPassword((below) => {
    bounds.push(below);
    return below - 1;
  });
  expect(bounds.every((below) => below > 0)).toBe(true);
  expect(bounds.length).toBeGreaterThanOrEqual(40 + 39);
  expect(password.reveal()).toHaveLength(40);
});

it.each([
  [[{ literal: 'whsec_' }, { alphabet: 'base64', length: 24 }], /^whsec_[A-Za-z0-9+/]{32}$/],
  [[{ alphabet: 'hex', length: 32 }], /^[0-9a-f]{64}$/],
  [[{ alphabet: 'base64url', length: 33 }], /^[A-Za-z0-9_-]{44}$/],
  [
    [{ alphabet: 'alphanumeric', length: 50 }, { literal: '!' }, { alphabet: 'digits', length: 9 }],
    /^[A-Za-z0-9]{50}![0-9]{9}$/,
  ],
  [[{ alphabet: 'password', length: 20 }], /^(?=.*[A-Z])(?=.*[a-z])(?=.*[2-9])(?=.*[-_])[A-Za-z2-9_-]{20}$/],
] satisfies [ValueShape, RegExp][])('a value of the shape %j looks so, and never twice the same', (shape, looks) => {
  const values = Array.from({ length: 20 }, () => mint(shape).reveal());
  for (const value of values) expect(value).toMatch(looks);
  expect(new Set(values).size).toBe(20);
});

it('a value of no shape is a password', () => {
  expect(mint().reveal()).toHaveLength(40);
});
