import { describe, expect, it } from 'vitest';
import type { RotateMessage } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import { Bench, OBJECT, OVERLAP, TAGS } from '../support/memory/bench.ts';
import { HOUR, MINUTE, NOW } from '../support/memory/clock.ts';

const inFuture = (ms: number): string => new Date(NOW.getTime() + ms).toISOString();
const lease = (ms: number) => ({ lease: { owner: 'somebody-else', until: inFuture(ms) } });
const blocked: Partial<Run> = {
  state: 'blocked',
  step: 'set',
  from: { version: 'v1', slot: 'a' },
  to: { slot: 'b' },
  blocked: { code: 'GRANTS_DIFFER', message: 'b lacks a grant', at: NOW.toISOString() },
};
const waiting: Partial<Run> = { ...blocked, state: 'waiting', wakeAt: inFuture(HOUR) };
const overlapping: Partial<Run> = {
  state: 'waiting',
  step: 'confirm',
  system: 'bank:bank.example',
  from: { version: 'v0', slot: 'b' },
  to: { slot: 'a', version: 'v1' },
  retireAt: inFuture(HOUR),
  wakeAt: inFuture(HOUR),
};
const resume: RotateMessage = { object: OBJECT, trigger: 'resume', rotationId: 'left-behind' };

describe('a message is turned away', () => {
  it.each<[string, Partial<Run> | undefined, RotateMessage, object]>([
    ['to resume what there is not', undefined, resume, { outcome: 'dropped', reason: 'RunIsOver' }],
    ['to resume without an id', blocked, { object: OBJECT, trigger: 'resume' }, { reason: 'RunIsOver' }],
    ['to resume another run', blocked, { ...resume, rotationId: 'other' }, { reason: 'RunIsOver' }],
    ['to resume what is done', { ...overlapping, state: 'done' }, resume, { reason: 'RunIsOver' }],
    [
      'by an event while a run waits',
      waiting,
      { object: OBJECT, trigger: 'near-expiry', version: 'v1' },
      { outcome: 'dropped', reason: 'RunInProgress' },
    ],
    [
      'by a request while a run waits',
      waiting,
      { object: OBJECT, trigger: 'manual', rotationId: 'r' },
      { outcome: 'refused', reason: 'RunInProgress' },
    ],
    [
      'by a request while the overlap is open',
      overlapping,
      { object: OBJECT, trigger: 'manual', rotationId: 'r' },
      { outcome: 'refused', reason: 'OverlapNotOver' },
    ],
    [
      'by force, too, while the overlap is open',
      overlapping,
      { object: OBJECT, trigger: 'manual', rotationId: 'r', force: true },
      { outcome: 'refused', reason: 'OverlapNotOver' },
    ],
    [
      'by an event while the run is blocked',
      blocked,
      { object: OBJECT, trigger: 'near-expiry', version: 'v1' },
      { outcome: 'dropped', reason: 'Blocked', detail: 'b lacks a grant' },
    ],
    [
      'by the sweep while the run is blocked, whatever by',
      { state: 'blocked' },
      { object: OBJECT, trigger: 'sweep' },
      { outcome: 'dropped', reason: 'Blocked', detail: 'the run is blocked' },
    ],
    [
      'about a version that is not current',
      undefined,
      { object: OBJECT, trigger: 'near-expiry', version: 'v0' },
      { outcome: 'refused', reason: 'StaleVersion' },
    ],
    [
      'by an event whose retirement is due but not done',
      { ...overlapping, wakeAt: inFuture(-1), retireAt: inFuture(-1) },
      { object: OBJECT, trigger: 'near-expiry', version: 'v1' },
      { outcome: 'refused', reason: 'OverlapNotOver' },
    ],
  ])('%s', async (_, run, message, outcome) => {
    const bench = new Bench();
    if (run !== undefined) bench.leave(run);
    expect(await bench.deliver(message)).toMatchObject(outcome);
    expect(bench.calls.count('rotator.set') + bench.calls.count('journal.write')).toBe(0);
  });

  it('by the event of a version that was rotated already, however often it comes', async () => {
    const bench = new Bench();
    const event = bench.message();
    await bench.rotated(event);
    await bench.deliver(event);
    bench.clock.advance(OVERLAP);
    await bench.drain();
    expect(await bench.deliver(event)).toMatchObject({ outcome: 'refused', reason: 'StaleVersion' });
    expect(bench.vault.peek(OBJECT)).toHaveLength(2);
  });

  it.each(['done', 'cancelled', 'refused', 'running'] as const)(
    'as a request that the ledger says is %s',
    async (state) => {
      const bench = new Bench();
      await bench.deliver(bench.message('manual', { rotationId: 'r' }));
      const run = { ...bench.run, rotationId: 'r2', state };
      await bench.journal.announceRun(OBJECT, run);
      expect(await bench.deliver(bench.message('manual', { rotationId: 'r2' }))).toMatchObject({
        outcome: 'dropped',
        reason: 'RunIsOver',
      });
    },
  );

  it.each<[string, (bench: Bench) => void, string, string]>([
    ['not managed', (b) => b.seed({ tags: {} }), 'NotManaged', 'no tag ProviderAddress'],
    ['disabled', (b) => b.vault.change(OBJECT, { enabled: false }), 'HUMAN_REQUIRED', 'Enable it.'],
    ['deleted', (b) => b.vault.remove(OBJECT), 'TARGET_NOT_FOUND', 'Recover it.'],
    ['paused', (b) => b.seed({ tags: { ...TAGS, Paused: 'true' } }), 'Paused', 'Paused is true'],
    ['behind a certificate', (b) => b.seed({ managed: true }), 'BacksCertificate', 'backs a certificate'],
  ])('for a secret that is %s, and a request gets its answer in the ledger', async (_, happens, reason, detail) => {
    const bench = new Bench();
    happens(bench);
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'refused', reason });
    expect(bench.journal.ledger.size).toBe(0);
    await bench.deliver(bench.message('manual', { rotationId: 'r', requestedBy: 'on-call' }));
    expect(bench.journal.ledger.get('r')?.run).toMatchObject({ state: 'refused', reason, requestedBy: 'on-call' });
    expect(bench.journal.ledger.get('r')?.run.steps[0]?.detail).toContain(detail);
    expect(bench.record).toBeUndefined();
  });
});

