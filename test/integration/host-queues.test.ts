import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../sandbox/host/host.ts';
import { startMiniApp } from './host-fixture.ts';
import type { MiniApp } from './host-fixture.ts';

let mini: MiniApp;
let host: Host;

beforeAll(async () => {
  mini = await startMiniApp();
  ({ host } = mini);
});

afterAll(() => mini.stop());

const key = (value: string): RequestInit => ({ headers: { 'x-functions-key': value } });

const send = (message: unknown): Promise<unknown> =>
  mini.queues.getQueueClient('mini').sendMessage(Buffer.from(JSON.stringify(message)).toString('base64'));

describe('queues', () => {
  const left = async (name: string): Promise<number> =>
    (await mini.queues.getQueueClient(name).getProperties()).approximateMessagesCount ?? -1;
  const ran = (name: string, succeeded: boolean): Promise<unknown> =>
    host.next((run) => run.functionName === name && run.succeeded === succeeded);

  test('a message is decoded, worked on, and gone', async () => {
    const done = ran('work', true);
    await send({ hello: 1, failures: 0 });
    await done;
    expect(mini.saw('work').at(-1)).toMatchObject({ message: { hello: 1 }, dequeueCount: 1 });
    expect(mini.saw('work').at(-1)?.['insertionTime']).toMatch(/^\d{4}-.*Z$/);
    await expect.poll(() => left('mini')).toBe(0);
  });

  test('a failure is tried again with the count of its tries', async () => {
    const done = ran('work', true);
    await send({ hello: 2, failures: 1 });
    await done;
    const tries = mini.saw('work').filter(({ message }) => (message as { hello: number }).hello === 2);
    expect(tries.map(({ dequeueCount }) => dequeueCount)).toEqual([1, 2]);
    expect(new Set(tries.map(({ id }) => id)).size).toBe(1);
  });

  test('after maxDequeueCount tries it is moved to the poison queue, and that is worked on too', async () => {
    const poisoned = ran('poison', true);
    await send({ hello: 3, failures: 99 });
    await poisoned;
    expect(mini.saw('poison')).toEqual([{ in: 'poison', message: { hello: 3, failures: 99 } }]);
    expect(mini.saw('work').filter(({ message }) => (message as { hello: number }).hello === 3)).toHaveLength(3);
    await expect.poll(() => left('mini')).toBe(0);
  });

  test('what is no base64 is poison at once', async () => {
    const poisoned = host.next((run) => run.functionName === 'poison');
    await mini.queues.getQueueClient('mini').sendMessage('{"not":"base64"}');
    // The poison queue's listener cannot decode it either; it stays there, hidden.
    await expect.poll(() => host.output()).toMatch(/moved to mini-poison after 1 tries/);
    poisoned.catch(() => undefined);
    await expect.poll(() => left('mini')).toBe(0);
    expect(await left('mini-poison')).toBe(1);
  });
});

describe('timers and the clock', () => {
  test('the master key invokes by hand', async () => {
    const refused = await fetch(host.url('/admin/functions/tick'), { method: 'POST', ...key(host.keys.default) });
    expect(refused.status).toBe(401);
    expect((await host.invoke('tick')).succeeded).toBe(true);
    expect(mini.saw('tick').at(-1)).toMatchObject({ timer: { isPastDue: false, schedule: { adjustForDST: true } } });
  });

  test('a due timer fires, at the time of the sandbox', async () => {
    const fired = host.next((run) => run.functionName === 'tick');
    mini.ctx.clock.advance(24 * 3600_000);
    await fired;
    const { now, timer } = mini.saw('tick').at(-1) as { now: string; timer: { isPastDue: boolean } };
    expect(timer.isPastDue).toBe(true);
    expect(Date.parse(now) - Date.now()).toBeGreaterThan(23 * 3600_000);
  });
});

describe('a crash', () => {
  test('a message is renewed while its function runs, and comes back ten minutes after its process was killed', async () => {
    const only = { 'AzureWebJobs.tick.Disabled': 'true', 'AzureWebJobs.hang.Disabled': 'false' };
    const victim = await mini.another(only);
    await mini.queues.getQueueClient('mini-hang').sendMessage(Buffer.from('{}').toString('base64'));
    await expect.poll(() => mini.saw('hang', victim)).toHaveLength(1);
    const renewals = (): number =>
      mini.ctx.traffic.entries.filter(({ operation }) => operation.startsWith('PUT /mini-hang/messages/')).length;
    expect(renewals()).toBe(0);
    mini.ctx.clock.advance(6 * 60_000);
    await expect.poll(renewals).toBe(1);

    victim.kill();
    await victim.exited;
    await expect(fetch(victim.url('/api/open'))).rejects.toThrow();
    expect((await fetch(host.url('/api/open'))).status, 'the host beside it goes on').toBe(200);

    const heir = await mini.another(only);
    const done = heir.next((run) => run.functionName === 'hang');
    mini.ctx.clock.advance(9 * 60_000);
    expect(mini.saw('hang', heir), 'hidden since it was renewed').toEqual([]);
    mini.ctx.clock.advance(2 * 60_000);
    expect((await done).succeeded).toBe(true);
    expect(mini.saw('hang', heir)).toEqual([{ in: 'hang', dequeueCount: 2 }]);
    await heir.stop();
  });

  test('who waits for a run of a host that is killed is told', async () => {
    const doomed = await mini.another();
    const never = doomed.next(() => false);
    doomed.kill();
    await expect(never).rejects.toThrow('the Functions host ended');
  });
});
