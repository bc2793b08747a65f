/** The built app in the sandbox's host: an application whose certificate the vault renews by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientAssertion } from '../../sandbox/demo/client-assertion.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS } from '../support/managed.ts';
import { retired, rotated, Runbook } from '../support/runbook.ts';

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp({ parts: ['identity', 'eventgrid', 'topic', 'azurite', 'graph'] });
  ({ sandbox } = app);
  host = await app.startHost();
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
});

afterAll(async () => {
  await sandbox.stop();
  expect(failuresOf(host)).toEqual([]);
});

/** Logs in as a reader of the secret does. */
async function logsIn(appId: string, pem: string): Promise<boolean> {
  const { loginOrigin, tenantId, origin } = sandbox.graph;
  const endpoint = `${loginOrigin}/${tenantId}/oauth2/v2.0/token`;
  const { status } = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'client_credentials', scope: `https://${new URL(origin).hostname}/.default` },
      ...{ client_id: appId, ...clientAssertion(pem, appId, endpoint, sandbox.ctx.clock.now()) },
    }),
  });
  return status === 200;
}

test('the vault renews the certificate by itself, the secret follows at the next sweep, and the old one is removed later', async () => {
  const { certificates } = sandbox.vault;
  const { app: application } = sandbox.graph.createApplication('app');
  const { der } = await certificates.seed('kv', 'login', { secret_props: { contentType: 'application/x-pem-file' } });
  const { keyId } = sandbox.graph.applications.register(application, der, { name: 'by hand', agoMs: 300 * DAY });
  const old = certificates.content('kv', 'login');
  sandbox.vault.seed('kv', 'app-login', {
    value: old,
    expiresInMs: 300 * DAY,
    tags: {
      CredentialId: keyId,
      ProviderAddress: `${application.id}?certificate=${certificates.url('kv', 'login')}`,
      team: 'orders',
    },
  });
  await host.invoke('sweep');
  expect(sandbox.vault.peek('kv', 'app-login'), 'it holds the newest certificate').toHaveLength(1);

  sandbox.ctx.clock.advance(DAY);
  const renewed = await certificates.seed('kv', 'login');
  expect(await logsIn(application.appId, certificates.content('kv', 'login')), 'nobody has told Entra').toBe(false);
  await host.invoke('sweep');
  const run = await runbook.newest('app-login', rotated);
  expect(run.reason).toBe('SourceChanged');
  const [before, after, ...more] = sandbox.vault.peek('kv', 'app-login');
  expect(more).toEqual([]);
  const made = application.keys[1];
  expect(made?.displayName).toBe(`keyturn ${run.rotationId}`);
  expect(made?.certificate.raw.equals(renewed.der)).toBe(true);
  expect(after).toMatchObject({ value: certificates.content('kv', 'login'), exp: renewed.exp });
  expect(after?.tags).toEqual({ ...before?.tags, CredentialId: made?.keyId, RotationId: run.rotationId });
  expect(await logsIn(application.appId, old), 'the old value still logs in').toBe(true);
  expect(await logsIn(application.appId, after?.value ?? ''), 'the new value logs in').toBe(true);

  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  await runbook.newest('app-login', retired);
  expect(await logsIn(application.appId, old), 'the old value is refused').toBe(false);
  expect(await logsIn(application.appId, after?.value ?? ''), 'the new value goes on').toBe(true);
  expect(application.keys.map((one) => one.keyId)).toEqual([made?.keyId]);
});