describe('while another runner holds the lease, a message comes back after it', () => {
  const other = { ...resume, trigger: 'manual', rotationId: 'r' } as const;
  it.each<[string, RotateMessage, RotateMessage]>([
    ['an event, as one to resume the run', { object: OBJECT, trigger: 'near-expiry', version: 'v1' }, resume],
    ['a request for the same run, as one to resume it', { ...resume, trigger: 'manual' }, resume],
    ['a request for another run, as it is', other, other],
    [
      'a compromised one, as it is',
      { object: OBJECT, trigger: 'compromised', rotationId: 'r' },
      { object: OBJECT, trigger: 'compromised', rotationId: 'r' },
    ],
  ])('%s', async (_, message, later) => {
    const bench = new Bench();
    bench.leave({}, lease(MINUTE));
    expect(await bench.deliver(message)).toMatchObject({ outcome: 'deferred', reason: 'RunInProgress' });
    expect(bench.queue.nextAt).toBe(NOW.getTime() + MINUTE + 1000);
    bench.clock.advance(MINUTE + 1000);
    expect(bench.queue.take()?.item.message).toEqual(later);
  });

  it('an event, as it is, where the row has no run', async () => {
    const bench = new Bench();
    bench.journal.put({ schema: 1, object: OBJECT, ...lease(MINUTE) });
    await bench.deliver(bench.message());
    bench.clock.advance(MINUTE + 1000);
    await bench.drain();
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'rotated' });
  });
});
