import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createConnection, type Connection, type ConnectionOptions } from 'mysql2/promise';
import type { SandboxContext } from '../../sandbox/context.ts';
import { editionOf, type EditionName } from '../../sandbox/mysql/editions.ts';
import {
  findMariaDb,
  findMySql,
  startMysql,
  whyNoMariaDb,
  whyNoMySql,
  type MysqlService,
} from '../../sandbox/mysql/mysql.ts';
import { createRun } from '../../sandbox/run.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import { identifier } from '../../src/rotators/mysql/sql.ts';
import { startRelay } from './sql-server.relay.ts';

/** A server for tests: the sandbox's, or a real one. */
export interface Stage {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly ca?: string;
  /** A session of somebody who may do everything that a test needs; statements are not recorded as traffic. */
  connect(): Promise<Connection>;
  /** A session as this account. */
  login(user: string, password: string): Promise<Connection>;
  /** An account with a password, which gets into no log that `written` shows. */
  createUser(user: string, password: string): Promise<void>;
  createPair(name: string, alternate: string, password: string): Promise<void>;
  authenticates(user: string, password: string): Promise<boolean>;
  /** Makes the server unreachable for new log-ins; the returned function mends it. */
  cut(): Promise<() => Promise<void>>;
  written(): string;
  stop(): Promise<void>;
}

/** @returns why the suites cannot run here, and what to do about it; undefined when they can */
export function whyNoServer(): string | undefined {
  const { TEST_MYSQL_URL: url } = process.env;
  return (url === undefined || url === '') && findMariaDb() === undefined ? whyNoMariaDb() : undefined;
}

/** The same for a MySQL that is no MariaDB. */
export function whyNoMySqlHere(): string | undefined {
  return findMySql() === undefined ? whyNoMySql() : undefined;
}

/** Says on the run's own output that suites are skipped, and why: a list of passed tests would not show it. */
export function announce(missing: string | undefined): boolean {
  if (missing !== undefined) {
    const what = missing === whyNoMySqlHere() ? 'those suites of mysql that need MySQL itself' : 'the suites of mysql';
    console.warn(`SKIPPED, NOT PASSED: ${what}. ${missing}; or name a server in TEST_MYSQL_URL.`);
  }
  return missing === undefined;
}

export function name(user: string): string {
  return `${identifier(user)}@'%'`;
}

export type Plugin = 'caching_sha2_password' | 'mysql_native_password';

/** The sandbox's MariaDB or MySQL, with what the sandbox itself shares with its parts. */
export async function sandboxStage(
  edition: EditionName = 'mariadb',
  plugin?: Plugin,
): Promise<Stage & { readonly ctx: SandboxContext; readonly mysql: MysqlService }> {
  const run = await createRun();
  const { ctx } = run;
  const mysql = await startMysql(ctx, { edition });
  const { identified } = editionOf(edition);
  return {
    ctx,
    mysql,
    // By address: names of the sandbox need its resolver, and the certificate is good for both.
    host: '127.0.0.1',
    port: mysql.port,
    database: mysql.database,
    ca: ctx.pki.caPem,
    connect: () => mysql.loginAsRoot(),
    login: (user, password) => mysql.login(user, password),
    async createUser(user, password) {
      await mysql.query(`CREATE USER ${name(user)} ${identified(password)}`);
    },
    async createPair(user, alternate, password) {
      await mysql.createPair({ name: user, alternate, password, ...(plugin === undefined ? {} : { plugin }) });
    },
    authenticates: (user, password) => mysql.authenticates(user, password),
    cut() {
      const id = ctx.faults.add({ system: 'mysql', match: '^CONNECT$', action: { drop: 'before' } });
      return Promise.resolve(() => {
        ctx.faults.remove(id);
        return Promise.resolve();
      });
    },
    written() {
      mysql.settle();
      return mysql.log() + JSON.stringify(ctx.traffic.entries);
    },
    async stop() {
      await mysql.stop();
      run.dispose();
    },
  };
}

/**
 * A real server: `mysql://root:password@host:port/database`, with the file of its authority in TEST_MYSQL_CA when it is not a
 * public one. Everything that the rotator sends goes through a relay on this machine, so that the connection can be made to
 * fail; the host's own name leads there, so name it by its name. The accounts that were made are dropped at the end. Its log is
 * out of reach, so `written` has nothing to show.
 */
export async function realStage(url: string): Promise<Stage> {
  const { hostname: host, port, pathname, username, password } = new URL(url);
  const { TEST_MYSQL_CA: caFile } = process.env;
  const ca = caFile === undefined || caFile === '' ? undefined : readFileSync(caFile, 'utf8');
  const root = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const database = decodeURIComponent(pathname.slice(1));
  if (database === '') throw new Error('TEST_MYSQL_URL must name a database of its own');
  const { address } = await dns.promises.lookup(host);
  // By address, because the host's name leads to the relay. What this session is given is no secret of anybody.
  const server: ConnectionOptions = { host: address, port: Number(port || 3306), ssl: ca === undefined ? {} : { ca } };
  const connect = (account = root): Promise<Connection> => createConnection({ ...server, ...account });
  const superuser = await connect();
  const relay = await startRelay({ host, address, port: Number(port || 3306), database });
  const made: string[] = [];
  const createUser = async (user: string, value: string): Promise<void> => {
    await superuser.query(`CREATE USER ${name(user)} IDENTIFIED BY ${superuser.escape(value)}`);
    made.push(user);
  };
  return {
    host,
    port: relay.port,
    database,
    ...(ca === undefined ? {} : { ca }),
    connect: () => connect(),
    login: (user, value) => connect({ user, password: value }),
    createUser,
    async createPair(user, alternate, value) {
      await createUser(user, value);
      await createUser(alternate, mintPassword().reveal());
      for (const one of [user, alternate])
        await superuser.query(`GRANT SELECT ON ${identifier(database)}.* TO ${name(one)}`);
    },
    async authenticates(user, value) {
      try {
        const connection = await connect({ user, password: value });
        await connection.query('SELECT 1');
        await connection.end();
        return true;
      } catch (error) {
        if ([1045, 1698, 1820, 1862, 3118, 4151].includes((error as { errno?: number }).errno ?? 0)) return false;
        throw error;
      }
    },
    cut() {
      relay.to = undefined;
      return Promise.resolve(() => {
        relay.to = relay.real;
        return Promise.resolve();
      });
    },
    written: () => '',
    async stop() {
      for (const user of made) await superuser.query(`DROP USER IF EXISTS ${name(user)}`);
      await superuser.end();
      await relay.stop();
    },
  };
}
