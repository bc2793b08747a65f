import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ReceiverFormat } from '../../sandbox/receiver/receiver.ts';
import type { Channel } from '../../src/channels/channel.ts';
import { channelConsumers, withChannels, type ChannelDeps } from '../../src/channels/consumer.ts';
import { deliver } from '../../src/channels/deliver.ts';
import { deliverNotice } from '../../src/channels/notices.ts';
import { versionSaid } from '../../src/channels/said.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import type { Notice, NoticeMessage, VersionRef } from '../../src/rotation/ports.ts';
import { startChannelStage, type ChannelStage } from '../support/channel-stage.ts';
import { Bench, OBJECT } from '../support/memory/bench.ts';
import { DAY, HOUR } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

/** Channels over the wire: a receiver that checks what it gets, and the vault that holds keys and addresses. */
let stage: ChannelStage;
const FORMATS = ['webhook', 'teams', 'slack'] as const;
const VERSION: VersionRef = {
  object: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'db' },
  version: 'v2',
};
const newKey = (): string => `whsec_${randomBytes(32).toString('base64')}`;

beforeAll(async () => {
  stage = await startChannelStage();
});
afterAll(() => stage.stop());
beforeEach(() => stage.receiver.clear());
afterEach(() => stage.ctx.faults.clear());

const tell = (
  format: ReceiverFormat,
  how: {
    readonly change?: Partial<Channel>;
    readonly deps?: Partial<ChannelDeps>;
    readonly id?: string;
    readonly signal?: AbortSignal;
  } = {},
): Promise<number> => {
  const channel: Channel = { ...stage.channels[format], ...how.change };
  const call = stage.call(how.signal);
  return deliver({ ...stage.deps, ...how.deps }, channel, versionSaid(VERSION, call.now()), how.id ?? 'msg_1', call);
};

/** No error holds a key, or the part of an address that is a secret. */
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  const shown = inspect(error, { depth: 9, showHidden: true });
  const token = new URL(stage.receiver.url('slack')).pathname.slice('/slack/'.length);
  for (const secret of [token, ...stage.receiver.keys, 'CANARY']) expect(shown).not.toContain(secret);
  return error;
}

