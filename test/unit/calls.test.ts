import { describe, expect, it } from 'vitest';
import { CALL_MS, CallScope, LEASE_MARGIN_MS } from '../../src/rotation/calls.ts';
import type { Call } from '../../src/rotation/ports.ts';
import { FixedClock, MINUTE } from '../support/memory/clock.ts';

const never = (): Promise<never> => Promise.withResolvers<never>().promise;

describe('a bounded call', () => {
  it('gives its answer, tells the time, and leaves no time-out behind', async () => {
    const clock = new FixedClock();
    const seen = await new CallScope(clock, MINUTE).run('asking', async (call) => call.now());
    expect(seen).toEqual(clock.now());
    expect(clock.pending).toBe(0);
  });

  it('leaves no time-out behind when it fails either', async () => {
    const clock = new FixedClock();
    const failing = new CallScope(clock, MINUTE).run('asking', () => Promise.reject(new TypeError('a bug')));
    await expect(failing).rejects.toThrow(TypeError);
    const throwing = new CallScope(clock, MINUTE).run('asking', () => {
      throw new TypeError('at once');
    });
    await expect(throwing).rejects.toThrow('at once');
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['the longest that one call may take', 10 * MINUTE, CALL_MS],
    ['what is left of the whole', MINUTE / 2, MINUTE / 2],
  ])('ends after %s, its signal aborted with the same error', async (_, whole, limit) => {
    const clock = new FixedClock();
    let signal: AbortSignal | undefined;
    const call = new CallScope(clock, whole).run('asking the server', ({ signal: given }: Call) => {
      signal = given;
      return never();
    });
    clock.advance(limit - 1);
    expect(signal?.aborted).toBe(false);
    clock.advance(1);
    await expect(call).rejects.toMatchObject({
      code: 'TIMED_OUT',
      effect: 'unknown',
      message: `asking the server gave no answer within ${limit / 1000} s`,
    });
    expect(signal?.reason).toMatchObject({ code: 'TIMED_OUT' });
  });

  it('is not begun when no time is left', async () => {
    const clock = new FixedClock();
    const scope = new CallScope(clock, MINUTE);
    clock.advance(MINUTE);
    let begun = false;
    const call = scope.run('writing', async () => void (begun = true));
    await expect(call).rejects.toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
    expect(begun).toBe(false);
  });

  it('may be begun until the margin before the end of a lease that was written anew', async () => {
    const clock = new FixedClock();
    const scope = new CallScope(clock, 1);
    scope.extend(new Date(clock.now().getTime() + LEASE_MARGIN_MS + 1));
    await expect(scope.run('writing', async () => 1)).resolves.toBe(1);
    clock.advance(1);
    await expect(scope.run('writing', async () => 1)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });
});
