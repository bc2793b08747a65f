/** A service that does what no service should: what comes back from it is never trusted further than it must be. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startHttps, type SandboxRequest, type SandboxResponse, type SandboxServer } from '../../sandbox/http.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { SecretValue, type Call, type Pending, type Rotator, type Target } from '../../src/rotation/ports.ts';
import type { Description } from '../../src/rotators/http-api/description.ts';
import { httpApiRotator } from '../../src/rotators/http-api/rotator.ts';
import { ADMINISTRATOR } from '../contract/http-api.harness.ts';

/** A service with names for its keys, in the fewest words. */
const NAMED: Description = {
  name: 'named',
  title: 'Keys with names',
  documentation: 'https://docs.example.com/keys',
  verified: 'simulation',
  permissions: 'everything',
  authentication: { kind: 'bearer', token: '{{secret}}' },
  label: { maxLength: 64 },
  errors: { code: ['/error'], means: { GONE: 'absent' } },
  create: {
    method: 'POST',
    path: '/keys',
    body: { name: '{{label}}' },
    success: [201],
    answer: { id: '/id', value: '/value' },
  },
  list: { method: 'GET', path: '/keys', success: [200], items: '/keys', item: { id: '/id', label: '/name' } },
  test: {
    method: 'GET',
    path: '/me',
    authentication: { kind: 'bearer', token: '{{credential.value}}' },
    success: [200],
    rejected: [401],
  },
  revoke: { method: 'DELETE', path: '/keys/{{id}}', success: [204] },
};

type Answers = (request: SandboxRequest) => SandboxResponse | undefined;

let run: Run;
let server: SandboxServer;
let undo: readonly (() => void)[];
let answers: Answers = () => undefined;
let asked: string[] = [];

beforeAll(async () => {
  run = await createRun();
  undo = [installSandboxDns(), trustSandbox(run.ctx.pki)];
  server = await startHttps(run.ctx, {
    names: ['api.hostile.sandbox.test'],
    system: 'http-api',
    handler(request) {
      asked.push(`${request.method} ${request.rawUrl}`);
      return answers(request) ?? usual(request);
    },
  });
});
beforeEach(() => {
  answers = () => undefined;
  asked = [];
});
afterAll(async () => {
  await server.stop();
  for (const one of undo) one();
  run.dispose();
});

/** One key, `k1`, whose value is `value-1`. */
function usual({ method, path, headers }: SandboxRequest): SandboxResponse {
  if (path === '/me') return { status: headers.authorization === 'Bearer value-1' ? 200 : 401, body: {} };
  if (method === 'GET') return { status: 200, body: { keys: [{ id: 'k1', name: 'by hand' }] } };
  return method === 'POST' ? { status: 201, body: { id: 'k2', value: 'value-2' } } : { status: 204 };
}

const call = (): Call => ({ signal: new AbortController().signal, now: () => run.ctx.clock.now() });

function rotatorOf(description: Description = NAMED): Rotator {
  const host = new URL(server.origin('api.hostile.sandbox.test')).host;
  return httpApiRotator({
    secrets: { read: () => Promise.resolve(new SecretValue('administrator')), forget: () => undefined },
    instances: [{ name: 'x', description, host, secret: ADMINISTRATOR, variables: {}, allowPrivate: true }],
  });
}

function bench(description?: Description, credentialId = 'k1'): { rotator: Rotator; target: Target; pending: Pending } {
  const rotator = rotatorOf(description);
  const current = { credentialId, slot: credentialId, value: new SecretValue('value-1') };
  const rotationId = newRotationId({ kind: 'secret', vault: 'https://kv', name: 'n' }, run.ctx.clock.now());
  const target = rotator.parseTarget({ providerAddress: 'x', credentialId });
  return { rotator, target, pending: { rotationId, slot: '', current } };
}

async function failureOf(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (error instanceof RotationError) return error;
  throw new Error('a RotationError was expected', { cause: error });
}

const to =
  (method: string, answer: SandboxResponse): Answers =>
  (request) =>
    request.method === method && request.path.startsWith('/keys') ? answer : undefined;

describe('creating a key', () => {
  test.each([
    ['200 instead of 201', { status: 200, body: { id: 'k2', value: 'value-2' } }],
    ['202, and no key', { status: 202, body: {} }],
    ['303, to what was made', { status: 303, headers: { location: '/keys/k2' }, body: '' }],
  ])('may have happened when the answer is %s', async (_what, answer) => {
    const { rotator, target, pending } = bench();
    answers = to('POST', answer);
    const error = await failureOf(rotator.set(target, pending, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'unknown' });
  });

  test.each(['..', '.', 'a b', 'a\nb', 'ä', '\ud800', 'x'.repeat(257)])(
    'gives no key whose id is %j: no tag could hold it',
    async (id) => {
      const { rotator, target, pending } = bench();
      answers = to('POST', { status: 201, body: { id, value: 'value-2' } });
      const error = await failureOf(rotator.set(target, pending, call()));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'applied' });
      expect(error.message).toContain("no id that a tag can hold at '/id'");
    },
  );

  test('is understood when the answer begins with a byte order mark', async () => {
    const { rotator, target, pending } = bench();
    answers = to('POST', { status: 201, body: `\ufeff${JSON.stringify({ id: 'k2', value: 'value-2' })}` });
    expect(await rotator.set(target, pending, call())).toMatchObject({ credentialId: 'k2' });
  });

  test('is not asked for while the tag names a key that the account does not list, though the value works', async () => {
    const { rotator, target, pending } = bench(NAMED, 'k7');
    const error = await failureOf(rotator.set(target, pending, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.message).toContain('lists no key k7');
    expect(asked.filter((one) => one.startsWith('POST'))).toEqual([]);
    expect(await rotator.check(target, '', pending.current, call())).toEqual([
      expect.objectContaining({ code: 'CONFIG_INVALID', message: error.message }) as object,
    ]);
  });

  test('goes on where the key in the tag has ended and is not listed any more', async () => {
    const { rotator, target, pending } = bench(NAMED, 'k7');
    const current = { ...pending.current, value: new SecretValue('ended') };
    expect(await rotator.set(target, { ...pending, current }, call())).toMatchObject({ credentialId: 'k2' });
  });
});

