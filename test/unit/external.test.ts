/** Nobody can make a request or an answer of the external rotator up, or play one again. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAnswer, type Request } from '../../examples/external-server/answer.ts';
import { createMemorySystem } from '../../examples/external-server/system.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startHttps, type SandboxServer } from '../../sandbox/http.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Rotator } from '../../src/rotation/ports.ts';
import { externalRotator } from '../../src/rotators/external/rotator.ts';
import { isSignedBy, signature } from '../../src/https/sign.ts';

const KEY = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;

describe('a signature', () => {
  test('is that of the published example of Standard Webhooks', () => {
    const key = new SecretValue('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' };
    expect(signature(key, signed)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(isSignedBy(key, signed, 'v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')).toBe(true);
    expect(isSignedBy(key, { ...signed, body: '{"test": 2432232315}' }, signature(key, signed))).toBe(false);
  });

  test('is not made with a key that is too short, and the key is not shown', () => {
    const attempt = (): string => signature(new SecretValue('whsec_c2hvcnQ='), { id: 'a', timestamp: 1, body: '' });
    expect(attempt).toThrow('shorter than 24 bytes');
    expect(attempt).not.toThrow('c2hvcnQ');
  });
});

describe('the example endpoint', () => {
  const sign = (id: string, timestamp: string, body: string): string =>
    `v1,${createHmac('sha256', Buffer.alloc(32, 9)).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  const request = (id: string, atMs: number, body = '{"version":1,"verb":"list"}'): Request => {
    const timestamp = String(Math.floor(atMs / 1000));
    return {
      body,
      headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': sign(id, timestamp, body) },
    };
  };
  const answerOf = createAnswer(createMemorySystem(), { key: KEY, now: () => NOW });

  test('answers a request once, and never again', () => {
    expect(answerOf(request('a', NOW)).status).toBe(200);
    expect(answerOf(request('a', NOW)).status).toBe(401);
  });

  test.each([
    ['six minutes old', request('b', NOW - 6 * MINUTE)],
    ['six minutes ahead', request('c', NOW + 6 * MINUTE)],
    ['changed on its way', { ...request('d', NOW), body: '{"version":1,"verb":"set"}' }],
    ['of no time', { ...request('e', NOW), headers: { ...request('e', NOW).headers, 'webhook-timestamp': 'x' } }],
    ['without a signature', { body: '{}', headers: {} }],
  ])('refuses a request that is %s', (_what, one) => {
    expect(answerOf(one).status).toBe(401);
  });

  test('takes one that is four minutes off', () => {
    expect(answerOf(request('f', NOW - 4 * MINUTE)).status).toBe(200);
  });
});

describe('the rotator', () => {
  let run: Run;
  let server: SandboxServer;
  let restore: readonly (() => void)[];
  let rotator: Rotator;
  let forgotten = 0;
  let reply: (answered: ReturnType<ReturnType<typeof createAnswer>>) => object;
  const system = createMemorySystem();

  beforeAll(async () => {
    run = await createRun();
    restore = [installSandboxDns(), trustSandbox(run.ctx.pki)];
    const answer = createAnswer(system, { key: KEY, now: () => NOW });
    server = await startHttps(run.ctx, {
      names: ['rotate.sandbox.test'],
      system: 'http-api',
      handler: ({ headers, body }) => {
        const answered = answer({ headers, body: body.toString('utf8') });
        return { ...answered, ...reply(answered) };
      },
    });
    let made = 0;
    rotator = externalRotator('many', {
      secrets: { read: () => Promise.resolve(new SecretValue(KEY)), forget: () => void (forgotten += 1) },
      uniqueId: () => String((made += 1)),
      instances: [
        {
          name: 'erp',
          url: `${server.origin('rotate.sandbox.test')}/x`,
          secret: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'key' },
          overlap: 'many',
          allowPrivate: true,
        },
      ],
    });
  });
  beforeEach(() => {
    forgotten = 0;
    reply = () => ({});
  });
  afterAll(async () => {
    await server.stop();
    for (const one of restore) one();
    run.dispose();
  });

  const call = (ms = NOW) => ({ signal: new AbortController().signal, now: () => new Date(ms) });
  const pending = {
    rotationId: '0123456789abcdef0123-20260301120000000-0123abcd',
    slot: '',
    current: { credentialId: 'a', slot: 'a', value: new SecretValue('the-value-of-now') },
  };
  const target = () => rotator.parseTarget({ providerAddress: 'ERP/orders', credentialId: 'a' });
  const failureOf = async (work: Promise<unknown>): Promise<RotationError> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    if (error instanceof RotationError) return error;
    throw new Error('a RotationError was expected', { cause: error });
  };

  test('takes an answer that is signed for its request', async () => {
    expect(await rotator.list(target(), call())).toEqual([]);
    expect(await rotator.set(target(), pending, call())).toMatchObject({ slot: expect.any(String) as string });
  });

  test.each([
    ['is not signed', { headers: {} }],
    ['is another one', { body: '{"credentials":[]} ' }],
    ['is signed for another request', 'replayed'],
    ['is late', 'late'],
  ])('believes no answer that %s, and does not know what was done', async (_what, change) => {
    let kept: object | undefined;
    reply = (answered) => {
      if (typeof change === 'object') return change;
      if (change === 'late') return {};
      kept ??= answered;
      return kept;
    };
    if (change === 'replayed') await rotator.list(target(), call());
    const now = change === 'late' ? NOW + 4 * MINUTE : NOW;
    const attempt = rotator.set(target(), pending, change === 'late' ? lateCall(now) : call(now));
    expect(await failureOf(attempt)).toMatchObject({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      effect: 'unknown',
    });
    expect(forgotten).toBe(1);
  });

  /** The clock has moved on by the time of the answer. */
  function lateCall(ms: number): ReturnType<typeof call> {
    let asked = 0;
    return { ...call(), now: () => new Date((asked += 1) === 1 ? NOW : ms + 2 * MINUTE) };
  }

  test('asks for the key again when the endpoint does not know it', async () => {
    reply = () => ({ status: 401, body: '{"error":{"code":"ACCESS_DENIED","message":"CANARY"}}' });
    const error = await failureOf(rotator.list(target(), call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
    expect(forgotten).toBe(1);
    expect(error.message).not.toContain('CANARY');
  });

  test.each(['constructor', 'toString', 'MY_SECRET_VALUE'])(
    'takes and shows no code that is not agreed: %s',
    async (code) => {
      reply = () => ({ status: 403, body: JSON.stringify({ error: { code } }) });
      const error = await failureOf(rotator.set(target(), pending, call()));
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(error.message).not.toContain(code);
    },
  );

  test.each([201, 204, 303])('does not know what was done when the answer is %i', async (status) => {
    reply = () => ({ status, body: '' });
    expect(await failureOf(rotator.set(target(), pending, call()))).toMatchObject({ effect: 'unknown' });
    expect(await failureOf(rotator.list(target(), call()))).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
  });

  test.each(['a\nb', ' a', 'ä', 'x'.repeat(257)])(
    'takes no credential whose id no tag can hold: %j',
    async (credentialId) => {
      const body = JSON.stringify({ credentialId, value: 'a-new-value' });
      reply = ({ headers }) => {
        const id = headers['webhook-id'] ?? '';
        const signed = { id, timestamp: NOW / 1000, body };
        return { body, headers: { ...headers, 'webhook-signature': signature(new SecretValue(KEY), signed) } };
      };
      const error = await failureOf(rotator.set(target(), pending, call()));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'applied' });
      expect(error.message).toContain('that no tag can hold');
    },
  );

  test('says that it follows no redirect', async () => {
    reply = () => ({ status: 307, headers: { location: 'https://evil.example/' }, body: '' });
    const error = await failureOf(rotator.set(target(), pending, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(error.message).toContain('redirects are not followed');
  });

  test('names the kind that serves an instance of the other overlap', () => {
    const pair = externalRotator('two-slots', {
      secrets: { read: () => Promise.reject(new Error('not read')), forget: () => undefined },
      uniqueId: () => '1',
      instances: [
        {
          name: 'erp',
          url: 'https://erp.example.com/',
          secret: { kind: 'secret', vault: 'https://kv', name: 'k' },
          overlap: 'many',
          allowPrivate: false,
        },
      ],
    });
    expect(() => pair.parseTarget({ providerAddress: 'erp', credentialId: 'a', alternateCredentialId: 'b' })).toThrow(
      'tags.Rotator: must be external',
    );
  });
});
