import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { MINUTE, NOW } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

describe('a new version that a rotation wrote', () => {
  it('is noted and announced, and its retirement is scheduled', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    expect(await bench.propagate()).toMatchObject({ outcome: 'waiting' });
    expect([...bench.journal.notes.values()]).toMatchObject([
      { kind: 'propagated', version: 'v2', message: containing(bench.run.rotationId) },
    ]);
    expect(bench.announced).toMatchObject([
      { type: 'Keyturn.SecretVersionCreated', id: `${bench.run.rotationId}.v2`, data: { credentialId: 'b' } },
    ]);
    expect(bench.queue.nextAt).toBe(Date.parse(bench.run.retireAt ?? ''));
  });

  it('is announced once, however often the event comes', async () => {
    const bench = new Bench();
    await bench.rotated();
    expect(await bench.propagate()).toMatchObject({ outcome: 'dropped', reason: 'AlreadyAnnounced' });
    expect(bench.announced).toHaveLength(1);
    expect(bench.journal.notes.size).toBe(1);
  });

  it('waits for the journal, when the event is quicker than that', async () => {
    const bench = new Bench();
    const early: unknown[] = [];
    bench.calls.before('vault.write', async () => void early.push(await bench.propagate('v2')));
    await bench.deliver(bench.message());
    expect(early).toMatchObject([{ outcome: 'deferred', reason: 'RunInProgress' }]);
    expect(bench.announced).toEqual([]);
    bench.clock.advance(5000);
    await bench.drain();
    expect(bench.announced).toHaveLength(1);
  });

  it('is left to the runner that holds the row', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    const record = bench.record;
    if (record === undefined) throw new TypeError('no record');
    const until = new Date(NOW.getTime() + LEASE_MS).toISOString();
    bench.journal.put({ ...record, lease: { owner: 'somebody-else', until } });
    expect(await bench.propagate()).toMatchObject({ outcome: 'dropped' });
    expect(bench.announced).toEqual([]);
  });

  it('is left to the runner that took the row in between', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.clock.advance(3 * MINUTE);
    bench.calls.before('journal.note', async () => {
      await bench.resume();
    });
    expect(await bench.propagate()).toMatchObject({ outcome: 'dropped', reason: 'LeaseLost' });
    expect(bench.announced).toHaveLength(1);
  });

  it('comes again when it could not be announced, and is then announced', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.calls.fail('announcer.announce', error('UNAVAILABLE'));
    await expect(bench.propagate()).rejects.toThrow('UNAVAILABLE happened');
    const again = await bench.propagate().catch(() => 'thrown');
    expect(bench.announced.length > 0 || again === 'thrown' || JSON.stringify(again).includes('deferred')).toBe(true);
  });

  it('is a fault of the program when that is what it is', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.calls.fail('announcer.announce', new TypeError('a bug'));
    await expect(bench.propagate()).rejects.toThrow(TypeError);
  });
});

describe('a new version that somebody else wrote', () => {
  it('is noted and announced, and starts nothing', async () => {
    const bench = new Bench();
    expect(await bench.propagate()).toMatchObject({ outcome: 'announced', reason: 'NotOurs' });
    expect([...bench.journal.notes.values()]).toMatchObject([{ message: 'written by somebody else', object: OBJECT }]);
    expect(bench.announced).toMatchObject([{ version: 'v1', data: {} }]);
    expect(bench.record).toBeUndefined();
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('is announced beside a run that waits for another version', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    bench.seed();
    expect(await handlePropagate(bench.engine, { object: OBJECT, version: 'v3' })).toMatchObject({ reason: 'NotOurs' });
    expect(bench.run.step).toBe('refresh');
  });
});

describe('a refresh whose row says less than it should', () => {
  it('announces what it knows', async () => {
    const bench = new Bench();
    bench.leave({ step: 'refresh', state: 'waiting' });
    expect(await bench.resume()).toMatchObject({ outcome: 'waiting' });
    expect(bench.announced).toMatchObject([{ id: 'left-behind.', version: '', data: { credentialId: '' } }]);
    expect(bench.run.wakeAt).toBe(NOW.toISOString());
  });
});
