import { expect, it } from 'vitest';
import { mintPassword } from '../../src/rotation/mint.ts';

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
