import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { proveServed, type Endpoint, type ProofOptions } from '../../src/consumers/proof/handshake.ts';
import { verdictOn, type Finding } from '../../src/consumers/proof/verdict.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Clock, Confirmation, ServedCertificate } from '../../src/rotation/ports.ts';
import { issue, servedOf, type Issued } from '../support/certificates.ts';

/** Real TLS sockets on loopback: the sandbox's names lead to 127.0.0.1, those of its twin zone to 127.0.0.2 as well. */
const WWW = 'www.sandbox.test';
const TWIN = 'www.twin.sandbox.test';
const NAMES = [WWW, TWIN];

let root: Issued;
let intermediate: Issued;
let old: Issued;
let fresh: Issued;
let rsa: Issued;
let port: number;
const restore: (() => void)[] = [];
const open: Server[] = [];
const sockets = new Set<Socket>();

/** Patience is over at once, for what hangs for good. */
const HASTY: Clock = {
  now: () => new Date(0),
  after: (_ms, callback) => {
    const soon = setTimeout(callback, 100);
    return () => clearTimeout(soon);
  },
};
const PATIENT: Clock = {
  now: () => new Date(0),
  after: (ms, callback) => {
    const later = setTimeout(callback, ms);
    return () => clearTimeout(later);
  },
};

beforeAll(async () => {
  root = await issue({ names: ['Test root'], isAuthority: true });
  intermediate = await issue({ names: ['Test intermediate'], isAuthority: true, issuer: root });
  old = await issue({ names: NAMES, issuer: intermediate });
  fresh = await issue({ names: NAMES, issuer: intermediate });
  rsa = await issue({ names: NAMES, issuer: intermediate, keyType: 'RSA' });
  restore.push(installSandboxDns(), trustSandbox({ caPem: root.certPem }));
});
afterAll(() => restore.forEach((one) => one()));
afterEach(closeAll);

async function closeAll(): Promise<void> {
  const closing = open.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
  sockets.forEach((socket) => socket.destroy());
  sockets.clear();
  await Promise.all(closing);
}

async function listen(server: Server, address = '127.0.0.1', at = 0): Promise<number> {
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(at, address, resolve));
  open.push(server);
  return (server.address() as AddressInfo).port;
}

/** Serves this certificate, on the port of the test. @returns how often it was asked */
async function serves(what: Issued | TlsOptions, address = '127.0.0.1', at = 0): Promise<{ asked: number }> {
  const options = 'chainPem' in what ? { cert: what.chainPem, key: what.keyPem } : what;
  const counted = { asked: 0 };
  const server = createTlsServer(options);
  server.on('connection', () => (counted.asked += 1));
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  port = await listen(server, address, at);
  return counted;
}

function prove(
  hosts: readonly (string | Endpoint)[],
  certificate: Issued = fresh,
  options: Partial<ProofOptions> = {},
): Promise<Confirmation> {
  const { signal } = new AbortController();
  return proveServed(hosts, servedOf(certificate), {
    signal,
    now: () => new Date(0),
    clock: PATIENT,
    port,
    ...options,
  });
}

describe('a host that serves the certificate', () => {
  it('has adopted it, after three handshakes on connections of their own', async () => {
    const counted = await serves(fresh);
    const seen = await prove([WWW]);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(seen.detail).toContain(`${WWW} at 127.0.0.1:${port}`);
    expect(seen.detail).toContain(servedOf(fresh).sha256);
    expect(counted.asked).toBe(3);
  });

  it('has not, while one of its addresses serves the old one', async () => {
    await serves(fresh);
    await serves(old, '127.0.0.2', port);
    const seen = await prove([WWW, TWIN]);
    expect(seen).toMatchObject({ is: 'pending' });
    expect(seen.detail).toContain(`${TWIN} at 127.0.0.2:${port} serves ${servedOf(old).sha256}`);
  });

  it('has not, while one of several nodes behind an address serves the old one', async () => {
    let asked = 0;
    const contexts = await import('node:tls').then(({ createSecureContext }) =>
      [fresh, old].map(({ chainPem, keyPem }) => createSecureContext({ cert: chainPem, key: keyPem })),
    );
    const server = createTlsServer({
      SNICallback: (_name, done) => done(null, contexts[(asked += 1) === 3 ? 1 : 0]),
    });
    port = await listen(server);
    expect(await prove([WWW])).toMatchObject({ is: 'pending' });
    expect(asked).toBe(3);
  });

  it('has adopted it also where it serves another one to who can use an EC key', async () => {
    await serves({ key: [fresh.keyPem, rsa.keyPem], cert: [fresh.chainPem, rsa.chainPem] });
    expect(await prove([WWW], fresh)).toMatchObject({ is: 'adopted' });
    expect(await prove([WWW], rsa)).toMatchObject({ is: 'adopted' });
    expect(await prove([WWW], old)).toMatchObject({ is: 'pending' });
  });

  it('has adopted a self-signed one, and it is said that its root is not known here', async () => {
    const selfSigned = await issue({ names: NAMES });
    await serves(selfSigned);
    const seen = await prove([WWW], selfSigned);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(seen.detail).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
  });
});

