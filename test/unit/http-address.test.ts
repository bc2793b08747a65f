/** No request of http-api or external goes to an address that is not public, whatever a name resolves to. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { once } from 'node:events';
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest';
import { startHttps, type SandboxResponse, type SandboxServer } from '../../sandbox/http.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { isPublicAddress, publicLookup } from '../../src/https/address.ts';
import { send, type HttpsRequest } from '../../src/https/client.ts';

describe('an address', () => {
  test.each([
    ...['127.0.0.1', '127.9.9.9', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254'],
    ...['0.0.0.0', '100.64.0.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16'],
    ...['192.0.0.8', '192.0.2.1', '198.51.100.1', '203.0.113.1', '192.88.99.1'],
    ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'ff02::1', 'fec0::1', '100::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '[::ffff:127.0.0.1]', '::127.0.0.1'],
    ...['64:ff9b::10.0.0.1', '64:ff9b::8.8.8.8', '2002:7f00:1::', '2001::1', '2001:db8::1', '3fff::1', '[::1]'],
    ...['localhost', 'example.com', '', '127.1', '0x7f000001', '2130706433'],
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(['8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '2606:4700::1111', '[2a00:1450::1]'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

/** What `dns.lookup` answers, for as long as it runs. */
function answering(addresses: readonly { readonly address: string; readonly family: 4 | 6 }[]): () => void {
  const real = dns.lookup;
  const fake = (_host: string, _options: unknown, callback: (error: null, all: typeof addresses) => void): void => {
    process.nextTick(() => callback(null, addresses));
  };
  dns.lookup = fake as unknown as typeof dns.lookup;
  syncBuiltinESMExports();
  return () => {
    dns.lookup = real;
    syncBuiltinESMExports();
  };
}

let restore = (): void => undefined;
afterEach(() => restore());

const lookUp = (all: boolean): Promise<unknown> =>
  new Promise((resolve, reject) => {
    publicLookup('api.example.com', { all }, (error, address) => {
      if (error === null) resolve(address);
      else reject(error);
    });
  });

describe('a name', () => {
  test('is connected to by its public addresses, in either form that sockets ask for', async () => {
    restore = answering([{ address: '8.8.8.8', family: 4 }]);
    expect(await lookUp(true)).toEqual([{ address: '8.8.8.8', family: 4 }]);
    expect(await lookUp(false)).toBe('8.8.8.8');
  });

  test.each([['10.0.0.5'], ['::1'], ['169.254.169.254']])('is refused when it resolves to %s', async (address) => {
    restore = answering([{ address, family: address.includes(':') ? 6 : 4 }]);
    await expect(lookUp(true)).rejects.toThrow(`api.example.com resolves to ${address}`);
  });

  test('is refused when one of several answers is not public', async () => {
    restore = answering([
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]);
    await expect(lookUp(true)).rejects.toThrow('127.0.0.1');
  });

  test('is refused when it has no address', async () => {
    restore = answering([]);
    await expect(lookUp(true)).rejects.toThrow('no public address');
  });
});

