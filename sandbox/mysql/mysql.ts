/**
 * A real MariaDB, or a real MySQL, with TLS, an administrator with a password and one that logs in with Entra tokens. Optional:
 * it needs the server on the machine, and says so when there is none.
 *
 *     const mysql = await startMysql(ctx, {});
 *     identity.onIssue((resource, token) => (resource === ENTRA_RESOURCE ? mysql.acceptToken(token) : undefined));
 *     const pair = await mysql.createPair();   // app_1 with a password, app_1_alt with none that anybody knows, the same grants
 *     mysql.settle();                          // every log-in and statement so far is in ctx.traffic
 */
import { randomBytes } from 'node:crypto';
import { createConnection, type Connection } from 'mysql2/promise';
import type { SandboxContext } from '../context.ts';
import { startFront } from '../front.ts';
import { accountsOf, name, prepare } from './accounts.ts';
import { editionOf, literal, type EditionName } from './editions.ts';
import { GeneralLog } from './log.ts';
import { ROOT, startServer } from './server.ts';

export { findMariaDb, findMySql, whyNoMariaDb, whyNoMySql } from './binaries.ts';

export const ENTRA_RESOURCE = 'https://ossrdbms-aad.database.windows.net';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface MysqlService {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** `mysql://host:port/database`, fit for the tag ProviderAddress. */
  readonly address: string;
  /** May create accounts, and grant what the accounts of a pair have. */
  readonly admin: Account;
  /**
   * The same rights; its password is the last token given to `acceptToken`. Azure takes a token in clear text inside TLS;
   * Neither server has anything of the kind, so here it is the password of an account like any other; MySQL takes at most 256
   * bytes for one.
   */
  readonly entraAdmin: string;
  /** The Entra account's password becomes this token. The log does not get to see it. */
  acceptToken(token: string): Promise<void>;
  /** Two accounts with the same grants; the second has a password that nobody knows. */
  createPair(options?: {
    name?: string;
    alternate?: string;
    password?: string;
    /** How both log in; the server's own way when absent. MySQL only. */
    plugin?: 'caching_sha2_password' | 'mysql_native_password';
  }): Promise<Account & { alternate: string }>;
  /** Statements as root. They are in the log, but not in the traffic. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Does a log-in succeed? Any failure but a refusal is thrown. Not counted as traffic. Not for accounts with REQUIRE SSL. */
  authenticates(user: string, password: string): Promise<boolean>;
  /** A log-in that stays, as a reader's pool would keep it, over TCP and TLS. The caller ends it. */
  login(user: string, password: string): Promise<Connection>;
  /** A session of root's own; the caller ends it. Not counted as traffic. */
  loginAsRoot(): Promise<Connection>;
  /** All that the server has logged: its general log. */
  log(): string;
  /** All that the server has done is in the log and in the traffic after this. */
  settle(): void;
  stop(): Promise<void>;
}

/** The server's errors that mean: this credential does not log in. */
const REFUSED = [1045, 1698, 1862, 4151];

export interface MysqlOptions {
  readonly port?: number;
  /** MariaDB when absent. */
  readonly edition?: EditionName;
}

export async function startMysql(ctx: SandboxContext, options: MysqlOptions = {}): Promise<MysqlService> {
  const edition = editionOf(options.edition ?? 'mariadb');
  const { host } = edition;
  const root: Account = { user: ROOT, password: randomBytes(18).toString('base64url') };
  const admin: Account = { user: 'keyturn_admin', password: randomBytes(18).toString('base64url') };
  const entraAdmin = 'keyturn_identity';
  const database = 'app';
  for (const { user, password } of [root, admin]) ctx.transcript.secret(`the password of ${user}`, password);
  const server = await startServer(ctx, edition, root.password, [host, 'localhost', '127.0.0.1']);
  const log = new GeneralLog(server.logFile, ctx.traffic, (text) =>
    ctx.transcript.wrote(`log of ${edition.title}`, text),
  );
  const front = await startFront(ctx, 'mysql', server.port, options.port);
  // Through the socket and without TLS, by which the log tells the sandbox's own connections.
  const own = ({ user, password }: Account): Promise<Connection> =>
    createConnection({ socketPath: server.socket, user, password });
  const superuser = await own(root);
  const query: MysqlService['query'] = async (sql) => (await superuser.query(sql))[0] as Record<string, unknown>[];
  for (const sql of prepare(edition, database, admin.user, admin.password, entraAdmin)) await query(sql);
  let pairs = 0;

  return {
    host,
    port: front.port,
    database,
    address: `mysql://${host}:${front.port}/${database}`,
    admin,
    entraAdmin,
    async acceptToken(token) {
      await query(`ALTER USER ${name(entraAdmin)} ${edition.identified(token)}`);
    },
    async createPair({
      name: user = `app_${(pairs += 1)}`,
      alternate = `${user}_alt`,
      password = randomBytes(24).toString('base64url'),
      plugin,
    } = {}) {
      const nobodyKnows = randomBytes(24).toString('base64url');
      const by = (value: string): string =>
        plugin === undefined ? edition.identified(value) : `IDENTIFIED WITH ${plugin} BY ${literal(value)}`;
      for (const sql of accountsOf(edition, database, [user, by(password)], [alternate, by(nobodyKnows)]))
        await query(sql);
      ctx.transcript.secret(`the password of ${user}`, password);
      return { user, password, alternate };
    },
    query,
    async authenticates(user, password) {
      try {
        const connection = await own({ user, password });
        // An account whose password has expired gets in, and may then do nothing.
        await connection.query('SELECT 1');
        await connection.end();
        return true;
      } catch (error) {
        if ([...REFUSED, 1820].includes((error as { errno?: number }).errno ?? 0)) return false;
        throw error;
      }
    },
    login: (user, password) =>
      createConnection({ host: '127.0.0.1', port: server.port, user, password, ssl: { ca: ctx.pki.caPem } }),
    loginAsRoot: () => own(root),
    log: () => log.text,
    settle: () => log.settle(),
    async stop() {
      await front.stop();
      await superuser.end();
      log.close();
      await server.stop();
    },
  };
}
