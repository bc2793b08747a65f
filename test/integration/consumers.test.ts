/** The built app in the sandbox's host: certificates are renewed, a new version is pushed to who uses it, and the old credential waits. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeGateway } from '../contract/application-gateway.stage.ts';
import { siteOf } from '../../sandbox/arm/services/web/state.ts';
import { startSite } from '../../sandbox/arm/services/web/settings.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { startTlsFront, type TlsFront } from '../../sandbox/tls-front.ts';
import { directoriesOf } from '../../sandbox/vault-directories.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS } from '../support/managed.ts';
import { rotated, Runbook } from '../support/runbook.ts';
import { until } from '../support/until.ts';

const HOUR = 3600_000;

interface Shown {
  readonly version: string;
  readonly summary: string;
  readonly consumers: readonly {
    kind: string;
    state: string;
    id: string;
    proof?: { kind: string };
    whatToDo: string;
  }[];
}

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
let front: TlsFront;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp({ parts: ['identity', 'eventgrid', 'topic', 'azurite', 'arm', 'blob'] });
  ({ sandbox } = app);
  front = await startTlsFront(sandbox.ctx, { serves: (name) => sandbox.arm.serves(name) });
  host = await app.startHost({ KEYTURN_SUBSCRIPTIONS: sandbox.arm.subscriptionId });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
});

afterAll(async () => {
  await (front as TlsFront | undefined)?.stop();
  await sandbox.stop();
  expect(failuresOf(host)).toEqual([]);
});

async function consumersOf(name: string): Promise<Shown | undefined> {
  const { status, json } = await runbook.ask('GET', `consumers?vault=kv&name=${name}`);
  return status === 200 ? (json as Shown) : undefined;
}

/** Moves the clock on while the app waits for a look that is due later. */
async function adopted(name: string, version: string): Promise<Shown> {
  let seen: Shown | undefined;
  const probe = async (): Promise<Shown | undefined> => {
    const shown = (seen = await consumersOf(name));
    const all = shown?.version === version && shown.consumers.length > 0;
    if (all && shown.consumers.every(({ state }) => state === 'verified')) return shown;
    sandbox.ctx.clock.advance(5_000);
    return undefined;
  };
  return until(`the adoption of ${name}`, probe, { everyMs: 200, state: () => seen });
}

// Before the clock moves on: TLS judges the dates of a certificate by the machine's own.
test('a certificate that the vault has renewed is served by the gateway, proven by handshakes', async () => {
  const name = 'web';
  const policy = { x509_props: { subject: 'CN=www.sandbox.test', sans: { dns_names: ['www.sandbox.test'] } } };
  await sandbox.vault.certificates.seed('kv', name, policy);
  const { ctx, arm } = sandbox;
  const cloud = { ctx, arm, front, vault: directoriesOf(sandbox.vault).certificates };
  makeGateway(cloud, { tls: `${sandbox.vault.url('kv')}/secrets/${name}/` }, [
    { certificate: 'tls', hosts: ['www.sandbox.test'] },
  ]);
  const { id: version } = await sandbox.vault.certificates.seed('kv', name);
  const shown = await adopted(name, version);
  expect(shown.consumers).toMatchObject([
    { kind: 'application-gateway', state: 'verified', proof: { kind: 'handshake' } },
  ]);
});

test('a rotated secret is fetched by the app that refers to it, and the old credential waits for that', async () => {
  const { id } = sandbox.arm.createAccount('consumed');
  sandbox.vault.seed('kv', 'files-key', {
    value: sandbox.arm.keys('consumed').key1,
    expiresInMs: 200 * DAY,
    tags: { CredentialId: 'key1', ProviderAddress: id },
  });
  const resource = sandbox.arm.create('Microsoft.Web/sites/{name}', { name: 'shop' });
  const site = siteOf(resource);
  site.settings = { FILES_KEY: `@Microsoft.KeyVault(SecretUri=${sandbox.vault.url('kv')}/secrets/files-key/)` };
  startSite(resource, directoriesOf(sandbox.vault).secrets, sandbox.ctx.clock.now());
  await runbook.start('files-key');
  await runbook.newest('files-key', rotated);
  const version = sandbox.vault.peek('kv', 'files-key').at(-1)?.id ?? '';
  const shown = await adopted('files-key', version);
  expect(shown.consumers).toMatchObject([
    { kind: 'app-service-reference', state: 'verified', proof: { kind: 'resolved-version' } },
  ]);
  const run = await runbook.newest('files-key', rotated);
  const { json } = await runbook.ask('GET', `rotations/${run.rotationId}`);
  expect(json).toMatchObject({ consumers: [{ state: 'verified' }] });
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  await runbook.retirement('files-key', sandbox.ctx.clock);
});

test('a certificate near its end is renewed with the answer that a person brings to its request', async () => {
  const { vault, ctx } = sandbox;
  const names = ['www.sandbox.test'];
  const x509_props = { subject: `CN=${names[0] ?? ''}`, sans: { dns_names: names } };
  const tags = { Rotator: 'vault-certificate' };
  await vault.certificates.seed('kv', 'signed', { x509_props }, { expiresInMs: 30 * DAY + HOUR, tags });
  vault.certificates.setPolicy('kv', 'signed', { issuer: { name: 'Unknown' } });
  ctx.clock.advance(HOUR + 60_000);
  const waiting = await runbook.newest('signed', ({ state, blocked }) => state === 'blocked' && blocked !== undefined);
  expect(waiting).toMatchObject({ reason: 'NearExpiry', blocked: { code: 'VALUE_AWAITED' } });
  const path = `rotations/${waiting.rotationId}`;
  const { json } = await runbook.ask('GET', `${path}/csr`);
  const csr = Buffer.from((json as { csr: string }).csr.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const now = ctx.clock.now();
  const end = new Date(now.getTime() + 90 * DAY);
  const signed = new X509Certificate(await ctx.pki.sign(csr, names, new Date(now.getTime() - HOUR), end));
  const answer = await runbook.ask('PUT', `${path}/certificate`, { certificate: signed.toString() });
  expect(answer).toMatchObject({ status: 202 });
  const over = await until('the end of the run', async () => {
    const [run] = await runbook.runs('name=signed');
    // It may wait a minute to see whether its consumers were told.
    ctx.clock.advance(5_000);
    return run?.state === 'done' ? run : undefined;
  });
  expect(over).toMatchObject({
    rotationId: waiting.rotationId,
    to: { version: vault.peek('kv', 'signed').at(-1)?.id },
  });
  expect(vault.certificates.peek('kv', 'signed')).toMatchObject([{ enabled: true }, { enabled: true, tags }]);
});
