import { isIP, Socket } from 'node:net';
import type { Connection } from 'mysql2';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, SecretValue } from '../../rotation/ports.ts';
import type { MysqlConfig } from './config.ts';
import { cleaned, is, MysqlFailure } from './driver-error.ts';
import { interrupted, translate, type Failing } from './failures.ts';

/** Below the engine's own limit for a call (60 s), so that the server has given up before the engine asks again. */
const CONNECT_MS = 15_000;
/** Above the 20 seconds after which the server gives up waiting for a lock (sql.ts). */
const ANSWER_MS = 25_000;

export interface Login {
  readonly server: MysqlConfig;
  readonly user: string;
  readonly password: SecretValue;
  readonly as: 'administrator' | 'account';
  /** Opened with the log-in; absent: none. */
  readonly database: string | undefined;
  /** The password is an Entra token, which the server takes in clear text, inside TLS only. */
  readonly token: boolean;
  /** Authorities to trust besides the system's own, PEM. */
  readonly ca: string | undefined;
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs one statement in the session. `mutates`: a lost answer leaves it unknown whether the statement was done. `what` stands
 * for the statement in errors, and has to be given where the statement holds a password.
 * @throws MysqlFailure, or the RotationError of an abort
 */
export type Query = (
  sql: string,
  how?: { readonly mutates?: boolean; readonly what?: string },
) => Promise<readonly Row[]>;

/**
 * Logs in, does the work, logs out. TLS is always on, and the server's certificate is always verified against its name;
 * a server without TLS is refused before a password is sent. An abort of the call closes the connection at once.
 *
 * @throws CREDENTIAL_REJECTED (account) or ACCESS_DENIED (administrator) when the log-in is refused, and the other
 *   codes of failures.ts; effect `unknown` only after a mutating statement had been sent
 */
export async function session<T>(login: Login, call: Call, work: (query: Query) => Promise<T>): Promise<T> {
  const failing: Failing = { ...login, mutating: false, applied: false, statement: undefined };
  if (call.signal.aborted) throw interrupted(failing, call.signal.reason);
  const socket = new Socket();
  const { aborted, release } = cutOnAbort(socket, failing, call);
  let connection: Connection | undefined;
  try {
    connection = await open(login, socket);
    await Promise.race([connect(connection), aborted]);
    const done = await Promise.race([work(asking(connection, failing, call, aborted)), aborted]);
    goodbye(connection, socket, call);
    return done;
  } catch (error) {
    // The server is still there when it, or this rotator, said no; anything else leaves a connection that nobody can use.
    const saidNo = error instanceof MysqlFailure && error.number !== 0 && failing.statement !== undefined;
    const usable = !isAborted(call) && (saidNo || error instanceof RotationError);
    if (connection !== undefined && usable) goodbye(connection, socket, call);
    else socket.destroy();
    throw translate(error, failing);
  } finally {
    release();
  }
}

interface Cut {
  /** Rejects when the call is aborted; the connection is closed then. */
  readonly aborted: Promise<never>;
  readonly release: () => void;
}

function cutOnAbort(socket: Socket, failing: Failing, { signal }: Call): Cut {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      socket.destroy();
      reject(interrupted(failing, signal.reason));
    };
  });
  // Whatever is being done waits for it; in between nobody does.
  aborted.catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  return { aborted, release: () => signal.removeEventListener('abort', stop) };
}

function asking(connection: Connection, failing: Failing, { signal }: Call, aborted: Promise<never>): Query {
  return async (sql, how) => {
    if (signal.aborted) throw interrupted(failing, signal.reason);
    failing.statement = how?.what ?? sql;
    failing.mutating = how?.mutates === true;
    const rows = await Promise.race([answered(connection, sql), aborted]);
    failing.applied ||= failing.mutating;
    failing.statement = undefined;
    return rows;
  };
}

/** Asked again after it was false: the compiler takes it for the same. */
function isAborted({ signal }: Call): boolean {
  return signal.aborted;
}

async function open(login: Login, socket: Socket): Promise<Connection> {
  const [{ createConnection }, { rootCertificates }] = await Promise.all([import('mysql2'), import('node:tls')]);
  const { host, port } = login.server;
  // Without a server name, and an address is none, Node verifies the certificate for the socket's `_host`, or else for
  // `localhost`; and mysql2 gives Node the socket only. test/contract/mysql-wire.test.ts fails if that changes.
  if (isIP(host) !== 0) Object.assign(socket, { _host: host });
  socket.setNoDelay(true);
  socket.connect(port, host);
  const connection = createConnection({
    host,
    port,
    user: login.user,
    password: login.password.reveal(),
    ...(login.database === undefined ? {} : { database: login.database }),
    ssl: {
      rejectUnauthorized: true,
      verifyIdentity: true,
      minVersion: 'TLSv1.2',
      ...(login.ca === undefined ? {} : { ca: [...rootCertificates, login.ca] }),
    },
    stream: () => socket,
    charset: 'utf8mb4',
    connectTimeout: CONNECT_MS,
    connectAttributes: { program_name: 'keyturn' },
    enableCleartextPlugin: login.token,
    // A server may ask a client for its files; this one has none to give.
    flags: ['-LOCAL_FILES'],
    disableEval: true,
  });
  // A session that the server ends is reported by the statement in hand; without a listener it would end the process.
  connection.on('error', () => undefined);
  return connection;
}

function connect(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => {
      if (error === null) resolve();
      else reject(asError(cleaned(error)));
    });
  });
}

function ask(connection: Connection, sql: string): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, timeout: ANSWER_MS }, (error, rows) => {
      if (error !== null) reject(asError(cleaned(error)));
      else resolve(Array.isArray(rows) ? (rows as Row[]) : []);
    });
  });
}

/** MariaDB says of a refused ALTER USER just that it failed (1396), and why among its warnings. */
async function answered(connection: Connection, sql: string): Promise<readonly Row[]> {
  try {
    return await ask(connection, sql);
  } catch (error) {
    if (!is(error, 1396)) throw error;
    const reason = (await ask(connection, 'SHOW WARNINGS')).find(({ Code }) => REASONS.includes(Number(Code)));
    throw reason === undefined ? error : new MysqlFailure(String(reason['Message']), '', Number(reason['Code']));
  }
}

/** An option of the server that is in the way; a password that does not please it. */
const REASONS = [1290, 1819];

function asError(error: unknown): Error {
  return error instanceof Error ? error : new TypeError('the driver failed with something that is no error');
}

/**
 * Says goodbye without waiting for the answer: what had to be known is known. The server closes the connection then; if it does
 * not, the end of the call's time does.
 */
function goodbye(connection: Connection, socket: Socket, { signal }: Call): void {
  const cut = (): void => void socket.destroy();
  signal.addEventListener('abort', cut, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', cut));
  socket.unref();
  connection.end();
}
