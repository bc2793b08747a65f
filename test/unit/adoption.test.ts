import { describe, expect, it } from 'vitest';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Outcome } from '../../src/rotation/engine.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import type { PropagateMessage } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { afterPush, found } from '../../src/rotation/adoption/machine.ts';
import type { Standing } from '../../src/rotation/adoption/record.ts';
import { Bench, error, OBJECT } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const REMEDY = 'POST /api/propagations {"vault":"https://kv.vault.azure.net","name":"db"}';

/** A new version `v2` that somebody wrote. */
function written(): Bench {
  const bench = new Bench();
  bench.seed({ value: 'a-new-one', createdOn: bench.clock.now() });
  return bench;
}

const tell = (bench: Bench, more: Partial<PropagateMessage> = {}): Promise<Outcome> =>
  handlePropagate(bench.engine, { object: OBJECT, version: 'v2', ...more });

const standing = (bench: Bench, id: string): Standing | undefined =>
  bench.adoptions.entry(OBJECT)?.record.consumers.find((one) => one.id === id);

describe('the time to adopt', () => {
  const lag = { pushed: HOUR, follows: DAY };
  const at = new Date('2026-11-22T12:00:00Z');
  const later = (ms: number): Date => new Date(at.getTime() + ms);
  const first = found({ kind: 'k', id: 'site', parent: 'site', hosts: [] }, undefined, at);

  it('runs from the first push, however often it is told', () => {
    const once = afterPush(first, { is: 'running', operation: 'o' }, lag, at);
    const twice = afterPush(once, { is: 'pushed' }, lag, later(30 * MINUTE));
    expect([once.deadline, twice.deadline]).toEqual([later(HOUR).toISOString(), later(HOUR).toISOString()]);
  });

  it('is that of who follows by itself, also where an operation had been tried first', () => {
    const tried = afterPush(first, { is: 'running', operation: 'o' }, lag, at);
    expect(afterPush(tried, { is: 'follows' }, lag, later(MINUTE)).deadline).toBe(later(DAY).toISOString());
  });
});

