import { Socket } from 'node:net';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, SecretValue } from '../../rotation/ports.ts';
import type { PostgresConfig } from './config.ts';
import { interrupted, translate, type Failing } from './failures.ts';

/** Below the engine's own limit for a call (60 s), so that the server has given up before the engine asks again. */
const CONNECT_MS = 15_000;
const STATEMENT_MS = 20_000;
const ANSWER_MS = 25_000;

export interface Login {
  readonly server: PostgresConfig;
  readonly user: string;
  readonly password: SecretValue;
  readonly as: 'administrator' | 'account';
  /** Authorities to trust besides the system's own, PEM. */
  readonly ca: string | undefined;
}

export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement in the session. `mutates`: a lost answer leaves it unknown whether the statement was done. */
export type Query = (
  sql: string,
  values?: readonly unknown[],
  how?: { readonly mutates?: boolean; readonly what?: string },
) => Promise<readonly Row[]>;

/**
 * Logs in, does the work, logs out. TLS is always on, and the server's certificate is always verified against its
 * name; nothing downgrades it. The log-in is one round of messages and sends no statement of its own: the time limit
 * for statements goes with it. An abort of the call closes the connection at once.
 *
 * @throws CREDENTIAL_REJECTED (account) or ACCESS_DENIED (administrator) when the log-in is refused, and the other
 *   codes of failures.ts; effect `unknown` only after a mutating statement had been sent
 */
export async function session<T>(login: Login, call: Call, work: (query: Query) => Promise<T>): Promise<T> {
  const failing: Failing = { ...login, mutating: false, applied: false, statement: undefined };
  if (call.signal.aborted) throw interrupted(failing, call.signal.reason);
  const socket = new Socket();
  const client = await open(login, socket);
  // A session that the server ends is reported by the statement in hand; without a listener it would end the process.
  client.on('error', () => undefined);
  const query: Query = async (sql, values, how) => {
    if (call.signal.aborted) throw interrupted(failing, call.signal.reason);
    failing.statement = how?.what ?? sql;
    failing.mutating = how?.mutates === true;
    const { rows } = await client.query<Row>(sql, values === undefined ? undefined : [...values]);
    failing.applied ||= failing.mutating;
    failing.statement = undefined;
    return rows;
  };
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      socket.destroy();
      reject(interrupted(failing, call.signal.reason));
    };
  });
  call.signal.addEventListener('abort', stop, { once: true });
  const doing = async (): Promise<T> => {
    await client.connect();
    return work(query);
  };
  try {
    return await Promise.race([doing(), aborted]);
  } catch (error) {
    throw error instanceof RotationError ? error : translate(error, failing);
  } finally {
    call.signal.removeEventListener('abort', stop);
    close(client, socket);
  }
}

async function open(login: Login, socket: Socket) {
  const [{ default: pg }, { rootCertificates }] = await Promise.all([import('pg'), import('node:tls')]);
  const { host, port, database } = login.server;
  return new pg.Client({
    host,
    port,
    database,
    user: login.user,
    password: login.password.reveal(),
    application_name: 'keyturn',
    // Named here, so that neither PGOPTIONS nor PGSSLMODE of the environment has a say.
    options: '-c client_min_messages=warning',
    ssl: {
      rejectUnauthorized: true,
      ...(login.ca === undefined ? {} : { ca: [...rootCertificates, login.ca] }),
    },
    stream: () => socket,
    connectionTimeoutMillis: CONNECT_MS,
    // Goes with the log-in. A statement that outlives its connection must not come true after a later attempt's.
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
  });
}

/** Says goodbye without waiting for the answer: what had to be known is known. */
function close(client: { end(): Promise<void> }, socket: Socket): void {
  client.end().then(
    () => socket.destroy(),
    () => socket.destroy(),
  );
}
