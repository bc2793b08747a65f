import { expect, it } from 'vitest';
import { newestOf } from '../../src/rotation/adoption/newest.ts';
import type { Call } from '../../src/rotation/ports.ts';
import { Bench, OBJECT } from '../support/memory/bench.ts';

it('a consumer is told when the version was made, and not its value: some only show when they last read the vault', async () => {
  const bench = new Bench();
  const createdOn = bench.clock.now();
  bench.seed({ value: 'a-new-one', createdOn });
  const call: Call = { signal: new AbortController().signal, now: () => createdOn };
  const newest = await newestOf(bench.engine, (_what, work) => work(call), OBJECT);
  expect(newest).toEqual({ object: OBJECT, version: 'v2', createdOn });
});