describe('who uses a new version', () => {
  it('is not asked where the settings name no subscription', async () => {
    const bench = written();
    expect(await tell(bench)).toMatchObject({ outcome: 'announced' });
    expect(bench.adoptions.entry(OBJECT)).toBeUndefined();
    expect(await tell(bench, { again: true })).toMatchObject({
      outcome: 'dropped',
      detail: containing('KEYTURN_SUBSCRIPTIONS'),
    });
  });

  it('is told, and seen to have it', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    expect(await tell(bench)).toMatchObject({ outcome: 'adopted', reason: 'AllAdopted' });
    expect(standing(bench, 'site')).toMatchObject({
      state: 'verified',
      proof: { kind: 'handshake', detail: 'site serves v2' },
    });
    expect(bench.adoptions.entry(OBJECT)?.record.lease).toBeUndefined();
    expect(bench.adoptions.parents.size).toBe(0);
    expect(bench.told()).not.toContain('a-new-one');
  });

  it('is told once, however often the event comes', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    await tell(bench);
    expect(await tell(bench)).toMatchObject({ outcome: 'dropped', reason: 'AlreadyAdopted' });
    expect(bench.consumers.pushes).toBe(1);
  });

  it('is not told where it has the version by itself', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v2' });
    expect(await tell(bench)).toMatchObject({ outcome: 'adopted' });
    expect(bench.consumers.pushes).toBe(0);
  });

  it('is told of the newest version, whichever one the event is about', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    await tell(bench, { version: 'v1' });
    expect(bench.consumers.serves('site')).toBe('v2');
    expect(bench.adoptions.entry(OBJECT)?.record.version).toBe('v2');
  });

  it('is not told of a version that is disabled', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    await bench.vault.disable(OBJECT, 'v2');
    expect(await tell(bench)).toMatchObject({ outcome: 'dropped', reason: 'HUMAN_REQUIRED' });
    expect(bench.consumers.pushes).toBe(0);
    expect(bench.logged.join()).toContain('Enable it.');
  });

  it('has it when it says so itself, and is not asked again', async () => {
    const bench = written();
    bench.consumers.put('hook', { version: 'v1', takes: 'delivered' });
    expect(await tell(bench)).toMatchObject({ outcome: 'adopted', reason: 'AllAdopted' });
    expect(standing(bench, 'hook')).toMatchObject({ state: 'verified', proof: { kind: 'delivered' } });
    expect(standing(bench, 'hook')).not.toHaveProperty('deadline');
    expect(bench.calls.count('consumer.confirm')).toBe(1);
    expect(await tell(bench)).toMatchObject({ outcome: 'dropped', reason: 'AlreadyAdopted' });
    expect(bench.consumers.pushes).toBe(1);
  });

  it('is waited for while its service is at it, and asked by its operation', async () => {
    const bench = written();
    bench.consumers.put('gateway', { version: 'v1', takes: 'slow' });
    expect(await tell(bench)).toMatchObject({ outcome: 'propagating' });
    expect(standing(bench, 'gateway')).toMatchObject({ state: 'pushed', operation: 'operation-1' });
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(standing(bench, 'gateway')).toMatchObject({ state: 'pushed' });
    bench.consumers.settle('v2');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(standing(bench, 'gateway')).toMatchObject({ state: 'verified' });
    expect(bench.consumers.pushes).toBe(1);
  });

  it('is stale when its service is at it for longer than that takes, and is asked once a day from then on', async () => {
    const bench = written();
    bench.consumers.put('gateway', { version: 'v1', takes: 'slow' });
    await tell(bench);
    for (let turn = 0; turn < 5; turn += 1) {
      bench.clock.advance(15 * MINUTE);
      await bench.drain();
    }
    expect(standing(bench, 'gateway')).toMatchObject({
      state: 'stale',
      trouble: { code: 'NOT_ADOPTED', remedy: containing('--resource-id "gateway"') },
    });
    expect(standing(bench, 'gateway')).not.toHaveProperty('operation');
    expect(bench.queue.nextAt).toBeUndefined();
    bench.consumers.settle('v2');
    bench.clock.advance(DAY + MINUTE);
    await sweep(bench.engine);
    await bench.drain();
    expect(standing(bench, 'gateway')).toMatchObject({ state: 'verified' });
  });

  it('is stale when the time that its service takes is over, and says what to do', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    expect(standing(bench, 'door')).toMatchObject({ state: 'propagating' });
    for (let turn = 0; turn < 20; turn += 1) {
      bench.clock.advance(15 * MINUTE);
      await bench.drain();
    }
    expect(standing(bench, 'door')).toMatchObject({
      state: 'stale',
      trouble: { code: 'NOT_ADOPTED', remedy: containing(REMEDY) },
    });
    expect(bench.queue.nextAt).toBeUndefined();
    expect(bench.consumers.pushes).toBe(1);
  });

  it('has its service’s own time where it follows by itself', async () => {
    const bench = written();
    bench.consumers.put('app', { version: 'v1', takes: 'by-itself' });
    await tell(bench);
    const deadline = Date.parse(standing(bench, 'app')?.deadline ?? '');
    expect(deadline - bench.clock.now().getTime()).toBe(DAY);
    bench.clock.advance(HOUR);
    bench.consumers.settle('v2');
    await bench.drain();
    expect(standing(bench, 'app')).toMatchObject({ state: 'verified' });
  });

  it('is reported where only a person may change it', async () => {
    const bench = written();
    bench.consumers.put('vpn', { version: 'v1', pinned: 'v1', takes: 'by-hand' });
    expect(await tell(bench)).toMatchObject({
      outcome: 'adopted',
      reason: 'NotAllAdopted',
      detail: containing('pinned: vpn'),
    });
    expect(standing(bench, 'vpn')).toMatchObject({
      state: 'pinned',
      trouble: { code: 'HUMAN_REQUIRED', remedy: 'Change vpn by hand' },
    });
  });

  it('is unreachable when nobody can tell until the time is over', async () => {
    const bench = written();
    bench.consumers.put('inner', { version: 'v1', hidden: true });
    await tell(bench);
    expect(standing(bench, 'inner')).toMatchObject({ state: 'propagating' });
    for (let turn = 0; turn < 20; turn += 1) {
      bench.clock.advance(15 * MINUTE);
      await bench.drain();
    }
    expect(standing(bench, 'inner')).toMatchObject({ state: 'unreachable', trouble: { remedy: 'Open it' } });
    expect(bench.consumers.pushes).toBe(1);
  });
});