describe('a webhook', () => {
  it('is taken by the standard’s own library, and by none with another key', async () => {
    expect(await tell('webhook')).toBe(204);
    const [one] = stage.receiver.received;
    const { raw = '', headers = {} } = one ?? {};
    const event = new Webhook(stage.receiver.keys[0] ?? '').verify(raw, headers);
    expect(event).toMatchObject({ type: 'keyturn.version.created', data: { name: 'db', version: 'v2' } });
    expect(() => new Webhook(newKey()).verify(raw, headers)).toThrow('No matching signature');
    expect(() => new Webhook(stage.receiver.keys[0] ?? '').verify(`${raw} `, headers)).toThrow();
  });

  it('has the same id each time it is repeated, so that it counts once', async () => {
    await tell('webhook');
    await tell('webhook');
    await tell('webhook', { id: 'msg_2' });
    expect(stage.receiver.received.map(({ id }) => id)).toEqual(['msg_1', 'msg_2']);
    expect(stage.receiver.repeated).toBe(1);
  });

  it('is signed with the key before as well while its overlap lasts, and only then', async () => {
    const [old = ''] = stage.receiver.keys;
    const fresh = newKey();
    const trusts = async (...keys: readonly string[]): Promise<string> => {
      stage.receiver.keys.splice(0, 2, ...keys);
      return tell('webhook').then(String, (thrown: unknown) => (thrown as RotationError).code);
    };
    stage.ctx.clock.advance(2000);
    stage.vault.seed('kv', 'receiver-key', { value: fresh });
    expect([await trusts(old), await trusts(fresh), await trusts(newKey())]).toEqual(['204', '204', 'ACCESS_DENIED']);
    expect(stage.receiver.received[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    const [, before] = stage.vault.peek('kv', 'receiver-key').toSorted((a, b) => b.created - a.created);
    stage.vault.amend('kv', 'receiver-key', { enabled: false }, before?.id);
    expect([await trusts(old), await trusts(fresh)]).toEqual(['ACCESS_DENIED', '204']);
    stage.vault.amend('kv', 'receiver-key', { enabled: true }, before?.id);
    expect(await trusts(old)).toBe('204');
    stage.ctx.clock.advance(DAY);
    stage.ctx.traffic.clear();
    expect([await trusts(old), await trusts(fresh)]).toEqual(['ACCESS_DENIED', '204']);
    // In the steady state one question to the vault for each delivery.
    expect(stage.ctx.traffic.entries.filter(({ system }) => system === 'vault')).toHaveLength(2);
  });

  it('is not signed with what was no key, and not sent with a key that is none', async () => {
    stage.vault.seed('kv', 'new-key', { value: 'CANARY' });
    const change = { signingKey: stage.secret('new-key') };
    expect(await failure(tell('webhook', { change }))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: containing('24 bytes'),
    });
    stage.ctx.clock.advance(2000);
    stage.vault.seed('kv', 'new-key', { value: stage.receiver.keys[0] ?? '' });
    expect(await tell('webhook', { change })).toBe(204);
  });
});

describe('a chat', () => {
  it.each([
    ['teams', 202],
    ['slack', 200],
  ] as const)('%s is told at the address that the vault holds now', async (format, status) => {
    const address = `${format}-address`;
    stage.vault.seed('kv', address, { value: `https://${stage.receiver.host}/${format}/CANARY` });
    const refused = await failure(tell(format));
    expect(refused).toMatchObject({
      code: format === 'teams' ? 'ACCESS_DENIED' : 'CONFIG_INVALID',
      recovery: 'reconfigure',
    });
    expect(refused.remedy).toContain(`az keyvault secret set --vault-name kv --name ${address}`);
    if (format === 'slack') expect(refused.message).toContain('404 no_service');
    stage.ctx.clock.advance(2000);
    stage.vault.seed('kv', address, { value: ` ${stage.receiver.url(format)}\n` });
    expect(await tell(format)).toBe(status);
    expect(stage.receiver.received).toMatchObject([{ format, headers: {} }]);
  });
});

describe.each(FORMATS)('%s, when something is wrong', (format) => {
  it.each([
    [
      301,
      {
        code: 'CONFIG_INVALID',
        recovery: 'reconfigure',
        effect: 'none',
        remedy: containing('Redirects are not followed'),
      },
    ],
    [400, { code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' }],
    [401, { code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' }],
    [403, { code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' }],
    [404, { code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none', remedy: containing('Nobody listens') }],
    [
      410,
      {
        code: 'CONFIG_INVALID',
        recovery: 'reconfigure',
        effect: 'none',
        remedy: containing('out of KEYTURN_CHANNELS'),
      },
    ],
    [429, { code: 'THROTTLED', recovery: 'retry', effect: 'none', retryAfterMs: 7000 }],
    [500, { code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown', remedy: containing('Mend the receiver') }],
    [504, { code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown', remedy: containing('POST /api/propagations') }],
  ] as const)('says what a %i means, and what to do', async (status, error) => {
    stage.receiver.fail(status, status === 301 ? { location: 'https://elsewhere.example/' } : { 'retry-after': '7' });
    const refused = await failure(tell(format));
    expect(refused).toMatchObject(error);
    expect(refused.message).toContain(
      `telling the channel ${stage.channels[format].name} (${format}) was answered ${status}`,
    );
    expect(refused.remedy).toBeTruthy();
    expect(stage.receiver.received).toEqual([]);
  });

  it('does not wait for a receiver that hangs, and ends with its call', async () => {
    stage.receiver.hang();
    const attempt = failure(tell(format));
    await expect.poll(() => stage.ctx.faults.list().length).toBe(1);
    const ticking = setInterval(() => stage.ctx.clock.advance(5_000), 20);
    const late = await attempt.finally(() => clearInterval(ticking));
    expect(late).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', remedy: containing('Mend the receiver') });
    expect(await failure(tell(format, { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'TIMED_OUT',
      effect: 'none',
    });
  });

  it('does not know what became of it when the answer was lost', async () => {
    stage.ctx.faults.add({ system: 'channels', match: '^POST', times: 1, action: { drop: 'after' } });
    expect(await failure(tell(format))).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    expect(stage.receiver.received).toHaveLength(1);
  });

  it('goes to no host that the settings do not name, and to no private address', async () => {
    const elsewhere = await failure(tell(format, { deps: { allows: () => false } }));
    expect(elsewhere).toMatchObject({
      code: 'CONFIG_INVALID',
      remedy: containing(`KEYTURN_ALLOWED_HOSTS="<those before> ${stage.receiver.host}"`),
    });
    const inside = await failure(tell(format, { change: { allowPrivate: false } }));
    expect(inside).toMatchObject({ code: 'CONFIG_INVALID', message: containing('no public address') });
    expect(stage.receiver.received).toEqual([]);
  });
});

it.each([
  ['no address', 'CANARY'],
  ['http', 'http://hooks.sandbox.test/CANARY'],
  ['a user', 'https://CANARY:CANARY@hooks.sandbox.test/'],
])('a secret that holds %s is refused, and not shown', async (_, value) => {
  stage.vault.seed('kv', 'bad-address', { value });
  const change = { address: { secret: stage.secret('bad-address') } };
  expect(await failure(tell('slack', { change }))).toMatchObject({
    code: 'CONFIG_INVALID',
    message: containing('no https address'),
  });
});

it('a secret that is not there is a setting that is wrong: the channel is not taken for gone', async () => {
  const absent = { secret: stage.secret('nowhere') };
  for (const change of [{ address: absent }, { signingKey: absent.secret }]) {
    expect(await failure(tell('webhook', { change }))).toMatchObject({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: containing('inventory'),
    });
  }
});

describe('a new version, told by the engine', () => {
  const setUp = (): { bench: Bench; engine: Engine; states: () => Record<string, unknown> } => {
    const bench = new Bench();
    bench.seed({ value: 'a-new-one', createdOn: bench.clock.now() });
    bench.consumers.put('site', { version: 'v1' });
    const engine: Engine = {
      ...bench.engine,
      clock: stage.clock,
      consumers: [...channelConsumers(stage.deps), bench.consumers],
      discovery: withChannels(bench.consumers, stage.deps.channels),
    };
    const states = (): Record<string, unknown> =>
      Object.fromEntries((bench.adoptions.entry(OBJECT)?.record.consumers ?? []).map(({ id, state }) => [id, state]));
    return { bench, engine, states };
  };
  const hook = ({ adoptions }: Bench): unknown =>
    adoptions.entry(OBJECT)?.record.consumers.find(({ id }) => id === 'channels/inventory');
  const ALL = {
    'channels/inventory': 'verified',
    'channels/platform': 'verified',
    'channels/ops': 'verified',
    site: 'verified',
  };

  it('is told also where nobody else can be looked for: that is a gap, looked through as a whole again', async () => {
    const { bench, engine, states } = setUp();
    const denied = {
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: 'no Reader',
      remedy: 'grant it',
    } as const;
    bench.calls.fail('discovery.find', new RotationError(denied));
    await handlePropagate(engine, { object: OBJECT, version: 'v2' });
    const { site: _site, ...channels } = ALL;
    expect(states()).toEqual(channels);
    expect(bench.adoptions.entry(OBJECT)?.record.gaps).toMatchObject([
      { where: containing('KEYTURN_SUBSCRIPTIONS'), message: 'no Reader', remedy: 'grant it' },
    ]);
    await handlePropagate(engine, { object: OBJECT, version: 'v2', resumes: true, gaps: true });
    expect(states()).toEqual(ALL);
    expect(bench.adoptions.entry(OBJECT)?.record.gaps).toEqual([]);
    expect(stage.receiver.received.filter(({ format }) => format === 'webhook')).toHaveLength(1);
  });

  it('is delivered to every channel once, and that is the proof', async () => {
    const { bench, engine, states } = setUp();
    await handlePropagate(engine, { object: OBJECT, version: 'v2' });
    await handlePropagate(engine, { object: OBJECT, version: 'v2' });
    expect(states()).toEqual(ALL);
    expect(stage.receiver.received.map(({ format }) => format)).toEqual([...FORMATS]);
    expect(hook(bench)).toMatchObject({
      proof: { kind: 'delivered', detail: containing('answered 204') },
      advisory: false,
    });
    expect(bench.told()).not.toContain(new URL(stage.receiver.url('slack')).pathname);
  });

  it('is delivered again under the same id where the row was lost', async () => {
    const { bench, engine, states } = setUp();
    const lost = new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message: 'the table is away' });
    // It has it already, so that the webhook is the first that is told.
    bench.consumers.put('site', { version: 'v2' });
    bench.calls.before('adoptions.takeParent', () => bench.calls.fail('adoptions.write', lost));
    await expect(handlePropagate(engine, { object: OBJECT, version: 'v2' })).rejects.toBe(lost);
    // Whoever died keeps the channel from others until his lease lapses.
    stage.ctx.clock.advance(HOUR);
    bench.clock.advance(365 * DAY);
    await handlePropagate(engine, { object: OBJECT, version: 'v2' });
    expect(states()).toEqual(ALL);
    expect(stage.receiver.received.filter(({ format }) => format === 'webhook')).toHaveLength(1);
    expect(stage.receiver.repeated).toBe(1);
  });

  it('meets a receiver that answers 500 for an hour: tried again and again, then failed; others go on; asked for, it is told', async () => {
    const { bench, engine, states } = setUp();
    const mend = stage.receiver.fail(500);
    let attempts = 0;
    await handlePropagate(engine, { object: OBJECT, version: 'v2' });
    expect(states()).toMatchObject({ site: 'verified', 'channels/inventory': 'discovered' });
    for (let spent = 0; spent < HOUR; spent += 30_000) {
      stage.ctx.clock.advance(30_000);
      await handlePropagate(engine, { object: OBJECT, version: 'v2', resumes: true });
    }
    attempts = stage.ctx.traffic.entries.filter(({ operation }) => operation === 'POST webhook').length;
    expect(states()).toEqual({
      ...ALL,
      'channels/inventory': 'failed',
      'channels/platform': 'failed',
      'channels/ops': 'failed',
    });
    expect(hook(bench)).toMatchObject({
      attempts: 10,
      trouble: { code: 'UNAVAILABLE', remedy: containing('POST /api/propagations') },
    });
    expect(attempts).toBeGreaterThanOrEqual(10);
    mend();
    await handlePropagate(engine, { object: OBJECT, version: 'v2', again: true });
    expect(states()).toEqual(ALL);
  });
});

describe('a notice from the queue', () => {
  const notice = (): Notice => ({
    ...{ id: 'r1.blocked', kind: 'rotation-failed', severity: 'incident', object: VERSION.object },
    ...{ message: 'the <grant> is gone', at: stage.ctx.clock.now() },
  });
  const put: { message: NoticeMessage; delayMs: number }[] = [];
  const queue = {
    notify: (message: NoticeMessage, delayMs: number) => Promise.resolve(void put.push({ message, delayMs })),
  };
  const take = (channel: string, more: Partial<NoticeMessage> = {}) =>
    deliverNotice({ ...stage.deps, queue }, { channel, notice: notice(), ...more }, stage.call());
  beforeEach(() => void put.splice(0));

  it('is delivered to its channel, each time under the same id', async () => {
    for (const channel of ['inventory', 'inventory', 'platform', 'ops']) expect(await take(channel)).toBe('delivered');
    expect(stage.receiver.received.map(({ format }) => format)).toEqual([...FORMATS]);
    expect(stage.receiver.received[0]?.body).toMatchObject({ type: 'keyturn.notice', data: { id: 'r1.blocked' } });
    expect(stage.receiver.repeated).toBe(1);
  });

  it('is dropped when the settings do not name the channel any more', async () => {
    expect(await take('elsewhere')).toBe('dropped');
  });

  it('waits as long as the channel asks for, and not for ever', async () => {
    stage.receiver.fail(429, { 'retry-after': '999999' });
    expect(await take('ops', { putBack: 2 })).toBe('deferred');
    expect(put).toMatchObject([{ message: { channel: 'ops', putBack: 3 }, delayMs: DAY }]);
    expect(await failure(take('ops', { putBack: 10 }))).toMatchObject({ code: 'THROTTLED' });
  });

  it.each([500, 410])('is the platform’s to repeat, or to give up, when the channel answers %i', async (status) => {
    stage.receiver.fail(status);
    await failure(take('inventory'));
    expect(put).toEqual([]);
  });
});
