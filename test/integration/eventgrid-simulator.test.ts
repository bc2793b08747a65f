import { EventGridPublisherClient } from '@azure/eventgrid';
import { DefaultAzureCredential } from '@azure/identity';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startEventGrid } from '../../sandbox/eventgrid/eventgrid.ts';
import type { DeadLetter, EventGridService, GridEvent, Subscription } from '../../sandbox/eventgrid/eventgrid.ts';
import { startTopic } from '../../sandbox/eventgrid/topic.ts';
import { startHttp } from '../../sandbox/http.ts';
import type { SandboxRequest, SandboxResponse } from '../../sandbox/http.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import type { Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import type { VaultService } from '../../sandbox/vault/vault.ts';

const DAY = 86_400_000;
const NEW = 'Microsoft.KeyVault.SecretNewVersionCreated';
const NEAR = 'Microsoft.KeyVault.SecretNearExpiry';
const EXPIRED = 'Microsoft.KeyVault.SecretExpired';

let run: Run;
let identity: IdentityService;
let vault: VaultService;
let grid: EventGridService;
let cleanUp: (() => unknown)[];

beforeEach(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  vault = await startVault(run.ctx, { identity });
  grid = await startEventGrid(run.ctx, { vault, seed: 7 });
  cleanUp = [() => grid.stop(), () => vault.stop(), () => identity.stop()];
});

afterEach(async () => {
  for (const one of cleanUp) await one();
  run.dispose();
});

/** An endpoint that passes the handshake, keeps what it got, and answers as told. */
async function endpoint(
  answer: (request: SandboxRequest) => SandboxResponse = () => ({ status: 202 }),
): Promise<{ url: string; got: { headers: SandboxRequest['headers']; body: unknown }[] }> {
  const got: { headers: SandboxRequest['headers']; body: unknown }[] = [];
  const server = await startHttp(run.ctx, {
    system: 'topic',
    handler: (request) => {
      if (request.method === 'OPTIONS') return { status: 200, headers: { 'webhook-allowed-origin': '*' } };
      if (request.headers['aeg-event-type'] === 'SubscriptionValidation') {
        const [event] = request.json as [{ data: { validationCode: string } }];
        return { status: 200, body: { validationResponse: event.data.validationCode } };
      }
      got.push({ headers: request.headers, body: request.json });
      return answer(request);
    },
  });
  cleanUp.push(() => server.stop());
  return { url: `${server.origin()}/runtime/webhooks/EventGrid?functionName=onVaultEvent&code=k`, got };
}

/** Subscribes a queue; the events arrive in the returned list. */
async function queue(options: Partial<Subscription> = {}): Promise<GridEvent[]> {
  const got: GridEvent[] = [];
  const put = (text: string): Promise<void> => Promise.resolve(void got.push(JSON.parse(text) as GridEvent));
  await grid.subscribe({ name: 'queue', destination: { kind: 'queue', put }, ...options });
  return got;
}

const types = (events: readonly GridEvent[]): string[] => events.map((event) => event.eventType);

test('a new version is told in the Event Grid schema, as Key Vault words it', async () => {
  const { url, got } = await endpoint();
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url } });
  const { id } = vault.seed('kv', 'hello', { value: 'v' });
  await grid.idle();
  expect(got).toHaveLength(1);
  expect(got[0]?.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'aeg-event-type': 'Notification',
    'aeg-subscription-name': 'APP',
    'aeg-delivery-count': '0',
  });
  const [event] = got[0]?.body as [Record<string, unknown>];
  expect(event).toEqual({
    id: event['id'],
    topic: vault.resourceId('kv'),
    subject: 'hello',
    eventType: NEW,
    data: {
      Id: `${vault.url('kv')}/secrets/hello/${id}`,
      VaultName: 'kv',
      ObjectType: 'Secret',
      ObjectName: 'hello',
      Version: id,
      NBF: null,
      EXP: null,
    },
    dataVersion: '1',
    metadataVersion: '1',
    eventTime: event['eventTime'],
  });
  expect(event['eventTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
});