describe('a listing', () => {
  test.each(['..', '\ud800', 'a\r\nb'])('with the id %j is refused, and nobody asks for that id', async (id) => {
    const { rotator, target } = bench();
    answers = to('GET', { status: 200, body: { keys: [{ id, name: 'n' }] } });
    const error = await failureOf(rotator.list(target, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(error.message).toContain('without an id that can be used');
  });

  const numbered: Description = {
    ...NAMED,
    list: { ...NAMED.list, pages: { kind: 'page', query: 'page', first: 1, size: 1 } },
  };
  test('is not read for ever', async () => {
    const { rotator, target } = bench(numbered);
    expect((await failureOf(rotator.list(target, call()))).message).toContain('does not end after 200 pages');
  });

  test.each([
    ['an empty one', []],
    ['the last one again', ['k5']],
  ])('without a size of its pages is read until the next page is %s', async (_what, behind) => {
    const pages = { kind: 'page', query: 'page', first: 1 } as const;
    const where = [{ pointer: '/on', equals: true }];
    const { rotator, target } = bench({ ...NAMED, list: { ...NAMED.list, pages, where } });
    // A whole page of keys that are out of use is not the last one.
    const all = [['k1', 'k2'], ['off1', 'off2'], ['k5']];
    answers = ({ query }) => {
      const ids = all[Number(query.get('page')) - 1] ?? behind;
      return { status: 200, body: { keys: ids.map((id) => ({ id, name: 'n', on: id.startsWith('k') })) } };
    };
    expect((await rotator.list(target, call())).map(({ credentialId }) => credentialId)).toEqual(['k1', 'k2', 'k5']);
    expect(asked).toHaveLength(4);
  });

  test('takes no user and no password from the address of the next page', async () => {
    const { rotator, target } = bench({ ...NAMED, list: { ...NAMED.list, pages: { kind: 'next', pointer: '/next' } } });
    const seen: unknown[] = [];
    const { host } = new URL(server.origin('api.hostile.sandbox.test'));
    answers = ({ headers, query }) => {
      seen.push(headers.authorization);
      const next = query.has('page') ? null : `https://mallory:guess@${host}/keys?page=2#x`;
      return { status: 200, body: { keys: [], next } };
    };
    expect(await rotator.list(target, call())).toEqual([]);
    expect(seen).toEqual(['Bearer administrator', 'Bearer administrator']);
    expect(asked).toEqual(['GET /keys', 'GET /keys?page=2']);
  });
});

describe('revoking a key', () => {
  test.each([
    ['404', { status: 404, body: {} }],
    ['the code that means so', { status: 400, body: { error: 'GONE' } }],
  ])('has not happened when the answer is %s, and the key is listed', async (_what, answer) => {
    const { rotator, target } = bench();
    answers = to('DELETE', answer);
    const error = await failureOf(rotator.revoke(target, 'k1', { endSessions: false }, call()));
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    expect(error.message).toContain('it is listed');
    await rotator.revoke(target, 'k9', { endSessions: false }, call());
  });
});

describe('an error of the service', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
    'with the code %s means what its status means',
    async (error) => {
      const { rotator, target } = bench();
      answers = to('GET', { status: 403, body: { error } });
      expect(await failureOf(rotator.list(target, call()))).toMatchObject({
        code: 'ACCESS_DENIED',
        recovery: 'reconfigure',
        effect: 'none',
      });
    },
  );

  test.each([
    ['9'.repeat(400), Infinity],
    ['-5', 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('may ask to wait %s', async (header, ms) => {
    const { rotator, target } = bench();
    answers = to('GET', { status: 429, headers: { 'retry-after': header }, body: {} });
    const { code, retryAfterMs } = await failureOf(rotator.list(target, call()));
    expect({ code, retryAfterMs }).toEqual({ code: 'THROTTLED', retryAfterMs: ms });
  });

  test('never shows the secret that the service has echoed', async () => {
    const { rotator, target, pending } = bench();
    for (const status of [400, 401, 500]) {
      answers = ({ headers }) => ({
        status,
        body: { error: String(headers.authorization).replace('Bearer ', 'key:') },
      });
      for (const work of [
        () => rotator.list(target, call()),
        () => rotator.test(target, pending.current, call()),
        () => rotator.revoke(target, 'k1', { endSessions: false }, call()),
      ]) {
        expect((await failureOf(work())).message).toMatch(/(was answered|it is not accepted \()\W*\d{3}\)?$/);
      }
    }
  });
});
