import { randomBytes } from 'node:crypto';
import { DefaultAzureCredential } from '@azure/identity';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAzurite, type AzuriteService } from '../../sandbox/azurite/azurite.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startTopic, type TopicService } from '../../sandbox/eventgrid/topic.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import {
  SecretValue,
  type Announcement,
  type Announcer,
  type Call,
  type Notice,
  type PropagateMessage,
  type RotateMessage,
  type WorkQueue,
} from '../../src/rotation/ports.ts';
import { decodeNoticeMessage, decodePropagateMessage, decodeRotateMessage } from '../../src/state/messages.ts';
import { createNoticeQueue, createWorkQueue } from '../../src/state/queues.ts';
import { createAnnouncer } from '../../src/state/topic.ts';

const DAY_SECONDS = 86_400;
const OBJECT = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'orders-db' } as const;
const ROTATE: RotateMessage = {
  object: OBJECT,
  trigger: 'manual',
  version: 'v1',
  rotationId: 'r',
  force: true,
  requestedBy: 'Zoë',
};
const PROPAGATE: PropagateMessage = { object: OBJECT, version: 'v2' };

let run: Run;
let identity: IdentityService;
let azurite: AzuriteService;
let queues: QueueServiceClient;
let port: WorkQueue;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  azurite = await startAzurite(run.ctx, { identity });
  const before = { ...process.env };
  Object.assign(process.env, identity.env);
  undo.push(trustSandbox(run.ctx.pki), () => (process.env = before));
  queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  port = createWorkQueue({
    connectionString: new SecretValue(azurite.connectionString),
    credential: () => expect.fail('a connection string needs no credential'),
  });
});

afterAll(async () => {
  for (const one of undo) one();
  await azurite.stop();
  await identity.stop();
  run.dispose();
});

beforeEach(async () => {
  run.ctx.faults.clear();
  for (const name of ['rotation', 'propagation', 'notices']) await queues.getQueueClient(name).deleteIfExists();
  run.ctx.traffic.clear();
});

const call = (signal = new AbortController().signal): Call => ({ signal, now: () => new Date() });

async function received(queue: string): Promise<{ readonly text: string; readonly expiresOn: Date }[]> {
  const { receivedMessageItems } = await queues.getQueueClient(queue).receiveMessages({ numberOfMessages: 32 });
  return receivedMessageItems.map(({ messageText, expiresOn }) => ({ text: messageText, expiresOn }));
}

const unbase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

