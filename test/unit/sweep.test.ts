import { describe, expect, it } from 'vitest';
import type { RotateMessage } from '../../src/rotation/ports.ts';
import type { JournalRecord, Run } from '../../src/rotation/record.ts';
import { isStuck, sweep } from '../../src/rotation/sweep.ts';
import { decodeRotateMessage } from '../../src/state/messages.ts';
import { Bench, days, error, OBJECT, OTHER_VAULT, OVERLAP, TAGS, VAULT } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE, NOW } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const at = (ms: number): string => new Date(NOW.getTime() + ms).toISOString();
const lease = (ms: number) => ({ lease: { owner: 'x', until: at(ms) } });

function queued(bench: Bench): RotateMessage[] {
  const found: RotateMessage[] = [];
  bench.clock.advance(MINUTE);
  for (let taken = bench.queue.take(); taken !== undefined; taken = bench.queue.take()) {
    if (taken.item.kind === 'rotate') found.push(taken.item.message);
    taken.finish();
  }
  return found;
}

describe('the sweep finds', () => {
  it('a secret that is due and whose event never came, and its message is one that the queue’s reader takes', async () => {
    const bench = new Bench();
    expect(await sweep(bench.engine)).toEqual({ due: 1, resumed: 0, open: 0, blocked: [], problems: [] });
    const [message] = queued(bench);
    const read = decodeRotateMessage(JSON.stringify(message));
    expect(await bench.deliver(read)).toMatchObject({ outcome: 'rotated' });
  });

  it.each<[string, Parameters<Bench['seed']>[0]]>([
    ['that is young', { expiresOn: days(89) }],
    ['that nobody asked to manage', { tags: { team: 'x' } }],
    ['that is paused', { tags: { ...TAGS, Paused: 'true' } }],
    ['that is disabled and has wrong tags', { tags: { ...TAGS, Paused: 'perhaps' } }],
    ['that backs a certificate and has wrong tags', { managed: true, tags: { ...TAGS, Paused: 'perhaps' } }],
  ])('no secret %s', async (what, how) => {
    const bench = new Bench();
    bench.seed(how);
    if (what.includes('disabled')) bench.vault.change(OBJECT, { enabled: false });
    expect(await sweep(bench.engine)).toMatchObject({ due: 0 });
  });

  it('a secret with wrong tags, which the runner reports once', async () => {
    const bench = new Bench();
    bench.seed({ tags: { ...TAGS, OverlapHours: 'many' } });
    expect(await sweep(bench.engine)).toMatchObject({ due: 1 });
    await bench.deliver(bench.message('sweep'));
    expect(bench.run).toMatchObject({ state: 'blocked', blocked: { code: 'CONFIG_INVALID' } });
    expect(await sweep(bench.engine)).toMatchObject({ due: 0, resumed: 0 });
  });

  it('a retirement whose message is late', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.clock.advance(OVERLAP);
    expect(await sweep(bench.engine), 'the message may still come').toMatchObject({ resumed: 0 });
    bench.clock.advance(MINUTE);
    expect(await sweep(bench.engine)).toMatchObject({ resumed: 1 });
  });

  it('what another vault has, when one cannot be listed; and says which', async () => {
    const bench = new Bench();
    bench.seed({ object: { ...OBJECT, vault: OTHER_VAULT } });
    bench.calls.fail('vault.list', error('ACCESS_DENIED', { message: `may not list ${VAULT}`, remedy: 'az role …' }));
    expect(await sweep(bench.engine)).toMatchObject({ due: 1, resumed: 0, problems: [`may not list ${VAULT}`] });
    expect(queued(bench)).toMatchObject([{ object: { vault: OTHER_VAULT } }]);
    expect(bench.logged.join()).toContain('az role …');
  });

  it('what it can, when a row of the journal cannot be read; and says so', async () => {
    const bench = new Bench();
    bench.journal.spoil({ ...OBJECT, name: 'spoilt' });
    expect(await sweep(bench.engine)).toMatchObject({ due: 1, problems: [containing('has schema 2')] });
  });

  it('many, a quarter of a second apart', async () => {
    const bench = new Bench();
    for (const name of ['x', 'y', 'z']) bench.seed({ object: { ...OBJECT, name } });
    await sweep(bench.engine);
    expect(bench.queue.take()).toBeDefined();
    expect(bench.queue.take(), 'not yet').toBeUndefined();
    expect(queued(bench)).toHaveLength(4);
  });

  it('nothing while it is broken itself: a bug is told', async () => {
    const listing = new Bench();
    listing.calls.fail('vault.list', new TypeError('a bug'));
    await expect(sweep(listing.engine)).rejects.toThrow(TypeError);
    const reading = new Bench({}, (rotator) => ({
      ...rotator,
      kind: 'bank',
      claims: () => true,
      parseTarget: () => {
        throw new TypeError('a bug');
      },
    }));
    await expect(sweep(reading.engine)).rejects.toThrow(TypeError);
  });
});

describe('a run is stuck', () => {
  const run: Run = {
    rotationId: 'r',
    reason: 'NearExpiry',
    forced: false,
    compromised: false,
    state: 'running',
    step: 'set',
    startedAt: at(0),
    updatedAt: at(0),
    attempts: 0,
    steps: [],
  };
  const blockedAt = (ms: number) => ({ blocked: { code: 'DRIFTED', message: 'm', at: at(ms) } }) as const;
  it.each<[string, boolean, Partial<Run>, Partial<JournalRecord>, Date?]>([
    ['running without a lease', true, {}, {}],
    ['running under a lapsed lease', true, {}, lease(0)],
    ['running under its lease', false, {}, lease(1)],
    ['waiting and a minute late', true, { state: 'waiting', wakeAt: at(-MINUTE) }, {}],
    ['waiting and a little late', false, { state: 'waiting', wakeAt: at(-MINUTE + 1) }, {}],
    ['waiting for nothing named, since a minute', true, { state: 'queued', updatedAt: at(-MINUTE) }, {}],
    ['blocked for an hour', false, { state: 'blocked', ...blockedAt(-HOUR) }, {}],
    ['blocked for a day', true, { state: 'blocked', ...blockedAt(-DAY) }, {}],
    ['blocked, and its secret was changed since', true, { state: 'blocked', ...blockedAt(-HOUR) }, {}, NOW],
    ['blocked, and its secret was changed before', false, { state: 'blocked', ...blockedAt(-HOUR) }, {}, days(-1)],
    ['blocked without a time, since it was written', true, { state: 'blocked', updatedAt: at(-DAY) }, {}],
    ['done', false, { state: 'done' }, {}],
    ['cancelled', false, { state: 'cancelled' }, {}],
    ['refused', false, { state: 'refused' }, {}],
  ])('%s: %s', (_, stuck, changes, more, changed) => {
    const whole = { ...run, ...changes };
    expect(isStuck({ schema: 1, object: OBJECT, run: whole, ...more }, whole, NOW, changed)).toBe(stuck);
  });
});
