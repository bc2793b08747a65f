import pg from 'pg';
import type { SandboxContext } from '../../sandbox/context.ts';
import { startPostgres, type PostgresService } from '../../sandbox/postgres/postgres.ts';
import { createRun } from '../../sandbox/run.ts';

/** A server for tests: the sandbox's, or a real one. */
export interface Stage {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly admin: { readonly user: string; readonly password: string };
  readonly ca?: string;
  /** A session of somebody who may do everything that a test needs; statements are not recorded as traffic. */
  connect(): Promise<pg.Client>;
  createPair(name: string, alternate: string, password: string): Promise<void>;
  authenticates(user: string, password: string): Promise<boolean>;
  /** Makes the server unreachable for new log-ins to the database; the returned function mends it. */
  cut(): Promise<() => Promise<void>>;
  written(): Promise<string>;
  stop(): Promise<void>;
}

/** The sandbox's PostgreSQL, with what the sandbox itself shares with its parts. */
export async function sandboxStage(): Promise<
  Stage & { readonly ctx: SandboxContext; readonly postgres: PostgresService }
> {
  const run = await createRun();
  const { ctx } = run;
  const postgres = await startPostgres(ctx);
  return {
    ctx,
    postgres,
    // By address: names of the sandbox need its resolver, and the certificate is good for both.
    host: '127.0.0.1',
    port: postgres.port,
    database: postgres.database,
    admin: postgres.admin,
    ca: ctx.pki.caPem,
    connect: () => postgres.loginAsSuperuser(),
    async createPair(name, alternate, password) {
      await postgres.createPair({ name, alternate, password });
    },
    authenticates: (user, password) => postgres.authenticates(user, password),
    cut() {
      const id = ctx.faults.add({ system: 'postgres', match: '^CONNECT$', action: { drop: 'before' } });
      return Promise.resolve(() => {
        ctx.faults.remove(id);
        return Promise.resolve();
      });
    },
    async written() {
      await postgres.settled();
      return postgres.log() + JSON.stringify(ctx.traffic.entries);
    },
    async stop() {
      await postgres.stop();
      run.dispose();
    },
  };
}

/**
 * A real server: `postgres://admin:password@host:port/database`, with a certificate that this process trusts. The
 * accounts that were made are dropped at the end. Its log is out of reach, so `written` has nothing to show.
 */
export async function realStage(url: string): Promise<Stage> {
  const { hostname, port, pathname, username, password } = new URL(url);
  const admin = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const server = { host: hostname, port: Number(port || 5432) };
  const database = decodeURIComponent(pathname.slice(1)) || 'postgres';
  const connect = async (account = admin, where = 'postgres'): Promise<pg.Client> => {
    const client = new pg.Client({ ...server, ...account, database: where, application_name: 'contract', ssl: true });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const root = await connect();
  const made: string[] = [];
  return {
    ...server,
    database,
    admin,
    connect: () => connect(),
    async createPair(name, alternate, value) {
      for (const role of [name, alternate]) {
        await root.query(`CREATE ROLE ${pg.escapeIdentifier(role)} LOGIN`);
        made.push(role);
      }
      await root.query(`ALTER ROLE ${pg.escapeIdentifier(name)} PASSWORD ${pg.escapeLiteral(value)}`);
    },
    async authenticates(user, value) {
      try {
        await (await connect({ user, password: value }, database)).end();
        return true;
      } catch (error) {
        if (['28P01', '28000'].includes((error as { code?: string }).code ?? '')) return false;
        throw error;
      }
    },
    async cut() {
      if (database === 'postgres') throw new Error('TEST_POSTGRES_URL must name a database of its own, not postgres');
      const sql = (allow: boolean): string =>
        `ALTER DATABASE ${pg.escapeIdentifier(database)} ALLOW_CONNECTIONS ${String(allow)}`;
      await root.query(sql(false));
      return async () => {
        await root.query(sql(true));
      };
    },
    written: () => Promise.resolve(''),
    async stop() {
      for (const role of made) await root.query(`DROP ROLE IF EXISTS ${pg.escapeIdentifier(role)}`);
      await root.end();
    },
  };
}
