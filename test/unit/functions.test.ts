import { readFile } from 'node:fs/promises';
import { HttpRequest, InvocationContext } from '@azure/functions';
import { describe, expect, test } from 'vitest';
import { platformSignsIn, signIn } from '../../src/config/sign-in.ts';
import { SETTING_NAMES, readSettings } from '../../src/config/settings.ts';
import { SERVICE_SUFFIXES } from '../../src/rotators/arm-key/rows.ts';
import { delivery } from '../../src/functions/delivery.ts';
import { attempt, describeFailure } from '../../src/functions/failure.ts';
import { caller, jsonBody, query, refusal, respond } from '../../src/functions/http.ts';
import { RotationError } from '../../src/rotation/errors.ts';

const CANARY = 'hunter2-canary';

function contextOf(triggerMetadata?: Record<string, unknown>): { context: InvocationContext; lines: string[] } {
  const lines: string[] = [];
  const context = new InvocationContext({
    functionName: 'fn',
    invocationId: 'inv-1',
    logHandler: (level, ...args) => lines.push(`${level} ${args.join(' ')}`),
    ...(triggerMetadata === undefined ? {} : { triggerMetadata }),
  });
  return { context, lines };
}

const post = (text: string, headers: Record<string, string> = {}): HttpRequest =>
  new HttpRequest({ method: 'POST', url: 'http://h/api/rotations?a=1&a=2&b=', body: { string: text }, headers });

/** Everything that an error would write when it is logged. */
const written = (error: Error): string => `${error.message}\n${error.stack ?? ''}\n${String(error.cause)}`;

describe('a request', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    ['  ', undefined],
    ['{"a":', '{"a":'],
    ['not json', 'not json'],
    ['null', null],
  ])('with the body %j gives %j', async (text, body) => {
    expect(await jsonBody(post(text))).toEqual(body);
  });

  test('gives the last of a repeated query parameter', () => {
    expect(query(post('x'))).toEqual({ a: '2', b: '' });
  });

  test.each([
    [{}, 'function key'],
    [{ 'x-keyturn-caller': 'Ana Lúcia <a@b.c>\tx' }, 'function key'],
    [{ 'x-keyturn-caller': 'alice@example.org' }, 'alice@example.org (function key)'],
    [{ 'x-keyturn-caller': '<script>' }, 'script (function key)'],
    [{ 'x-ms-client-principal-name': 'bob', 'x-keyturn-caller': 'alice' }, 'bob (function key)'],
    [{ 'x-keyturn-caller': 'x'.repeat(500) }, `${'x'.repeat(100)} (function key)`],
  ])('with headers %j is asked by %s', (headers: Record<string, string>, name) => {
    const ascii = Object.fromEntries(Object.entries(headers).filter(([, value]) => !/[^ -~]/.test(value)));
    expect(caller(post('x', ascii))).toBe(name);
  });
});

describe('a request behind the log-in with Entra', () => {
  const known = { 'x-ms-client-principal-id': '0f1e', 'x-ms-client-principal-name': 'ann@example.org' };
  const refused = (headers: Record<string, string>, mode: 'entra' | 'key', signsIn: boolean): unknown =>
    refusal(post('x', headers), mode, signsIn)?.status;

  test('goes on when somebody is logged in, and only then', () => {
    expect(refused(known, 'entra', true)).toBeUndefined();
    expect(refused({ 'x-ms-client-principal-name': 'ann@example.org' }, 'entra', true)).toBe(401);
    expect(refused({}, 'entra', true)).toBe(401);
  });

  test('is refused when the platform does not log anybody in, whatever its headers say', () => {
    expect(refused(known, 'entra', false)).toBe(503);
    expect(JSON.parse(refusal(post('x', known), 'entra', false)?.body as string)).toMatchObject({
      detail: expect.stringContaining('App Service authentication is off') as unknown,
    });
  });

  test('is not looked at where the host asks for a key', () => {
    expect(refused({}, 'key', false)).toBeUndefined();
  });

  test('is asked by who logged in, and no claim of the caller counts', () => {
    expect(caller(post('x', { ...known, 'x-keyturn-caller': 'eve' }), 'entra')).toBe('ann@example.org');
    expect(caller(post('x', { 'x-ms-client-principal-id': '0f1e' }), 'entra')).toBe('0f1e');
  });

  test.each([
    [{ KEYTURN_SIGN_IN: 'entra' }, 'entra'],
    [{ KEYTURN_SIGN_IN: 'Entra' }, 'key'],
    [{ KEYTURN_SIGN_IN: 'none' }, 'key'],
    [{}, 'key'],
  ])('is let in by what %j says, and by a key in doubt', (env: Record<string, string>, mode) => {
    expect(signIn(env)).toBe(mode);
  });

  test.each([
    [{ WEBSITE_AUTH_ENABLED: 'True' }, true],
    [{ WEBSITE_AUTH_ENABLED: 'False' }, false],
    [{}, false],
  ])('trusts the platform’s headers with %j: %s', (env: Record<string, string>, signsIn) => {
    expect(platformSignsIn(env)).toBe(signsIn);
  });
});

