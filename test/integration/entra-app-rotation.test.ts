/** The built app in the sandbox's host: client secrets of applications, tagged as Microsoft's rotation sample tags them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
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

interface Seeded {
  readonly name: string;
  readonly appId: string;
  readonly keyId: string;
  readonly secretOf: (value: string) => string;
}

/** @param wrap the value in the vault for a secret and a client id */
function seed(name: string, wrap: (secret: string, appId: string) => string, secretOf: Seeded['secretOf']): Seeded {
  const { app: application, secret } = sandbox.graph.createApplication(name);
  sandbox.vault.seed('kv', name, {
    value: wrap(secret.text, application.appId),
    expiresInMs: 20 * DAY,
    tags: { CredentialId: secret.keyId, ProviderAddress: application.id, ValidityPeriodDays: '60' },
  });
  return { name, appId: application.appId, keyId: secret.keyId, secretOf };
}

/** Logs in as an application does. */
async function logsIn(appId: string, secret: string): Promise<boolean> {
  const { loginOrigin, tenantId, origin } = sandbox.graph;
  const { status } = await fetch(`${loginOrigin}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'client_credentials', scope: `https://${new URL(origin).hostname}/.default` },
      ...{ client_id: appId, client_secret: secret },
    }),
  });
  return status === 200;
}

test('a secret with the tags of Microsoft’s sample rotates as it is, bare or in JSON, and the old one is removed later', async () => {
  const seeded = [
    seed(
      'app-bare',
      (secret) => secret,
      (value) => value,
    ),
    seed(
      'app-json',
      (secret, appId) => `{ "clientId": "${appId}", "clientSecret": "${secret}", "tenantId": "contoso" }`,
      (value) => (JSON.parse(value) as { clientSecret: string }).clientSecret,
    ),
  ];
  for (const { name, appId, keyId, secretOf } of seeded) {
    const run = await runbook.newest(name, rotated);
    const [before, after, ...more] = sandbox.vault.peek('kv', name);
    expect(more).toEqual([]);
    const application = sandbox.graph.applications.byAppId(appId);
    const made = application?.secrets.find((one) => one.keyId === after?.tags?.['CredentialId']);
    expect(made?.displayName).toBe(`keyturn ${run.rotationId}`);
    expect(made?.text).toBe(secretOf(after?.value ?? ''));
    expect(after?.tags).toEqual({ ...before?.tags, CredentialId: made?.keyId, RotationId: run.rotationId });
    expect(after?.value.replace(made?.text ?? '', '')).toBe(before?.value.replace(secretOf(before.value), ''));
    expect((made?.endDateTime.getTime() ?? 0) / 1000 - (after?.exp ?? 0)).toBeCloseTo((7 * DAY) / 1000, -2);
    expect(await logsIn(appId, secretOf(before?.value ?? '')), 'the old value still logs in').toBe(true);
    expect(await logsIn(appId, made?.text ?? ''), 'the new value logs in').toBe(true);
    expect(application?.secrets.map((one) => one.keyId)).toEqual([keyId, made?.keyId]);
  }
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  for (const { name, appId, secretOf } of seeded) {
    await runbook.newest(name, retired);
    const [before, after] = sandbox.vault.peek('kv', name);
    expect(await logsIn(appId, secretOf(before?.value ?? '')), 'the old value is refused').toBe(false);
    expect(await logsIn(appId, secretOf(after?.value ?? '')), 'the new value goes on').toBe(true);
    expect(sandbox.graph.applications.byAppId(appId)?.secrets).toHaveLength(1);
  }
});
