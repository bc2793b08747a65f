import { createServer, type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import type { SandboxContext } from '../context.ts';
import { authenticate, type VerifyToken } from './authenticate.ts';
import { Connection } from './connection.ts';
import { Directory } from './directory.ts';
import { StoredPassword } from './passwords.ts';
import { key, type Session } from './principals.ts';
import { SqlError } from './errors.ts';
import { execute } from './execute.ts';
import { parse } from './statements.ts';

export interface TdsOptions {
  /** `box` is SQL Server (EngineEdition 3), `azure` Azure SQL Database (5). */
  readonly edition?: 'box' | 'azure';
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly verifyToken?: VerifyToken;
  /** The Entra identity that is the server's administrator, by its application or object id. */
  readonly entraAdmin?: { readonly name: string; readonly id: string };
  /** Names for its certificate beside its own. */
  readonly names?: readonly string[];
  /** Databases beside master. */
  readonly databases?: readonly string[];
}

export interface Tds {
  readonly host: string;
  readonly port: number;
  /** The name on its certificate. */
  readonly name: string;
  readonly edition: 'box' | 'azure';
  /** The server's administrator. */
  readonly admin: { readonly user: string; readonly password: string };
  addDatabase(name: string): void;
  /** A login with a user of the same name in each of the databases (default: the first), in these database roles. */
  addLogin(
    name: string,
    password: string,
    options?: { readonly databases?: readonly string[]; readonly roles?: readonly string[] },
  ): void;
  addContainedUser(
    database: string,
    name: string,
    password: string,
    options?: { readonly roles?: readonly string[] },
  ): void;
  /** Runs statements (not SELECT) as the administrator, past the wire and untold to traffic. @throws SqlError */
  run(sql: string, database?: string): void;
  /** Would this log-in succeed? Asked past the wire, untold to traffic. */
  authenticates(user: string, password: string, database: string): boolean;
  /** Who is connected now. */
  sessions(): readonly { readonly id: number; readonly user: string; readonly program: string }[];
  /** What the server wrote to its log; no password ever. */
  readonly log: readonly string[];
  /** Closes every connection and stops listening until `listen` is called; the port stays the same. */
  pause(): Promise<void>;
  listen(): Promise<void>;
  stop(): Promise<void>;
}

export const TDS_NAME = 'sql.database.sandbox.test';
const SUFFIX = 'database.sandbox.test';

/**
 * Starts a TDS 7.4 endpoint that the unmodified `tedious` and `mssql` drivers talk to. Encryption is required. Logins,
 * users, roles, permissions and sessions are real within the process; there is no data beside the catalogue.
 */
export async function startTds(ctx: SandboxContext, options: TdsOptions = {}): Promise<Tds> {
  const edition = options.edition ?? 'box';
  const directory = new Directory(edition);
  const admin = { user: 'sandbox_admin', password: 'Sandbox-Admin-1!' };
  directory.addLogin(admin.user, { password: new StoredPassword(admin.password) }).roles.add('sysadmin');
  if (options.entraAdmin !== undefined) {
    const { name, id } = options.entraAdmin;
    directory.addLogin(name, { type: 'E', entraId: id }).roles.add('sysadmin');
  }
  const databases = options.databases ?? ['appdb'];
  for (const name of databases) directory.createDatabase(name);
  const identity = await ctx.pki.issue([TDS_NAME, `*.${SUFFIX}`, 'localhost', '127.0.0.1', ...(options.names ?? [])]);
  const log: string[] = [];
  const shared = {
    ctx,
    directory,
    secureContext: tls.createSecureContext({ cert: identity.certPem, key: identity.keyPem }),
    verifyToken: options.verifyToken,
    serverName: TDS_NAME,
    log: (line: string) => {
      log.push(`${ctx.clock.now().toISOString()} ${line}`);
      ctx.transcript.wrote('log of SQL Server', line);
    },
  };
  ctx.transcript.secret(`the password of ${admin.user}`, admin.password);
  const listener = await startListener(options.port ?? 0, (socket) => new Connection(socket, shared));
  return {
    host: '127.0.0.1',
    port: listener.port,
    name: TDS_NAME,
    edition,
    admin,
    log,
    addDatabase: (name) => void directory.createDatabase(name),
    ...accounts(directory, admin.user, databases[0] ?? 'master'),
    sessions: () => [...directory.sessions.values()].map(({ id, user, program }) => ({ id, user, program })),
    pause: listener.pause,
    listen: listener.listen,
    stop: listener.pause,
  };
}

function accounts(
  directory: Directory,
  admin: string,
  first: string,
): Pick<Tds, 'addLogin' | 'addContainedUser' | 'run' | 'authenticates'> {
  const run = (sql: string, database = 'master'): void => {
    const found = directory.databases.get(key(database));
    if (found === undefined) throw new Error(`no database ${database}`);
    const session: Session = {
      id: 1,
      user: admin,
      host: '',
      program: '',
      loginTime: new Date(0),
      login: directory.logins.get(key(admin)),
      database: found,
      end: () => undefined,
    };
    for (const statement of parse(sql)) {
      if (statement.kind === 'select') throw new Error('run() takes no SELECT');
      execute(directory, session, statement);
    }
  };
  const quote = (name: string): string => `[${name.replaceAll(']', ']]')}]`;
  const literal = (text: string): string => `N'${text.replaceAll("'", "''")}'`;
  const join = (database: string, name: string, roles: readonly string[] = []): void => {
    for (const role of roles) run(`ALTER ROLE ${quote(role)} ADD MEMBER ${quote(name)}`, database);
  };
  return {
    run,
    addLogin(name, password, { databases = [first], roles } = {}) {
      run(`CREATE LOGIN ${quote(name)} WITH PASSWORD = ${literal(password)}`);
      for (const database of databases) {
        run(`CREATE USER ${quote(name)} FOR LOGIN ${quote(name)}`, database);
        join(database, name, roles);
      }
    },
    addContainedUser(database, name, password, { roles } = {}) {
      run(`CREATE USER ${quote(name)} WITH PASSWORD = ${literal(password)}`, database);
      join(database, name, roles);
    },
    authenticates(user, password, database) {
      try {
        authenticate(directory, { user, password, database, host: '', program: '' }, undefined);
        return true;
      } catch (error) {
        if (error instanceof SqlError) return false;
        throw error;
      }
    },
  };
}

async function startListener(
  wanted: number,
  accept: (socket: Socket) => Connection,
): Promise<{ port: number; pause: () => Promise<void>; listen: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    accept(socket);
  });
  let port = wanted;
  const listen = async (): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
    port = (server.address() as AddressInfo).port;
  };
  const pause = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen();
  return { port, pause, listen };
}