test('CloudEvents are sent one by one as an object', async () => {
  const { url, got } = await endpoint();
  const schema = 'CloudEventSchemaV1_0';
  await grid.subscribe({ name: 'cloud', destination: { kind: 'webhook', url }, schema });
  vault.seed('kv2', 'hello', { value: 'v' });
  await grid.idle();
  expect(got[0]?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
  expect(got[0]?.body).toMatchObject({
    specversion: '1.0',
    type: NEW,
    source: vault.resourceId('kv2'),
    subject: 'hello',
  });
});

test('an endpoint that fails the handshake gets no subscription', async () => {
  const server = await startHttp(run.ctx, { system: 'topic', handler: () => ({ status: 200, body: {} }) });
  cleanUp.push(() => server.stop());
  const destination = { kind: 'webhook', url: server.origin() } as const;
  await expect(grid.subscribe({ name: 'a', destination })).rejects.toThrow('SubscriptionValidation gave 200');
  const schema = 'CloudEventSchemaV1_0';
  await expect(grid.subscribe({ name: 'b', destination, schema })).rejects.toThrow('WebHook-Allowed-Origin absent');
});

test('near expiry comes once, thirty days before, expired at the end, both only for the current version', async () => {
  const got = await queue({ includedEventTypes: [NEAR, EXPIRED] });
  vault.seed('kv', 'old', { value: '1', expiresInMs: 40 * DAY });
  vault.seed('kv', 'old', { value: '2' });
  vault.seed('kv', 's', { value: '1', expiresInMs: 40 * DAY });
  await grid.idle();
  run.ctx.clock.advance(9 * DAY);
  await grid.idle();
  expect(got).toEqual([]);
  run.ctx.clock.advance(2 * DAY);
  await grid.idle();
  run.ctx.clock.advance(DAY);
  await grid.idle();
  expect(got.map((event) => `${event.subject} ${event.eventType}`)).toEqual([`s ${NEAR}`]);
  run.ctx.clock.advance(30 * DAY);
  await grid.idle();
  expect(types(got)).toEqual([NEAR, EXPIRED]);
});

test('a version born within the thirty days is near its expiry at once; an older subscription only', async () => {
  vault.seed('kv', 'before', { value: '1', expiresInMs: 10 * DAY });
  run.ctx.clock.advance(1000);
  const got = await queue();
  vault.seed('kv', 'after', { value: '1', expiresInMs: 10 * DAY });
  await grid.idle();
  expect(got.map((event) => `${event.subject} ${event.eventType}`)).toEqual([`after ${NEW}`, `after ${NEAR}`]);
});

test('a failed delivery is sent again on the schedule until it succeeds', async () => {
  const answers = [503, 500, 202];
  const { url, got } = await endpoint(() => ({ status: answers[got.length - 1] ?? 202 }));
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url } });
  vault.seed('kv', 's', { value: 'v' });
  await grid.idle();
  expect(grid.deliveries().map((one) => `${one.attempt} ${one.outcome}`)).toEqual([
    '0 Busy',
    '1 GenericError',
    '2 Delivered',
  ]);
  expect(got.map((one) => one.headers['aeg-delivery-count'])).toEqual(['0', '1', '2']);
});

test.each([400, 401, 413])('%i is not retried and goes to the dead letters', async (status) => {
  const { url, got } = await endpoint(() => ({ status }));
  const deadLetter: DeadLetter[] = [];
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url }, deadLetter });
  vault.seed('kv', 's', { value: 'v' });
  await grid.idle();
  expect(got).toHaveLength(1);
  expect(deadLetter).toHaveLength(1);
  expect(deadLetter[0]).toMatchObject({ eventType: NEW, deliveryAttempts: 1 });
});

test('after the last attempt, or its time, an event is a dead letter', async () => {
  const { url } = await endpoint(() => ({ status: 500 }));
  const deadLetter: DeadLetter[] = [];
  const schema = 'CloudEventSchemaV1_0';
  const destination = { kind: 'webhook', url } as const;
  await grid.subscribe({ name: 'few', destination, maxDeliveryAttempts: 3, deadLetter });
  await grid.subscribe({ name: 'brief', destination, eventTimeToLiveInMinutes: 1, schema, deadLetter });
  vault.seed('kv', 's', { value: 'v' });
  await grid.idle();
  const reasons = deadLetter.map((one) => one['deadLetterReason'] ?? one['deadletterreason']);
  expect(reasons.sort()).toEqual(['MaxDeliveryAttemptsExceeded', 'TimeToLiveExceeded']);
  expect(deadLetter.find((one) => 'deadLetterReason' in one)).toMatchObject({
    deliveryAttempts: 3,
    lastDeliveryOutcome: 'GenericError',
  });
});