describe('an answer', () => {
  test('is JSON; its own content type wins', async () => {
    const { context, lines } = contextOf();
    const type = async (status: number, headers?: Record<string, string>): Promise<unknown> => {
      const response = await respond(context, async () => ({
        status,
        ...(headers && { headers }),
        body: { s: status },
      }));
      expect([response.status, response.body]).toEqual([status, `{"s":${status}}`]);
      return (response.headers as Record<string, string>)['content-type'];
    };
    expect(await type(202)).toBe('application/json');
    expect(await type(404, { 'content-type': 'application/problem+json' })).toBe('application/problem+json');
    expect(await respond(context, async () => ({ status: 204, headers: { location: '/x' } }))).toEqual({
      status: 204,
      headers: { location: '/x' },
    });
    expect(lines).toEqual([]);
  });

  test('to an unexpected failure is an incident id and nothing of the failure; it is logged once, without values', async () => {
    const { context, lines } = contextOf();
    const response = await respond(context, async () => JSON.parse(`{"password": ${CANARY}}`) as never);
    expect([response.status, response.headers]).toEqual([500, { 'content-type': 'application/problem+json' }]);
    expect(JSON.parse(response.body as string)).toEqual({
      type: 'urn:keyturn:error:UNEXPECTED',
      title: 'Internal error',
      status: 500,
      detail: 'The request could not be served. Search the log for incident inv-1.',
      incident: 'inv-1',
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^error fn failed: incident inv-1: UNEXPECTED: unexpected SyntaxError\n {4}at /);
    expect(lines.join()).not.toContain(CANARY);
  });

  test('to a known failure says what it is and what to do', async () => {
    const { context, lines } = contextOf();
    const problems = [{ path: 'settings.KEYTURN_VAULTS', message: 'is absent' }];
    const init = {
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: 'wrong',
      remedy: 'set it',
      problems,
    } as const;
    const response = await respond(context, async () => Promise.reject(new RotationError(init)));
    expect(response.status).toBe(500);
    expect(JSON.parse(response.body as string)).toMatchObject({ detail: 'wrong', remedy: 'set it', problems });
    expect(lines[0]).toContain('CONFIG_INVALID: wrong (set it)');
    const busy = new RotationError({ code: 'THROTTLED', recovery: 'retry', message: 'busy', retryAfterMs: 1500 });
    const later = await respond(context, async () => Promise.reject(busy));
    expect([later.status, (later.headers as Record<string, string>)['retry-after']]).toEqual([503, '2']);
  });
});

describe('a failure of a trigger', () => {
  test('is thrown on for the platform to log and to retry, with its name and places but no value', async () => {
    const { context, lines } = contextOf();
    const failing = attempt(context, async () => {
      throw Object.assign(new Error(`cannot log in with ${CANARY}`, { cause: new Error(CANARY) }), { code: 'ELOGIN' });
    });
    const error = await failing.then(
      () => new Error('it did not throw'),
      (thrown: unknown) => thrown as Error,
    );
    expect(error.message).toBe('fn failed: UNEXPECTED: unexpected Error ELOGIN');
    expect(error.stack).toMatch(/^fn failed.*\n {4}at .*functions\.test\.ts/);
    expect(written(error)).not.toContain(CANARY);
    expect(lines).toEqual([]);
  });

  test('keeps the words of a RotationError', async () => {
    const { context } = contextOf();
    const init = { code: 'UNAVAILABLE', recovery: 'retry', message: 'the table is away', remedy: 'wait' } as const;
    const failing = attempt(context, async () => Promise.reject(new RotationError(init)));
    await expect(failing).rejects.toThrow('fn failed: UNAVAILABLE: the table is away (wait)');
  });

  test.each([['text'], [undefined], [{ password: CANARY }]])('copes with a thrown %j', (thrown) => {
    expect(JSON.stringify(describeFailure(thrown))).not.toContain(CANARY);
    expect(describeFailure(thrown).code).toBe('UNEXPECTED');
  });

  test('drops a code that is not one', () => {
    const error = Object.assign(new TypeError('x'), { code: `PGPASSWORD=${CANARY}` });
    expect(describeFailure(error).message).toBe('unexpected TypeError');
  });
});

test('a delivery is known by the message, or by the invocation where the host tells nothing', () => {
  expect(delivery(contextOf({ dequeueCount: 3, id: 'm-1' }).context)).toEqual({ dequeueCount: 3, id: 'm-1' });
  expect(delivery(contextOf().context)).toEqual({ dequeueCount: 1, id: 'inv-1' });
});

test('local.settings.sample.json has every setting, and is valid as it stands', async () => {
  const file = new URL('../../local.settings.sample.json', import.meta.url);
  const { Values } = JSON.parse(await readFile(file, 'utf8')) as { Values: Record<string, string> };
  expect(Object.keys(Values).filter((name) => name.startsWith('KEYTURN_'))).toEqual([...SETTING_NAMES]);
  expect(readSettings(Values, SERVICE_SUFFIXES).vaults).toEqual(['https://kv-orders.vault.azure.net']);
});
