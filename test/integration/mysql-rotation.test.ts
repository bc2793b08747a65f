/** The built app in the sandbox's host rotates a pair on a real MariaDB, with the driver as it is bundled and an Entra token. */
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMariaDb, whyNoMariaDb } from '../../sandbox/mysql/mysql.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { announce } from '../contract/mysql.stage.ts';
import { failuresOf, startBuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS } from '../support/managed.ts';
import { retired, rotated, Runbook } from '../support/runbook.ts';

describe.runIf(announce(findMariaDb() === undefined ? whyNoMariaDb() : undefined))('a pair on MariaDB', () => {
  let sandbox: Sandbox;
  let host: Host;
  const runbook = new Runbook(() => host);

  beforeAll(async () => {
    const parts = ['vault', 'eventgrid', 'topic', 'azurite', 'mysql'] as const;
    const app = await startBuiltApp({ parts });
    ({ sandbox } = app);
    host = await app.startHost();
    await sandbox.subscribe(host, { duplicates: 2 });
  });
  afterAll(async () => {
    await sandbox.stop();
    expect(failuresOf(host)).toEqual([]);
  });

  /** As an application does it, with the value as the vault gives it. */
  const login = async (value: string): Promise<string> => {
    const { username, password, port, pathname } = new URL(value);
    const connection = await createConnection({
      host: sandbox.mysql.host,
      port: Number(port),
      user: username,
      password: decodeURIComponent(password),
      database: pathname.slice(1),
      ssl: { rejectUnauthorized: true, verifyIdentity: true },
    });
    const [rows] = await connection.query('SELECT CURRENT_USER() AS me');
    await connection.end();
    return (rows as { me: string }[])[0]?.me ?? '';
  };

  test('is rotated by an event and retired after the overlap, and readers log in with what the vault has', async () => {
    const { mysql, vault, ctx } = sandbox;
    const { user, alternate, password } = await mysql.createPair({ name: 'orders_a', alternate: 'orders_b' });
    vault.seed('kv', 'orders-db', {
      value: `mysql://${user}:${password}@${mysql.host}:${mysql.port}/${mysql.database}`,
      expiresInMs: 20 * DAY,
      // Without the tag Rotator: the address says it.
      tags: { CredentialId: user, AlternateCredentialId: alternate, ProviderAddress: mysql.address },
    });
    const values = (): readonly string[] => vault.peek('kv', 'orders-db').map(({ value }) => value);
    await runbook.newest('orders-db', rotated);
    expect(values()).toHaveLength(2);
    const both = await Promise.all(values().map(login));
    expect([...both].sort()).toEqual(['orders_a@%', 'orders_b@%']);
    ctx.clock.advance(OVERLAP_MS + 3600_000);
    await runbook.newest('orders-db', retired);
    expect(await mysql.authenticates(user, password)).toBe(false);
    const current = values().find((value) => value.startsWith(`mysql://${alternate}:`)) ?? '';
    expect(await login(current)).toBe('orders_b@%');
    mysql.settle();
    const logIns = ctx.traffic.entries.filter(({ operation }) => operation.startsWith('LOGIN keyturn_'));
    expect(new Set(logIns.map(({ operation, outcome }) => `${operation}: ${outcome}`))).toEqual(
      new Set([`LOGIN ${mysql.entraAdmin}: ok`]),
    );
  });
});
