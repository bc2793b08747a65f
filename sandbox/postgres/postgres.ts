/**
 * A real PostgreSQL with TLS, SCRAM only, an administrator with a password and one that logs in with Entra tokens.
 *
 *     const postgres = await startPostgres(ctx, {});
 *     identity.onIssue((resource, token) => (resource === ENTRA_RESOURCE ? postgres.acceptToken(token) : undefined));
 *     const pair = await postgres.createPair();   // app_1 with a password, app_1_alt with none yet, the same grants
 *     await postgres.settled();                   // every log-in and statement so far is in ctx.traffic
 */
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import type { SandboxContext } from '../context.ts';
import { startFront } from '../front.ts';
import { ServerLog } from './log.ts';
import { grantsOfPair, prepare } from './roles.ts';
import { startServer, SUPERUSER } from './server.ts';

export const ENTRA_RESOURCE = 'https://ossrdbms-aad.database.windows.net';
export const POSTGRES_HOST = 'pg.postgres.sandbox.test';
/** The application name of the sandbox's own connections; they are not counted. */
const OWN = 'sandbox';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface PostgresService {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** `host:port/database`, fit for the tag ProviderAddress. */
  readonly address: string;
  /** CREATEROLE, with ADMIN OPTION on every account of a pair. */
  readonly admin: Account;
  /** The same rights; its password is the last token given to `acceptToken`. */
  readonly entraAdmin: string;
  /** The Entra role's password becomes this token. The log does not get to see it. */
  acceptToken(token: string): Promise<void>;
  /** Two log-in roles with the same grants; the second cannot log in yet, for want of a password. */
  createPair(options?: {
    name?: string;
    alternate?: string;
    password?: string;
  }): Promise<Account & { alternate: string }>;
  /** Statements as the superuser. They are in the log, but not in the traffic. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Runs statements without a trace in the log: for those that hold a password. */
  silently(sql: string): Promise<void>;
  /** Does a log-in succeed? Any failure but a refusal is thrown. Not counted as traffic. */
  authenticates(user: string, password: string): Promise<boolean>;
  /** A log-in that stays, as a reader's pool would keep it. The caller ends it. */
  login(user: string, password: string, application?: string): Promise<pg.Client>;
  /** A session of the superuser's own; the caller ends it. Not counted as traffic. */
  loginAsSuperuser(): Promise<pg.Client>;
  /** The users who are logged in now, the sandbox's own connections left out. */
  sessions(): Promise<readonly { readonly user: string; readonly application: string }[]>;
  /** All that the server has logged. */
  log(): string;
  /** Resolves when all that the server has done is in the log and in the traffic. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(ctx: SandboxContext, options: { port?: number } = {}): Promise<PostgresService> {
  const root: Account = { user: SUPERUSER, password: randomBytes(18).toString('base64url') };
  const admin: Account = { user: 'keyturn_admin', password: randomBytes(18).toString('base64url') };
  const entraAdmin = 'keyturn_identity';
  const log = new ServerLog(ctx.traffic, [SUPERUSER, OWN]);
  const server = await startServer(ctx, root.password, [POSTGRES_HOST, 'localhost', '127.0.0.1'], (chunk) => {
    ctx.transcript.wrote('log of PostgreSQL', chunk);
    log.write(chunk);
  });
  for (const { user, password } of [root, admin]) ctx.transcript.secret(`the password of ${user}`, password);
  const front = await startFront(ctx, 'postgres', server.port, options.port);
  const connect = async ({ user, password }: Account, application = OWN, flags = ''): Promise<pg.Client> => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      user,
      password,
      application_name: application,
      options: flags,
      ssl: { ca: ctx.pki.caPem },
    });
    // Without a listener a session that the server ends would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const superuser = await connect(root);
  const quiet = await connect(root, OWN, '-c log_statement=none -c log_duration=off -c log_min_error_statement=panic');
  await prepare(superuser, quiet, admin, entraAdmin);
  let pairs = 0;

  const service: PostgresService = {
    host: POSTGRES_HOST,
    port: front.port,
    database: 'postgres',
    address: `${POSTGRES_HOST}:${front.port}/postgres`,
    admin,
    entraAdmin,
    acceptToken: (token) => service.silently(alterPassword(entraAdmin, token)),
    async createPair({
      name = `app_${(pairs += 1)}`,
      alternate = `${name}_alt`,
      password = randomBytes(24).toString('base64url'),
    } = {}) {
      for (const sql of grantsOfPair(name, alternate, [admin.user, entraAdmin])) await superuser.query(sql);
      await service.silently(alterPassword(name, password));
      ctx.transcript.secret(`the password of ${name}`, password);
      return { user: name, password, alternate };
    },
    query: async (sql, values = []) => (await superuser.query(sql, [...values])).rows as Record<string, unknown>[],
    async silently(sql) {
      await quiet.query(sql);
    },
    async authenticates(user, password) {
      try {
        await (await connect({ user, password })).end();
        return true;
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (code === '28P01' || code === '28000') return false;
        throw error;
      }
    },
    login: (user, password, application = 'reader') => connect({ user, password }, application),
    loginAsSuperuser: () => connect(root),
    async sessions() {
      const sql = `SELECT usename AS "user", application_name AS application FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND application_name <> $1`;
      return (await superuser.query(sql, [OWN])).rows as { user: string; application: string }[];
    },
    log: () => log.text,
    async settled() {
      const marker = `settled ${randomUUID()}`;
      const seen = log.seen(marker);
      await superuser.query(`SELECT '${marker}'`);
      await seen;
    },
    async stop() {
      await front.stop();
      await Promise.all([superuser.end(), quiet.end()]);
      await server.stop();
    },
  };
  return service;
}

function alterPassword(user: string, password: string): string {
  return `ALTER ROLE ${pg.escapeIdentifier(user)} LOGIN PASSWORD ${pg.escapeLiteral(password)}`;
}
