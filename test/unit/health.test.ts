import { describe, expect, it } from 'vitest';
import { health } from '../../src/health.ts';
import { Bench, error, OTHER_VAULT, VAULT } from '../support/memory/bench.ts';

describe('health', () => {
  it('looks at the journal and at every vault, and counts what waits for a person', async () => {
    const bench = new Bench();
    bench.leave({ state: 'blocked' });
    expect(await health(bench.engine)).toEqual({
      healthy: true,
      blocked: 1,
      checks: ['journal', VAULT, OTHER_VAULT].map((name) => ({ name, ok: true })),
    });
    expect(bench.calls.log.every((call) => ['journal.runs', 'vault.list'].includes(call))).toBe(true);
  });

  it('tells of each thing that cannot be reached, with its remedy, and goes on to the next', async () => {
    const bench = new Bench();
    bench.calls.fail('journal.runs', error('UNAVAILABLE'));
    bench.calls.fail('vault.list', error('ACCESS_DENIED', { message: 'may not list', remedy: 'az role …' }));
    expect(await health(bench.engine)).toEqual({
      healthy: false,
      blocked: 0,
      checks: [
        { name: 'journal', ok: false, detail: 'UNAVAILABLE happened' },
        { name: VAULT, ok: false, detail: 'may not list', remedy: 'az role …' },
        { name: OTHER_VAULT, ok: true },
      ],
    });
  });

  it('does not hide a bug', async () => {
    const bench = new Bench();
    bench.calls.fail('journal.runs', new TypeError('a bug'));
    await expect(health(bench.engine)).rejects.toThrow(TypeError);
  });
});