describe('a consumer that fails', () => {
  it('keeps no other from going on, and says why', async () => {
    const bench = written();
    bench.consumers.put('broken', { version: 'v1' });
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.fail('consumer.refresh', error('ACCESS_DENIED', { recovery: 'reconfigure', remedy: 'az role …' }));
    expect(await tell(bench)).toMatchObject({ reason: 'NotAllAdopted' });
    expect(standing(bench, 'broken')).toMatchObject({
      state: 'failed',
      trouble: { code: 'ACCESS_DENIED', remedy: 'az role …' },
    });
    expect(standing(bench, 'site')).toMatchObject({ state: 'verified' });
  });

  it('is tried again after a while, ten times and no more', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.fail('consumer.refresh', error('CONFLICT'), 30);
    await tell(bench);
    expect(standing(bench, 'site')).toMatchObject({ state: 'discovered', attempts: 1, trouble: { code: 'CONFLICT' } });
    for (let turn = 0; turn < 30; turn += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(standing(bench, 'site')).toMatchObject({ state: 'failed', attempts: 10 });
    expect(bench.calls.count('consumer.refresh')).toBe(10);
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('waits as long as its service asks for', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.fail('consumer.refresh', error('THROTTLED', { retryAfterMs: 77_000 }));
    await tell(bench);
    expect(bench.queue.nextAt).toBe(bench.clock.now().getTime() + 77_000);
  });

  it('is gone when it was deleted half-way, and holds nobody up', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.before('consumer.refresh', () => bench.consumers.remove('site'));
    expect(await tell(bench)).toMatchObject({ outcome: 'adopted', reason: 'AllAdopted' });
    expect(standing(bench, 'site')).toMatchObject({ state: 'gone' });
  });

  it('is told once more when a person asks for it', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.fail('consumer.refresh', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await tell(bench);
    expect(await tell(bench, { again: true })).toMatchObject({ outcome: 'adopted', reason: 'AllAdopted' });
    expect(standing(bench, 'site')).toMatchObject({ state: 'verified' });
  });

  it('of a kind that this version does not know is failed, and is not taken for another', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    bench.calls.before('consumer.refresh', () => {
      throw error('CONFLICT');
    });
    await tell(bench);
    const strange = { ...bench.engine, consumers: [] };
    bench.clock.advance(HOUR);
    await handlePropagate(strange, { object: OBJECT, version: 'v2', resumes: true });
    expect(standing(bench, 'site')).toMatchObject({ state: 'failed', trouble: { code: 'JOURNAL_INVALID' } });
  });
});

