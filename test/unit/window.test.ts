import { expect, it } from 'vitest';
import { nextOpening } from '../../src/rotation/policy.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Bench, days, TAGS } from '../support/memory/bench.ts';
import { DAY, HOUR, NOW } from '../support/memory/clock.ts';

it('a rotation waits for its window, in the runner and in the sweep, and an expired version does not', async () => {
  const bench = new Bench();
  bench.seed({ tags: { ...TAGS, RotationWindow: '02:00-04:00' } });
  expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'refused', reason: 'OutsideWindow' });
  expect(await sweep(bench.engine)).toMatchObject({ due: 0 });
  bench.clock.advance(15 * HOUR);
  expect(await sweep(bench.engine)).toMatchObject({ due: 1 });
  expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'rotated' });
  bench.seed({ tags: { ...TAGS, RotationWindow: '02:00-04:00' }, expiresOn: days(1) });
  bench.clock.advance(DAY);
  const expired = new Bench();
  expired.seed({ tags: { ...TAGS, RotationWindow: '02:00-04:00' }, expiresOn: days(-1) });
  expect(await expired.deliver(expired.message('expired'))).toMatchObject({ outcome: 'rotated' });
});

it('a window without a day is looked at again in a week', () => {
  const opens = nextOpening({ days: [], startMinute: 0, endMinute: 60 }, NOW);
  expect(opens.getTime()).toBe(Date.parse('2026-11-29T00:00:00Z'));
});
