/** The TLS front as a part of the sandbox, who serves certificates behind it, and the client of the demo that watches them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertificateSeen } from '../../sandbox/certificate-directory.ts';
import { makeSigned } from '../../sandbox/consumers/authority.ts';
import { CONSUMERS, hostsOf, seedConsumers } from '../../sandbox/consumers/consumers.ts';
import { SELF_SIGNED, SIGNED } from '../../sandbox/consumers/holder.ts';
import { FLAWS, TlsClient, type Flaw } from '../../sandbox/demo/tls-client.ts';
import { TLS_PORT_VARIABLE } from '../../sandbox/port-443.ts';
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.ts';
import { directoriesOf } from '../../sandbox/vault-directories.ts';

const DAY_MS = 86_400_000;
const [HOST] = hostsOf(SELF_SIGNED);
const [EDGE] = hostsOf(SIGNED);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ parts: ['tls'], signals: false });
  await seedConsumers(sandbox, { expiresInMs: 30 * DAY_MS });
});

afterAll(() => sandbox.stop());

function certificateOf(name: string): readonly CertificateSeen[] {
  const found = directoriesOf(sandbox.vault).certificates.lookUp('kv', name);
  return found === undefined ? [] : [found];
}

/** What the client has seen after some connections to one host. */
async function seen(host: string, object: string): Promise<readonly Flaw[]> {
  const client = new TlsClient(sandbox, [{ host, object }]);
  client.start();
  await client.another();
  await client.stop();
  const { handshakes, flaws } = client.counts;
  expect(handshakes).toBeGreaterThan(1);
  return FLAWS.filter((flaw) => flaws[flaw] > 0);
}

test('the app is told where to look for consumers, and its connections to port 443 where they are served', () => {
  expect(sandbox.env).toMatchObject({
    KEYTURN_SUBSCRIPTIONS: sandbox.arm.subscriptionId,
    [TLS_PORT_VARIABLE]: String(sandbox.tls.port),
  });
});

test('every host name of every consumer serves the certificate that is in the vault, on port 443', async () => {
  const served = CONSUMERS.flatMap(({ uses }) => uses).flatMap(({ object, hosts }) =>
    hosts.map((host) => ({ host, object })),
  );
  expect(served.length).toBeGreaterThan(5);
  const client = new TlsClient(sandbox, served);
  for (const one of served) expect([one.host, await client.servesNewest(one)]).toEqual([one.host, true]);
});

describe('the client that connects without pause', () => {
  test('is content with what is in order', async () => {
    expect(await seen(HOST, SELF_SIGNED)).toEqual([]);
  });

  test('finds a certificate that the vault never had', async () => {
    await sandbox.vault.certificates.seed('kv', 'stranger');
    const mend = sandbox.tls.put(HOST, '127.0.0.1', certificateOf('stranger'));
    expect(await seen(HOST, SELF_SIGNED)).toEqual(['foreign']);
    mend();
  });

  test('finds a certificate for another name', async () => {
    const mend = sandbox.tls.put(HOST, '127.0.0.1', certificateOf(SIGNED));
    expect(await seen(HOST, SIGNED)).toEqual(['another name']);
    mend();
  });

  test('finds that nobody answers', async () => {
    const rule = sandbox.ctx.faults.add({ system: 'tls', match: HOST, action: { drop: 'before' } });
    expect(await seen(HOST, SELF_SIGNED)).toEqual(['no answer']);
    sandbox.ctx.faults.remove(rule);
  });

  // After the others: the clock does not go back.
  test('finds a certificate that has expired by the clock of the sandbox', async () => {
    sandbox.ctx.clock.advance(31 * DAY_MS);
    expect(await seen(HOST, SELF_SIGNED)).toEqual(['expired']);
  });
});

describe('a process in the time of the sandbox judges a certificate', () => {
  const DIALS = `require('node:tls').connect({ host: process.argv[1], port: 443, servername: process.argv[1], rejectUnauthorized: false })
    .once('secureConnect', function () { console.log(this.authorizationError ?? 'trusted'); this.destroy(); })`;

  /** What the process says of what the host serves. @param aheadMs how far its clock is ahead of the machine's */
  async function judged(host: string, aheadMs: number): Promise<string> {
    const preload = (name: string): string[] => ['--import', new URL(`../../sandbox/${name}.ts`, import.meta.url).href];
    const args = [...preload('dns-preload'), ...preload('clock-preload'), '-e', DIALS, host];
    const { NODE_EXTRA_CA_CERTS, [TLS_PORT_VARIABLE]: port } = sandbox.env;
    const env = { NODE_EXTRA_CA_CERTS, [TLS_PORT_VARIABLE]: port, SANDBOX_CLOCK_OFFSET_MS: String(aheadMs) };
    return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
  }

  test('that is valid now, as everybody does', async () => {
    expect([await judged(HOST, 0), await judged(EDGE, 0)]).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT', 'trusted']);
  });

  test('that has expired by then', async () => {
    const late = 'CERT_HAS_EXPIRED';
    expect([await judged(HOST, 31 * DAY_MS), await judged(EDGE, 31 * DAY_MS)]).toEqual([late, late]);
  });

  // Last: the clock does not go back.
  test('that is made then', async () => {
    sandbox.ctx.clock.advance(60 * DAY_MS);
    await sandbox.vault.certificates.seed('kv', SELF_SIGNED);
    await makeSigned(sandbox, SIGNED, hostsOf(SIGNED));
    const mend = [
      sandbox.tls.put(HOST, '127.0.0.1', certificateOf(SELF_SIGNED)),
      sandbox.tls.put(EDGE, '127.0.0.1', certificateOf(SIGNED)),
    ];
    const { offsetMs } = sandbox.ctx.clock;
    expect([await judged(HOST, offsetMs), await judged(EDGE, offsetMs)]).toEqual([
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'trusted',
    ]);
    expect(await judged(EDGE, 0)).toBe('CERT_NOT_YET_VALID');
    for (const one of mend) one();
  });
});