describe('whoever is without the version', () => {
  const later = async (bench: Bench, days: number): Promise<void> => {
    bench.clock.advance(days * DAY);
    await sweep(bench.engine);
    await bench.drain();
  };

  it('is looked at once a day, and not told again', async () => {
    const bench = written();
    bench.consumers.put('vpn', { version: 'v1', pinned: 'v1', takes: 'by-hand' });
    await tell(bench);
    await later(bench, 0.5);
    expect(bench.calls.count('consumer.confirm')).toBe(1);
    await later(bench, 0.6);
    expect(bench.calls.count('consumer.confirm')).toBe(2);
    expect(bench.calls.count('consumer.refresh')).toBe(1);
    bench.consumers.put('vpn', { version: 'v2', takes: 'by-hand' });
    await later(bench, 1.1);
    expect(standing(bench, 'vpn')).toMatchObject({ state: 'verified' });
    expect(bench.adoptions.entry(OBJECT)?.record.wakeAt).toBeUndefined();
  });

  it('is left alone after a month', async () => {
    const bench = written();
    bench.consumers.put('vpn', { version: 'v1', pinned: 'v1', takes: 'by-hand' });
    await tell(bench);
    for (let day = 0; day < 40; day += 1) await later(bench, 1.1);
    expect(bench.calls.count('consumer.confirm')).toBeLessThan(35);
    expect(bench.adoptions.entry(OBJECT)?.record.wakeAt).toBeUndefined();
  });

  it('keeps what is known of it when a look fails', async () => {
    const bench = written();
    bench.consumers.put('vpn', { version: 'v1', takes: 'by-hand' });
    await tell(bench);
    bench.calls.fail('consumer.confirm', error('UNAVAILABLE'));
    await later(bench, 1.1);
    expect(standing(bench, 'vpn')).toMatchObject({ state: 'pinned', trouble: { remedy: 'Change vpn by hand' } });
  });

  it('is found by the sweep when the message of the queue was lost', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    bench.queue.take()?.finish();
    bench.clock.advance(HOUR / 2);
    bench.queue.take()?.finish();
    expect(bench.queue.nextAt).toBeUndefined();
    bench.consumers.settle('v2');
    await sweep(bench.engine);
    await bench.drain();
    expect(standing(bench, 'door')).toMatchObject({ state: 'verified' });
  });
});

describe('two at once', () => {
  it('do not see to one object: the second comes back', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    const second: Outcome[] = [];
    bench.calls.before('consumer.refresh', async () => void second.push(await tell(bench)));
    await tell(bench);
    expect(second).toMatchObject([{ outcome: 'deferred', reason: 'InProgress' }]);
    expect(bench.consumers.pushes).toBe(1);
  });

  it('do not push to one resource: the second waits, and then does', async () => {
    const bench = written();
    bench.consumers.put('listener', { version: 'v1', parent: 'gateway' });
    const until = new Date(bench.clock.now().getTime() + LEASE_MS);
    await bench.adoptions.takeParent('gateway', 'somebody else', until);
    await tell(bench);
    expect(bench.consumers.pushes).toBe(0);
    expect(standing(bench, 'listener')).toMatchObject({ state: 'discovered', attempts: 0 });
    await bench.adoptions.releaseParent('gateway', 'somebody else');
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(standing(bench, 'listener')).toMatchObject({ state: 'verified' });
  });

  it('do not go on with an operation on a resource that somebody else changes', async () => {
    const bench = written();
    bench.consumers.put('listener', { version: 'v1', parent: 'gateway', takes: 'slow' });
    await tell(bench);
    bench.consumers.settle('v2');
    await bench.adoptions.takeParent('gateway', 'somebody else', new Date(bench.clock.now().getTime() + LEASE_MS));
    bench.clock.advance(MINUTE);
    await bench.drain();
    expect(standing(bench, 'listener')).toMatchObject({ state: 'pushed', operation: 'operation-1' });
    bench.clock.advance(LEASE_MS);
    await bench.drain();
    expect(standing(bench, 'listener')).toMatchObject({ state: 'verified' });
  });

  it('who has lost the row pushes nothing', async () => {
    const bench = written();
    bench.consumers.put('site', { version: 'v1' });
    let second: Promise<Outcome> | undefined;
    bench.calls.before('discovery.find', () => {
      bench.clock.advance(LEASE_MS + 1000);
      second = tell(bench);
    });
    await expect(tell(bench)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(await second).toMatchObject({ outcome: 'adopted' });
    expect(bench.consumers.pushes).toBe(1);
  });

  it('a newer version takes over: what was on its way for the one before is told anew', async () => {
    const bench = written();
    bench.consumers.put('door', { version: 'v1', takes: 'lagging' });
    await tell(bench);
    bench.seed({ value: 'newer', createdOn: bench.clock.now() });
    await tell(bench, { version: 'v3' });
    expect(bench.adoptions.entry(OBJECT)?.record).toMatchObject({ version: 'v3' });
    expect(bench.consumers.pushes).toBe(2);
    bench.consumers.settle('v3');
    bench.clock.advance(HOUR);
    await bench.drain();
    expect(standing(bench, 'door')).toMatchObject({ state: 'verified' });
  });
});
