import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseRun, RUN_STATES, serialise, STEPS, type JournalRecord } from '../../src/rotation/record.ts';

const time = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2037-01-01'), noInvalidDate: true })
  .map((d) => d.toISOString());
const record: fc.Arbitrary<JournalRecord> = fc.record(
  {
    schema: fc.constant(1 as const),
    object: fc.record({ kind: fc.constant('secret' as const), vault: fc.webUrl(), name: fc.string() }),
    lease: fc.record({ owner: fc.string(), until: time }),
    owns: fc.record({ system: fc.string(), slots: fc.array(fc.string(), { maxLength: 3 }) }),
    run: fc.record({
      rotationId: fc.string(),
      reason: fc.string(),
      forced: fc.boolean(),
      compromised: fc.boolean(),
      state: fc.constantFrom(...RUN_STATES),
      step: fc.constantFrom(...STEPS),
      startedAt: time,
      updatedAt: time,
      attempts: fc.nat(),
      steps: fc.array(
        fc.record({ step: fc.constantFrom(...STEPS), at: time, ms: fc.nat(), outcome: fc.constant('ok' as const) }),
      ),
    }),
  },
  { requiredKeys: ['schema', 'object'] },
);

it('a record survives being written and read', () => {
  fc.assert(
    fc.property(record, (given) => {
      expect(parse(serialise(given))).toEqual(given);
    }),
  );
});

describe('what is no record of a known schema is refused, never guessed', () => {
  const good = { schema: 1, object: { kind: 'secret', vault: 'https://kv', name: 'n' } };
  const run = {
    rotationId: 'r',
    state: 'done',
    step: 'done',
    startedAt: '2026-01-01T00:00:00Z',
    steps: [],
    attempts: 0,
  };
  it.each<[string, unknown]>([
    ['text', 'not json'],
    ['null', null],
    ['a list', []],
    ['a newer schema', { ...good, schema: 2 }],
    ['no object', { schema: 1 }],
    ['an object of no known kind', { ...good, object: { ...good.object, kind: 'blob' } }],
    ['a run without id', { ...good, run: { ...run, rotationId: 1 } }],
    ['a run in no known state', { ...good, run: { ...run, state: 'asleep' } }],
    ['a run at no known step', { ...good, run: { ...run, step: 'fly' } }],
    ['a run without a start', { ...good, run: { ...run, startedAt: 'yesterday' } }],
    ['a lease without a time', { ...good, lease: { owner: 'x', until: 'soon' } }],
    ['slots without a system', { ...good, owns: { slots: [] } }],
  ])('%s', (_, given) => {
    const text = typeof given === 'string' ? given : JSON.stringify(given);
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'JOURNAL_INVALID' }));
  });

  it('a ledger row likewise', () => {
    expect(parseRun(JSON.stringify(run))).toEqual(run);
    expect(() => parseRun('{')).toThrow(expect.objectContaining({ code: 'JOURNAL_INVALID' }));
    expect(() => parseRun('{}')).toThrow(expect.objectContaining({ code: 'JOURNAL_INVALID' }));
  });
});
