/** The TLS front as a part of the sandbox, who serves certificates behind it, and the client of the demo that watches them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONSUMERS, hostsOf, seedConsumers } from '../../sandbox/consumers/consumers.ts';
import { SELF_SIGNED, SIGNED } from '../../sandbox/consumers/holder.ts';
import { FLAWS, TlsClient, type Flaw } from '../../sandbox/demo/tls-client.ts';
import { TLS_PORT_VARIABLE } from '../../sandbox/port-443.ts';
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.ts';
import { directoriesOf } from '../../sandbox/vault-directories.ts';

const DAY_MS = 86_400_000;
const [HOST] = hostsOf(SELF_SIGNED);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ parts: ['tls'], signals: false });
  await seedConsumers(sandbox, { expiresInMs: 30 * DAY_MS });
});

afterAll(() => sandbox.stop());

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
  const certificateOf = (name: string) => {
    const found = directoriesOf(sandbox.vault).certificates.lookUp('kv', name);
    return found === undefined ? [] : [found];
  };

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

  // Last: the clock does not go back.
  test('finds a certificate that has expired by the clock of the sandbox', async () => {
    sandbox.ctx.clock.advance(31 * DAY_MS);
    expect(await seen(HOST, SELF_SIGNED)).toEqual(['expired']);
  });
});