describe('the work queue', () => {
  it('is made by the first message, and takes one request for each after it', async () => {
    await port.rotate(ROTATE, 0, call());
    await port.propagate(PROPAGATE, 0, call());
    run.ctx.traffic.clear();
    await port.rotate(ROTATE, 0, call());
    await port.propagate(PROPAGATE, 0, call());
    expect(run.ctx.traffic.entries.map(({ operation, outcome }) => `${operation} ${outcome}`)).toEqual([
      'POST /rotation/messages 201',
      'POST /propagation/messages 201',
    ]);
  });

  it('is made once when many messages find it missing', async () => {
    await Promise.all(Array.from({ length: 6 }, () => port.rotate(ROTATE, 0, call())));
    expect(await received('rotation')).toHaveLength(6);
  });

  it('holds messages as the Functions host reads them, and they never expire', async () => {
    await port.rotate(ROTATE, 0, call());
    await port.propagate(PROPAGATE, 0, call());
    const [rotate] = await received('rotation');
    const [propagate] = await received('propagation');
    expect(decodeRotateMessage(unbase64(rotate?.text ?? ''))).toEqual(ROTATE);
    expect(decodePropagateMessage(JSON.parse(unbase64(propagate?.text ?? '')))).toEqual(PROPAGATE);
    expect(rotate?.expiresOn.getUTCFullYear()).toBeGreaterThan(9000);
  });

  it.each([
    ['rounded up to whole seconds', 90_500, 91],
    ['cut to seven days', 30 * DAY_SECONDS * 1000, 7 * DAY_SECONDS],
  ])('hides a message for its delay, %s', async (_, delayMs, seconds) => {
    const early: RotateMessage = { object: OBJECT, trigger: 'sweep' };
    const visible = async (): Promise<string[]> => {
      const { peekedMessageItems } = await queues.getQueueClient('rotation').peekMessages({ numberOfMessages: 32 });
      return peekedMessageItems.map((item) => decodeRotateMessage(unbase64(item.messageText)).trigger).sort();
    };
    await port.rotate(ROTATE, delayMs, call());
    await port.rotate(early, (seconds - 20) * 1000, call());
    expect(await visible()).toEqual([]);
    run.ctx.clock.advance((seconds - 19) * 1000);
    await expect.poll(visible).toEqual(['sweep']);
    run.ctx.clock.advance(20_000);
    await expect.poll(visible).toEqual(['manual', 'sweep']);
  });

  it.each([0, -5])('shows a message with a delay of %i ms at once', async (delayMs) => {
    await port.rotate(ROTATE, delayMs, call());
    expect(await received('rotation')).toHaveLength(1);
  });

  it('takes notices in a queue of their own', async () => {
    const notices = createNoticeQueue({
      connectionString: new SecretValue(azurite.connectionString),
      credential: () => expect.fail('a connection string needs no credential'),
    });
    const notice: Notice = {
      ...{ id: 'r.blocked', kind: 'rotation-blocked', severity: 'warning', object: OBJECT },
      ...{ message: 'Zoë', at: new Date('2026-11-22T12:00:00Z') },
    };
    await notices.notify({ channel: 'ops', notice }, 0, call());
    const [one] = await received('notices');
    expect(decodeNoticeMessage(unbase64(one?.text ?? ''))).toEqual({ channel: 'ops', notice });
  });

  it('is reached by identity, too', async () => {
    const credential = new DefaultAzureCredential();
    const byIdentity = createWorkQueue({ queueUri: azurite.queueUrl, credential: () => Promise.resolve(credential) });
    await byIdentity.rotate(ROTATE, 0, call());
    expect(await received('rotation')).toHaveLength(1);
  });

  it('says what is missing when it is not configured', async () => {
    const unset = createWorkQueue({ credential: () => expect.fail('not reached') });
    await expect(unset.rotate(ROTATE, 0, call())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      problems: [{ path: 'settings.KeyturnStorage__queueServiceUri', message: 'is required' }],
    });
  });

  it.each([
    [{ status: 403, headers: { 'x-ms-error-code': 'AuthorizationPermissionMismatch' } }, 'ACCESS_DENIED', 'none'],
    [{ status: 429, headers: { 'retry-after': '2' } }, 'THROTTLED', 'none'],
    [{ status: 500 }, 'UNAVAILABLE', 'unknown'],
    [{ drop: 'after' }, 'UNAVAILABLE', 'unknown'],
    [{ delayMs: 3_600_000 }, 'TIMED_OUT', 'unknown'],
  ] as const)('fails with code and effect, after one request: %o', async (action, code, effect) => {
    run.ctx.faults.add({ system: 'queues', match: '^POST /rotation/messages', action });
    const work = port.rotate(ROTATE, 0, call('delayMs' in action ? AbortSignal.timeout(100) : undefined));
    await expect(work).rejects.toMatchObject({ name: 'RotationError', code, effect });
    expect(run.ctx.traffic.entries.length).toBeLessThanOrEqual(1);
  });
});

