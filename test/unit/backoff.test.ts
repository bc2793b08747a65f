import { describe, expect, it } from 'vitest';
import { adoptionPollMs, backoffMs, MAX_ATTEMPTS } from '../../src/rotation/backoff.ts';
import { error } from '../support/memory/bench.ts';

const failure = error('UNAVAILABLE');

describe('the wait before the next attempt', () => {
  it.each([
    [0, 5_000],
    [1, 5_000],
    [2, 10_000],
    [5, 80_000],
    [10, 2_560_000],
    [11, 3_600_000],
    [1000, 3_600_000],
  ])('after %i attempts is %i ms at the most', (attempts, ms) => {
    expect(backoffMs(failure, attempts, () => 0)).toBe(ms);
    expect(backoffMs(failure, attempts, () => 0.999)).toBeGreaterThan(ms * 0.75 - 1);
  });

  it.each([
    [90_000, 90_000],
    [1, 1000],
    [0, 1000],
    [-5, 1000],
    [365 * 24 * 3600_000, 24 * 3600_000],
    [Infinity, 24 * 3600_000],
  ])('is what the service asks for: %d ms, but a second at least and a day at most', (retryAfterMs, ms) => {
    expect(backoffMs(error('THROTTLED', { retryAfterMs }), 3, () => 0.5)).toBe(ms);
  });

  it('does not use up every attempt within seconds where a service asks for a second each time', () => {
    const impatient = error('THROTTLED', { retryAfterMs: 1000 });
    const waits = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, i) => backoffMs(impatient, i + 1, () => 0));
    expect(waits.slice(0, 4)).toEqual([1000, 1000, 1000, 40_000]);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(40 * 60_000);
  });

  it('adds up to most of an hour before a person is asked', () => {
    const waits = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, i) => backoffMs(failure, i + 1, () => 0));
    expect(waits.reduce((sum, ms) => sum + ms, 0) / 60_000).toBeCloseTo(42.6, 1);
  });
});

it('adoption is asked for every quarter of an hour at first, every hour later on', () => {
  expect([0, 15, 30, 45, 10_000].map((minutes) => adoptionPollMs(minutes * 60_000) / 60_000)).toEqual([
    15, 15, 15, 60, 60,
  ]);
});
