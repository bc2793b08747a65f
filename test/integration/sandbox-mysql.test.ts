import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMariaDb, whyNoMariaDb } from '../../sandbox/mysql/mysql.ts';
import { editionOf } from '../../sandbox/mysql/editions.ts';
import { startServer } from '../../sandbox/mysql/server.ts';
import { OPTIONAL_PARTS } from '../../sandbox/parts.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { allowsHost, readSettings } from '../../src/config/settings.ts';
import { announce } from '../contract/mysql.stage.ts';

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

test('MariaDB is not started unless it is named, so that a machine without it has a sandbox all the same', async () => {
  expect(OPTIONAL_PARTS).toContain('mysql');
  const without = await startSandbox({ parts: ['identity'], credentials: false });
  expect(() => without.mysql).toThrow("without its part 'mysql'");
  await without.stop();
});

test('a machine without MariaDB is told what to install', () => {
  expect(findMariaDb([])).toBeUndefined();
  expect(whyNoMariaDb()).toContain('apt-get install mariadb-server');
});

describe.runIf(announce(findMariaDb() === undefined ? whyNoMariaDb() : undefined))('on a machine with MariaDB', () => {
  let run: Run;
  let taken: Server;

  beforeAll(async () => {
    run = await createRun();
    taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
  });
  afterAll(() => {
    taken.close();
    run.dispose();
  });

  const start = (ports: readonly number[]) => {
    const left = [...ports];
    const pick = (): Promise<number> => Promise.resolve(left.length > 1 ? (left.shift() ?? 0) : (left[0] ?? 0));
    return startServer(run.ctx, editionOf('mariadb'), 'a-password', ['localhost'], pick);
  };

  test('a port that was taken between picking and listening is left for another one, and nothing is left behind', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const free = portOf(probe);
    probe.close();
    await once(probe, 'close');
    const server = await start([portOf(taken), portOf(taken), free]);
    expect(server.port).toBe(free);
    await server.stop();
    expect(existsSync(join(run.ctx.dir, 'mysql'))).toBe(false);
  });

  test('a server that cannot start says which port it was and what the server said', async () => {
    await expect(start([portOf(taken)])).rejects.toThrow(
      new RegExp(`MariaDB did not start on port ${portOf(taken)}; it said:[^]*Bind on TCP/IP port`),
    );
    expect(existsSync(join(run.ctx.dir, 'mysql'))).toBe(false);
  });

  test('as a part of the sandbox it is in the environment that the app gets, with a token of the app’s identity', async () => {
    const sandbox = await startSandbox({ parts: ['identity', 'mysql', 'control'], credentials: false });
    try {
      const settings = readSettings({
        ...sandbox.env,
        KEYTURN_VAULTS: 'https://kv.vault.azure.net',
        KeyturnStorage__accountName: 'keyturnsa',
      });
      const { mysql, identity, addresses, ctx } = sandbox;
      expect(settings.mysqlSuffix).toBe('.mysql.sandbox.test');
      expect(allowsHost(settings, `${mysql.host}:${mysql.port}`)).toBe(true);
      expect(addresses['mysql']).toBe(mysql.address);
      const token = await identity.issue('https://ossrdbms-aad.database.windows.net');
      expect(await mysql.authenticates(mysql.entraAdmin, token)).toBe(true);
      expect(await mysql.authenticates(mysql.entraAdmin, `${token}x`)).toBe(false);
      expect(mysql.log()).not.toContain(token);
      expect(ctx.traffic.entries.filter(({ system }) => system === 'mysql')).toEqual([]);
    } finally {
      await sandbox.stop();
    }
  });
});