describe('a request', () => {
  let run: Run;
  let server: SandboxServer;
  let plain: Server;
  let untrust: () => void;
  let answer: SandboxResponse = { status: 200, body: {} };
  let reached = 0;

  beforeAll(async () => {
    run = await createRun();
    untrust = trustSandbox(run.ctx.pki);
    server = await startHttps(run.ctx, {
      names: ['127.0.0.1', 'localhost', 'api.example.com'],
      system: 'http-api',
      handler: () => {
        reached += 1;
        return answer;
      },
    });
    plain = createServer((_message, response) => response.end('plain'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
  });
  afterAll(async () => {
    plain.close();
    await server.stop();
    untrust();
    run.dispose();
  });

  const call = (signal = new AbortController().signal) => ({ signal, now: () => new Date('2026-01-01T00:00:00Z') });
  const doing = { what: 'creating a key', writes: true, setting: 'KEYTURN_HTTP_APIS["x"]' };
  const to = (url: string, more: Partial<HttpsRequest> = {}): HttpsRequest => ({
    ...{ method: 'POST', url: new URL(url), headers: {}, allowPrivate: false },
    ...more,
  });
  const failure = async (request: HttpsRequest, signal?: AbortSignal): Promise<RotationError> => {
    const error: unknown = await send(request, doing, call(signal)).catch((thrown: unknown) => thrown);
    if (error instanceof RotationError) return error;
    throw new Error('a RotationError was expected', { cause: error });
  };

  test.each([
    ['a literal address', (port: number) => `https://127.0.0.1:${port}/`],
    ['an address in other digits', (port: number) => `https://0x7f.1:${port}/`],
    ['a mapped address', (port: number) => `https://[::ffff:127.0.0.1]:${port}/`],
    ['localhost', (port: number) => `https://localhost:${port}/`],
  ])('is not sent to %s that is not public', async (_what, url) => {
    const before = reached;
    const error = await failure(to(url(server.port)));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('"allowPrivate": true in KEYTURN_HTTP_APIS["x"]');
    expect(reached).toBe(before);
  });

  test('is not sent where a public name has come to point inside', async () => {
    restore = answering([{ address: '127.0.0.1', family: 4 }]);
    expect(await failure(to(`https://api.example.com:${server.port}/`))).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('reaches a private address when that is allowed', async () => {
    answer = { status: 200, body: { fine: true } };
    const got = await send(to(`https://localhost:${server.port}/`, { allowPrivate: true }), doing, call());
    expect(got).toMatchObject({ status: 200, text: '{"fine":true}' });
  });

  test('does not follow a redirect', async () => {
    answer = { status: 302, headers: { location: `https://localhost:${server.port}/elsewhere` } };
    const before = reached;
    const got = await send(to(`https://localhost:${server.port}/`, { allowPrivate: true }), doing, call());
    expect(got.status).toBe(302);
    expect(reached).toBe(before + 1);
  });

  test('does not read an answer without end', async () => {
    answer = { status: 200, body: 'x'.repeat(5 * 1024 * 1024) };
    const error = await failure(to(`https://localhost:${server.port}/`, { allowPrivate: true }));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' });
    expect(error.message).toContain('larger than 4194304 bytes');
  });

  test('is not sent without TLS, nor to a certificate of another name or of nobody known', async () => {
    const { port } = plain.address() as AddressInfo;
    expect(await failure(to(`https://localhost:${port}/`, { allowPrivate: true }))).toMatchObject({
      code: 'UNAVAILABLE',
      effect: 'none',
    });
    restore = answering([{ address: '127.0.0.1', family: 4 }]);
    const other = await failure(to(`https://other.example.com:${server.port}/`, { allowPrivate: true }));
    expect(other).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' });
    expect(other.message).toContain('certificate');
    untrust();
    const unknown = await failure(to(`https://localhost:${server.port}/`, { allowPrivate: true }));
    untrust = trustSandbox(run.ctx.pki);
    expect(unknown.message).toContain('certificate');
  });

  test('has an unknown effect only when it may have arrived', async () => {
    const gone = await failure(to('https://localhost:9/', { allowPrivate: true }));
    expect(gone).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' });
    answer = { status: 0 };
    const cut = await failure(to(`https://localhost:${server.port}/`, { allowPrivate: true }));
    expect(cut).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    const aborted = await failure(to(`https://localhost:${server.port}/`, { allowPrivate: true }), AbortSignal.abort());
    expect(aborted).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
  });

  test('is not sent with a header that would be two, and does not say what stands in it', async () => {
    const headers = { authorization: 'Bearer CANARY-1234\nx-evil: 1' };
    const error = await failure(to(`https://localhost:${server.port}/`, { allowPrivate: true, headers }));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(`${error.message}${error.remedy ?? ''}${String(error.cause)}`).not.toContain('CANARY');
  });
});
