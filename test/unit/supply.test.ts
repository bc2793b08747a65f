/** A value that only a person can make: asked for, told again, handed in, published. */
import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { pendingOf } from '../../src/rotation/staging.ts';
import { supply } from '../../src/rotation/supply.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Bench, error, OBJECT, OVERLAP } from '../support/memory/bench.ts';
import { DAY, MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const VALUE = 'typed-by-a-person-4719';
const byHand = (): Bench =>
  new Bench({ minting: 'person', overlap: 'many', revocable: false, proof: 'none' }, (rotator) =>
    Object.assign(rotator, { test: () => Promise.resolve() }),
  );

async function asked(): Promise<Bench> {
  const bench = byHand();
  await bench.deliver(bench.message());
  return bench;
}

describe('a run that needs a value from a person', () => {
  it('is blocked, says how to hand it in, and is announced with the path of the run', async () => {
    const bench = await asked();
    expect(bench.run.blocked).toMatchObject({ code: 'VALUE_AWAITED' });
    expect(bench.run.blocked?.remedy).toContain(`PUT /api/rotations/${bench.run.rotationId}/value`);
    const { rotationId } = bench.run;
    expect(bench.announced).toEqual([
      expect.objectContaining({
        type: 'Keyturn.RotationBlocked',
        rotationId,
        data: expect.objectContaining({ code: 'VALUE_AWAITED', runbook: `/api/rotations/${rotationId}` }) as object,
      }),
    ]);
  });

  it('is announced again every day, and when the secret expires', async () => {
    const bench = await asked();
    bench.clock.advance(DAY + MINUTE);
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.announced).toHaveLength(2);
    bench.clock.advance(MINUTE);
    await bench.deliver(bench.message('expired'));
    expect(bench.announced).toHaveLength(3);
    expect(new Set(bench.announced.map(({ id }) => id)).size, 'each is news to its subscribers').toBe(3);
  });

  it('stays blocked when it cannot be announced, which is logged', async () => {
    const bench = byHand();
    bench.calls.fail('announcer.announce', error('UNAVAILABLE'));
    expect(await bench.deliver(bench.message())).toMatchObject({ outcome: 'blocked' });
    expect(bench.logged.join()).toContain('could not be announced');
    const broken = byHand();
    broken.calls.fail('announcer.announce', new TypeError('a bug'));
    await expect(broken.deliver(broken.message())).rejects.toThrow(TypeError);
  });

  it('goes on with the value, which nothing but the vault has seen', async () => {
    const bench = await asked();
    await supply(bench.engine, bench.run.rotationId, new SecretValue(VALUE), 'on-call');
    await bench.drain();
    await bench.propagate();
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe(VALUE);
    bench.clock.advance(OVERLAP + MINUTE);
    await bench.drain();
    expect(bench.run.state).toBe('done');
    expect(bench.vault.peek(pendingOf(OBJECT)).map((version) => version.enabled)).toEqual([false]);
    expect(bench.told()).not.toContain(VALUE);
  });

  it('takes the last value, where more than one is handed in', async () => {
    const bench = await asked();
    for (const text of ['the-first-one', VALUE])
      await supply(bench.engine, bench.run.rotationId, new SecretValue(text), 'on-call');
    await bench.drain();
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe(VALUE);
  });
});

describe('a value that is handed in', () => {
  const hand = (bench: Bench, id = bench.run.rotationId, value = VALUE): Promise<unknown> =>
    supply(bench.engine, id, new SecretValue(value), 'on-call');

  it.each<[string, (bench: Bench) => Promise<unknown>, string, string]>([
    ['for no run', (bench) => hand(bench, 'absent'), 'TARGET_NOT_FOUND', 'there is no rotation'],
    ['that the vault has already', (bench) => hand(bench, undefined, 'the-old-password'), 'REQUEST_INVALID', 'already'],
    ['that the vault would refuse', (bench) => hand(bench, undefined, 'x'.repeat(26_000)), 'CONFIG_INVALID', '25'],
  ])('%s is refused, and nothing is kept', async (_, attempt, code, says) => {
    const bench = await asked();
    await expect(attempt(bench)).rejects.toMatchObject({ code, message: containing(says) });
    expect(bench.vault.peek(pendingOf(OBJECT))).toEqual([]);
  });

  it('is refused when the run is published, over, or in somebody’s hands', async () => {
    const bench = await asked();
    const { rotationId } = bench.run;
    bench.leave(
      { ...bench.run },
      { lease: { owner: 'x', until: new Date(bench.clock.now().getTime() + 1).toISOString() } },
    );
    await expect(hand(bench, rotationId)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: containing('is working'),
    });
    bench.clock.advance(2);
    await hand(bench, rotationId);
    await bench.drain();
    await expect(hand(bench, rotationId)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is kept when the run could not be told, which the answer says; it may be sent again, or left to the sweep', async () => {
    const bench = await asked();
    const down = error('UNAVAILABLE', { retryAfterMs: 7000 });
    bench.calls.fail('queue.rotate', down, 2);
    const api = createRunbook(bench.engine);
    const send = (): ReturnType<typeof api.supply> => api.supply(bench.run.rotationId, { value: VALUE }, 'me');
    for (const answer of [await send(), await send()]) {
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'retry-after': '7' },
        body: { detail: containing('the value is kept in'), remedy: containing('Send the same request again') },
      });
      expect(JSON.stringify(answer)).not.toContain(VALUE);
    }
    bench.clock.advance(DAY + MINUTE);
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.vault.peek(OBJECT)[0]?.value.reveal()).toBe(VALUE);
  });

  it('repeats what the queue’s own failure says is to be done', async () => {
    const bench = await asked();
    bench.calls.fail('queue.rotate', error('ACCESS_DENIED', { remedy: 'az role assignment create …' }));
    await expect(hand(bench)).rejects.toMatchObject({ effect: 'applied', remedy: containing('az role assignment') });
  });

  it('is not called kept when what failed is a bug', async () => {
    const bench = await asked();
    bench.calls.fail('queue.rotate', new TypeError('a bug'));
    await expect(hand(bench)).rejects.toThrow(TypeError);
  });

  it('is refused where the value is not a person’s to make', async () => {
    const bench = new Bench();
    bench.calls.fail('rotator.set', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    await bench.deliver(bench.message());
    await expect(hand(bench)).rejects.toMatchObject({ code: 'REQUEST_INVALID', message: containing('by itself') });
  });

  it('comes over HTTP, and no answer repeats it', async () => {
    const bench = await asked();
    const api = createRunbook(bench.engine);
    const { rotationId } = bench.run;
    const answers = [
      await api.supply(rotationId, undefined, 'me'),
      await api.supply(rotationId, `{"value":"${VALUE}`, 'me'),
      await api.supply(rotationId, { value: '' }, 'me'),
      await api.supply(rotationId, { value: 7, secret: VALUE }, 'me'),
      await api.supply(rotationId, { value: VALUE }, 'me'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 202]);
    expect(JSON.stringify(answers)).not.toContain(VALUE);
    expect(answers.at(-1)?.headers).toMatchObject({ location: `/api/rotations/${rotationId}` });
  });
});