test('a clock that moves on makes a late retry due', async () => {
  await grid.stop();
  grid = await startEventGrid(run.ctx, { vault, retryFactor: 1 });
  const { url, got } = await endpoint(() => ({ status: got.length === 1 ? 404 : 202 }));
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url } });
  vault.seed('kv', 's', { value: 'v' });
  await expect.poll(() => grid.deliveries().length).toBe(1);
  run.ctx.clock.advance(6 * 60_000);
  await grid.idle();
  expect(got).toHaveLength(2);
});

test('a batch that fails is sent again whole', async () => {
  const { url, got } = await endpoint(() => ({ status: got.length === 1 ? 500 : 202 }));
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url }, maxEventsPerBatch: 10, disorder: true });
  for (let n = 0; n < 5; n += 1) vault.seed('kv', `s${n}`, { value: 'v' });
  await grid.idle();
  const sent = got.flatMap((one) => (one.body as GridEvent[]).map((event) => event.subject));
  expect(new Set(sent).size).toBe(5);
  expect(sent.length).toBeGreaterThan(5);
});

test('duplicates and disorder: every event so often, not in the order of writing', async () => {
  const got = await queue({ duplicates: 5, disorder: true });
  for (let n = 0; n < 10; n += 1) vault.seed('kv', `s${n}`, { value: 'v' });
  await grid.idle();
  const subjects = got.map((event) => event.subject);
  expect(subjects).toHaveLength(50);
  expect(new Set(got.map((event) => event.id)).size).toBe(10);
  expect(subjects).not.toEqual([...subjects].sort());
});

test('an answer that is lost leads to a second delivery, and a replay to more', async () => {
  const { url, got } = await endpoint();
  await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url } });
  run.ctx.faults.add({ system: 'eventgrid', match: '^DELIVER app', times: 1, action: { drop: 'after' } });
  vault.seed('kv', 's', { value: 'v' });
  await grid.idle();
  expect(got).toHaveLength(2);
  grid.replay(grid.events()[0]?.id ?? '', 3);
  await grid.idle();
  expect(got).toHaveLength(5);
  expect(() => grid.replay('unknown', 1)).toThrow('no event unknown');
});

test('the custom topic takes both schemas from EventGridPublisherClient', async () => {
  const topic = await startTopic(run.ctx, { identity });
  const before = { ...process.env };
  Object.assign(process.env, identity.env);
  cleanUp.push(
    () => topic.stop(),
    installSandboxDns(),
    trustSandbox(run.ctx.pki),
    () => (process.env = before),
  );
  const plain = new EventGridPublisherClient(topic.endpoint, 'EventGrid', new DefaultAzureCredential());
  await plain.send([{ eventType: 'Keyturn.RotationCompleted', subject: 's', dataVersion: '1', data: { a: 1 } }]);
  const cloud = new EventGridPublisherClient(topic.endpoint, 'CloudEvent', new DefaultAzureCredential());
  await cloud.send([{ type: 'Keyturn.RotationCompleted', source: '/keyturn', subject: 's', data: { a: 2 } }]);
  expect(topic.received.map((event) => event['data'])).toEqual([{ a: 1 }, { a: 2 }]);
  const raw = (body: string, token: string): Promise<Response> =>
    fetch(topic.endpoint, { method: 'POST', body, headers: { authorization: `Bearer ${token}` } });
  expect((await raw('[]', await identity.issue('https://vault.sandbox.test'))).status).toBe(401);
  expect((await raw('[{"id":"1"}]', await identity.issue('https://eventgrid.azure.net'))).status).toBe(400);
  expect(topic.received).toHaveLength(2);
});
