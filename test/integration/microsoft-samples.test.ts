/**
 * Secrets that are tagged as Microsoft's published rotation samples tag them, and nothing else said: CredentialId,
 * ProviderAddress, ValidityPeriodDays. The samples rotate one SQL login; a setting of the app says so, not a tag.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAt, PLACES } from '../../sandbox/arm/places.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { DAY } from '../support/managed.ts';
import { rotated, retired, Runbook } from '../support/runbook.ts';

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);
const SERVER =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Sql/servers/sql';

beforeAll(async () => {
  app = await startBuiltApp({
    parts: ['identity', 'eventgrid', 'topic', 'azurite', 'arm', 'blob', 'services', 'tds', 'graph'],
  });
  ({ sandbox } = app);
  host = await app.startHost({
    KEYTURN_DEFAULTS: '{"accounts":"single"}',
    KEYTURN_SQL_SUFFIX: `database.sandbox.test:${sandbox.tds.port}`,
  });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
});

afterAll(async () => {
  await sandbox.stop();
  expect(failuresOf(host)).toEqual([]);
});

interface Sample {
  readonly tags: Readonly<Record<string, string>>;
  readonly value: string;
  /** Does the system take it now? */
  readonly works: (value: string) => boolean | Promise<boolean>;
}

function sqlLogin(): Sample {
  const password = `Password-1a-${randomBytes(12).toString('hex')}`;
  sandbox.tds.addLogin('sampleapp', password);
  return {
    tags: { CredentialId: 'sampleapp', ProviderAddress: SERVER, ValidityPeriodDays: '60' },
    value: password,
    works: (value) => sandbox.tds.authenticates('sampleapp', value, 'appdb'),
  };
}

function storageKey(): Sample {
  const { id, keys } = sandbox.arm.createAccount('sampledata');
  return {
    tags: { CredentialId: 'key1', ProviderAddress: id, ValidityPeriodDays: '60' },
    value: keys.key1,
    works: (value) => Object.values(sandbox.arm.keys('sampledata')).includes(value),
  };
}

/** @param credentialId as the sample's own set-up script writes it */
function armKey(kind: string, credentialId: string, slot: string): Sample {
  const place = PLACES.find((one) => one.kind === kind) ?? expect.fail(`no ${kind} in the sandbox`);
  const { providerAddress, key, accepts } = createAt(sandbox.arm, place, `sample${kind.replaceAll('-', '')}`);
  return {
    tags: { CredentialId: credentialId, ProviderAddress: providerAddress, ValidityPeriodDays: '60' },
    value: key(slot),
    works: accepts,
  };
}

function application(): Sample {
  const { app: registered, secret } = sandbox.graph.createApplication('sample');
  return {
    tags: { CredentialId: secret.keyId, ProviderAddress: registered.id, ValidityPeriodDays: '60' },
    value: secret.text,
    works: (value) => registered.secrets.some(({ text }) => text === value),
  };
}

test('they rotate with no change, and the old credentials are out of use in the end', { timeout: 90_000 }, async () => {
  const samples: Readonly<Record<string, Sample>> = {
    'sample-sql-login': sqlLogin(),
    'sample-storage-key': storageKey(),
    'sample-redis': armKey('redis', 'Primary', 'Primary'),
    'sample-cosmos-db': armKey('cosmos-db', 'Primary', 'primary'),
    'sample-application': application(),
  };
  for (const [name, { value, tags }] of Object.entries(samples)) {
    sandbox.vault.seed('kv', name, { value, tags, expiresInMs: 20 * DAY });
  }
  for (const [name, { tags, works }] of Object.entries(samples)) {
    await runbook.newest(name, rotated);
    const [, after] = sandbox.vault.peek('kv', name);
    expect(Object.keys(after?.tags ?? {}).sort(), name).toEqual([...Object.keys(tags), 'RotationId'].sort());
    expect(after?.tags?.['ProviderAddress']).toBe(tags['ProviderAddress']);
    expect(await works(after?.value ?? ''), name).toBe(true);
  }
  sandbox.ctx.clock.advance(1.1 * DAY);
  for (const [name, { value, works }] of Object.entries(samples)) {
    await runbook.newest(name, retired);
    expect(await works(value), `${name}: the old one`).toBe(false);
    expect(await works(sandbox.vault.peek('kv', name).at(-1)?.value ?? ''), `${name}: the new one`).toBe(true);
  }
});