describe('the announcer', () => {
  const event: Announcement = {
    id: 'r-1/v2',
    type: 'Keyturn.SecretVersionCreated',
    object: OBJECT,
    version: 'v2',
    rotationId: 'r-1',
    data: { slot: 'app_b' },
    at: new Date('2026-11-22T12:00:00Z'),
  };
  let topic: TopicService;
  beforeAll(async () => {
    topic = await startTopic(run.ctx, { identity });
    undo.push(installSandboxDns());
  });
  afterAll(() => topic.stop());
  const announcer = (): Announcer =>
    createAnnouncer({ endpoint: topic.endpoint, credential: () => Promise.resolve(new DefaultAzureCredential()) });

  it('publishes one CloudEvent in one request', async () => {
    const port = announcer();
    await port.announce(event, call());
    expect(topic.received).toMatchObject([
      {
        id: 'r-1/v2',
        specversion: '1.0',
        type: 'Keyturn.SecretVersionCreated',
        source: 'https://kv.vault.azure.net',
        subject: 'secrets/orders-db',
        time: '2026-11-22T12:00:00.000Z',
        data: {
          vault: OBJECT.vault,
          kind: 'secret',
          name: 'orders-db',
          version: 'v2',
          rotationId: 'r-1',
          slot: 'app_b',
        },
      },
    ]);
    expect(run.ctx.traffic.entries.filter((entry) => entry.system === 'topic')).toHaveLength(1);
  });

  it('fails with code and effect, after one request', async () => {
    const port = announcer();
    for (const [status, code, effect] of [
      [401, 'ACCESS_DENIED', 'none'],
      [404, 'TARGET_NOT_FOUND', 'none'],
      [413, 'CONFIG_INVALID', 'none'],
      [429, 'THROTTLED', 'none'],
      [503, 'UNAVAILABLE', 'unknown'],
    ] as const) {
      run.ctx.faults.clear();
      run.ctx.faults.add({
        system: 'topic',
        match: '.',
        action: { status, body: { error: { code: 'X', message: 'no' } } },
      });
      run.ctx.traffic.clear();
      await expect(port.announce(event, call())).rejects.toMatchObject({ name: 'RotationError', code, effect });
      expect(run.ctx.traffic.entries.filter((entry) => entry.system === 'topic')).toHaveLength(1);
    }
  });

  it('says nothing to nobody without an endpoint', async () => {
    const silent = createAnnouncer({ credential: () => expect.fail('not reached') });
    await expect(silent.announce(event, call())).resolves.toBeUndefined();
  });
});

describe('a message', () => {
  const bad: [string, unknown, RegExp][] = [
    ['nothing', undefined, /not an object/],
    ['broken JSON', '{', /not JSON/],
    ['an array', [], /not an object/],
    ['no object', { trigger: 'manual', version: 'v' }, /no object/],
    ['a foreign kind', { trigger: 'manual', version: 'v', object: { ...OBJECT, kind: 'cert' } }, /kind "cert"/],
    ['no vault', { trigger: 'manual', version: 'v', object: { ...OBJECT, vault: 'http://kv' } }, /no https address/],
    ['no name', { trigger: 'manual', version: 'v', object: { ...OBJECT, name: '../x' } }, /name/],
    ['a version that is none', { trigger: 'manual', object: OBJECT, version: 7 }, /version that is no text/],
  ];
  it.each(bad)('with %s is refused by name', (_, input, message) => {
    const refusal = { name: 'RotationError', code: 'EVENT_INVALID', recovery: 'human' };
    for (const decode of [decodeRotateMessage, decodePropagateMessage]) {
      const attempt = (): unknown => decode(input);
      expect(attempt).toThrow(message);
      expect(attempt).toThrow(expect.objectContaining(refusal));
    }
  });

  it('to rotate needs a trigger, and a force that is a boolean', () => {
    expect(() => decodeRotateMessage({ object: OBJECT })).toThrow(/trigger/);
    expect(() => decodeRotateMessage({ object: OBJECT, trigger: 'magic' })).toThrow(/"magic"/);
    expect(() => decodeRotateMessage({ object: OBJECT, trigger: 'manual', force: 'yes' })).toThrow(/force/);
  });

  it('to propagate needs a version', () => {
    expect(() => decodePropagateMessage({ object: OBJECT })).toThrow(/no version/);
  });

  it('is read with the vault and the name as Keyturn spells them, and without what it does not know', () => {
    const shouted = { kind: 'secret', vault: 'https://KV.vault.azure.net/', name: 'Orders-DB', value: randomBytes(4) };
    expect(decodeRotateMessage({ object: shouted, trigger: 'sweep', extra: 1, version: null })).toEqual({
      object: OBJECT,
      trigger: 'sweep',
    });
  });
});