describe('a certificate that is served, and that clients refuse', () => {
  it('is not adopted when what it was signed by is not sent', async () => {
    await serves({ cert: fresh.certPem, key: fresh.keyPem });
    const seen = await prove([WWW]);
    expect(seen.is).toBe('pending');
    expect(seen.detail).toMatch(/serves it, but its chain is broken \(UNABLE_TO_/);
  });

  it('is not adopted by a host that is not among its names', async () => {
    await serves(fresh);
    const seen = await prove(['api.sandbox.test']);
    expect(seen.is).toBe('pending');
    expect(seen.detail).toContain('does not cover the name api.sandbox.test');
  });
});

describe('a host of which nobody can tell', () => {
  it('serves a certificate of somebody else: its name leads elsewhere', async () => {
    await serves(await issue({ names: ['*.edge.example', WWW], issuer: intermediate }));
    const seen = await prove([WWW]);
    expect(seen).toMatchObject({ is: 'unreachable' });
    expect(seen.detail).toContain('is no version of this certificate');
    expect(seen).toMatchObject({ remedy: expect.stringContaining('nslookup') as string });
  });

  it('serves an older version, when that one is known, whatever its names are', async () => {
    const other = await issue({ names: [WWW], issuer: intermediate });
    await serves(other);
    for (const before of [servedOf(other).sha256, servedOf(other).sha1]) {
      expect(await prove([WWW], fresh, { before: [before] })).toMatchObject({ is: 'pending' });
    }
  });

  it('refuses the connection, has no address, or hangs before it is open', async () => {
    await serves(fresh);
    const at = port;
    await closeAll();
    const seen = await prove([WWW, 'www.nowhere.sandbox.test'], fresh, { port: at });
    expect(seen).toMatchObject({ is: 'unreachable', remedy: expect.stringContaining('Let the app reach') as string });
    expect(seen.detail).toContain('ECONNREFUSED');
    expect(seen.detail).toContain('ENOTFOUND');
  });

  it('hangs in the handshake, or cuts it: that is bounded, and does not keep the others from being looked at', async () => {
    port = await listen(createServer(() => undefined));
    const hanging = await prove([WWW], fresh, { clock: HASTY });
    expect(hanging).toMatchObject({ is: 'unreachable', remedy: expect.stringContaining('openssl s_client') as string });
    port = await listen(createServer((socket) => socket.destroy()));
    const cut = await prove([WWW]);
    expect(cut.is).toBe('unreachable');
    expect(cut.detail).toContain('did not finish the handshake');
  });

  it('is a wildcard alone; beside a host that serves it, it is only mentioned', async () => {
    await serves(fresh);
    const alone = await prove(['*.sandbox.test']);
    expect(alone).toMatchObject({ is: 'unreachable', detail: expect.stringContaining('wildcard') as string });
    const both = await prove([WWW, '*.sandbox.test']);
    expect(both).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(both.detail).toContain('*.sandbox.test is a wildcard');
  });

  it('is bound to no name', async () => {
    expect(await prove([])).toMatchObject({ is: 'unreachable', detail: 'no host name is bound to it' });
  });
});

describe('an address without a way to it', () => {
  const certificate = (): ServedCertificate => servedOf(fresh);
  const v4: Finding = { is: 'served', where: `${WWW} at 192.0.2.1:443` };
  const v6: Finding = { is: 'unrouted', where: `${WWW} at 2001:db8::1:443`, why: 'ENETUNREACH' };

  it('is only mentioned where the host has another one that serves the certificate', () => {
    const seen = verdictOn([v4, v6], { certificate: certificate(), skipped: 0 });
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
    expect(seen.detail).toContain('2001:db8::1:443 cannot be reached: ENETUNREACH');
  });

  it('is as good as closed where it is the only one of its host', () => {
    const other: Finding = { is: 'served', where: `${TWIN} at 192.0.2.1:443` };
    expect(verdictOn([other, v6], { certificate: certificate(), skipped: 0 })).toMatchObject({ is: 'unreachable' });
  });
});

it('hosts beyond what one call can ask are counted', () => {
  const served: Finding = { is: 'served', where: `${WWW} at 192.0.2.1:443` };
  expect(verdictOn([served], { certificate: servedOf(fresh), skipped: 7 }).detail).toContain('7 more addresses');
});

describe('an address that the consumer says is its own', () => {
  it('is asked in place of DNS, also for a wildcard', async () => {
    const wildcard = await issue({ names: ['*.nowhere.sandbox.test'], issuer: intermediate });
    await serves(wildcard);
    const seen = await prove(
      [
        { name: '*.nowhere.sandbox.test', address: '127.0.0.1' },
        { name: 'www.nowhere.sandbox.test', address: '127.0.0.1', port },
      ],
      wildcard,
    );
    expect(seen).toMatchObject({ is: 'adopted', proof: 'handshake' });
  });
});

describe('the word of the control plane', () => {
  const CLOSED = 'www.nowhere.sandbox.test';
  const says = (shows: 'this' | 'another') => ({ controlPlane: { shows, detail: `the resource shows ${shows}` } });

  it('is the weaker proof where the network is closed, and says so', async () => {
    await serves(fresh);
    for (const hosts of [[CLOSED], [CLOSED, WWW], ['*.sandbox.test'], []]) {
      expect(await prove(hosts, fresh, says('this'))).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    }
    const seen = await prove([CLOSED], fresh, says('this'));
    expect(seen.detail).toContain('the resource shows this; www.nowhere.sandbox.test cannot be reached');
    expect(await prove([CLOSED], fresh, says('another'))).toMatchObject({ is: 'pending' });
  });

  it('counts for nothing where something else was seen', async () => {
    await serves(old);
    expect(await prove([WWW, CLOSED], fresh, says('this'))).toMatchObject({ is: 'pending' });
    await serves(await issue({ names: ['edge.example'], issuer: intermediate }));
    expect(await prove([WWW, CLOSED], fresh, says('this'))).toMatchObject({ is: 'unreachable' });
  });
});

it('ends with its call, and says that nothing was changed', async () => {
  port = await listen(createServer(() => undefined));
  const controller = new AbortController();
  const proof = prove([WWW], fresh, { signal: controller.signal });
  setImmediate(() => controller.abort());
  const error: unknown = await proof.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RotationError);
  expect(error).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'none' });
});
