import type { Connection, ConnectionConfiguration } from 'tedious';
import type { Administrator, SecretValue } from '../../rotation/ports.ts';

/**
 * One connection of `tedious`, the driver beneath `mssql`. Not through mssql's pool: its `connect` opens a probe
 * connection, closes it, and opens another for the first request (two log-ins), and its errors drop the server's
 * error number of a refused log-in.
 */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

export interface ClientOptions {
  /** Certificate authorities beyond the built-in ones, PEM. NODE_EXTRA_CA_CERTS does the same for the whole process. */
  readonly ca?: readonly string[];
  /** Default 15 s, as the driver's. */
  readonly connectTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

export type Row = Readonly<Record<string, string>>;

/** Where a connection was when it failed: nothing asked yet, only read, or a change on its way. */
export type Phase = 'login' | 'read' | 'change';

/** What the driver said, without the driver's objects: those hold the connection's configuration. */
export class SqlFailure extends Error {
  readonly phase: Phase;
  /** ELOGIN, ESOCKET, ETIMEOUT, EENCRYPT, EREQUEST, ABORTED */
  readonly code: string;
  /** The server's error numbers, in the order they came. */
  readonly numbers: readonly number[];
  /** Code of the socket's or TLS's own error. */
  readonly system: string | undefined;

  constructor(phase: Phase, code: string, message: string, numbers: readonly number[], system?: string) {
    super(message);
    this.name = 'SqlFailure';
    this.phase = phase;
    this.code = code;
    this.numbers = numbers;
    this.system = system;
  }
}

export class SqlConnection {
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  readonly #numbers: number[];

  private constructor(connection: Connection, signal: AbortSignal, numbers: number[]) {
    this.#connection = connection;
    this.#signal = signal;
    this.#numbers = numbers;
  }

  /**
   * Logs in. Always encrypted, the certificate always verified; a server that cannot is refused.
   * @throws SqlFailure with phase `login`; nothing is connected then
   */
  static async open(
    place: Place,
    who: Administrator | { readonly kind: 'password'; readonly user: string; readonly password: SecretValue },
    options: ClientOptions,
    signal: AbortSignal,
  ): Promise<SqlConnection> {
    const { Connection } = (await import('tedious')).default;
    if (signal.aborted) throw aborted('login');
    const connection = new Connection(await configuration(place, who, options));
    const numbers: number[] = [];
    connection.on('errorMessage', (error: { number: number }) => void numbers.push(error.number));
    // A connection that is lost says so here as well as in its request; without a listener the process would end.
    connection.on('error', () => undefined);
    const made = new SqlConnection(connection, signal, numbers);
    await made.#run('login', (done) => {
      connection.connect(done);
    });
    return made;
  }

  /** Runs a SELECT with string parameters and gives its rows, NULL as the empty string. @throws SqlFailure, phase `read` */
  async read(sql: string, parameters: Readonly<Record<string, string>>): Promise<readonly Row[]> {
    const { Request, TYPES } = (await import('tedious')).default;
    const rows: Row[] = [];
    await this.#run('read', (done) => {
      const request = new Request(sql, done);
      for (const [name, value] of Object.entries(parameters)) request.addParameter(name, TYPES.NVarChar, value);
      request.on(
        'row',
        (columns: readonly { readonly metadata: { readonly colName: string }; readonly value: unknown }[]) => {
          rows.push(Object.fromEntries(columns.map(({ metadata, value }) => [metadata.colName, text(value)])));
        },
      );
      this.#connection.execSql(request);
    });
    return rows;
  }

  /** Runs one batch that changes something. @throws SqlFailure, phase `change`; its message never holds a password */
  async change(sql: string): Promise<void> {
    const { Request } = (await import('tedious')).default;
    await this.#run('change', (done) => {
      this.#connection.execSqlBatch(new Request(sql, done));
    });
  }

  close(): void {
    this.#connection.close();
  }

  /** An abort closes the connection at once: the answer, if any, is never read. */
  async #run(phase: Phase, start: (done: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#signal.aborted) {
      this.close();
      throw aborted(phase === 'change' ? 'read' : phase);
    }
    this.#numbers.length = 0;
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        stop = () => {
          reject(aborted(phase));
          this.close();
        };
        this.#signal.addEventListener('abort', stop, { once: true });
        start((error) => {
          if (error === undefined || error === null) resolve();
          else reject(failure(phase, error, [...this.#numbers]));
        });
      });
    } catch (error) {
      if (phase === 'login') this.close();
      throw error;
    } finally {
      if (stop !== undefined) this.#signal.removeEventListener('abort', stop);
    }
  }
}

function aborted(phase: Phase): SqlFailure {
  return new SqlFailure(phase, 'ABORTED', 'the call was aborted', []);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function failure(phase: Phase, error: Error, numbers: readonly number[]): SqlFailure {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message, cause } = (first instanceof Error ? first : error) as Error & { code?: string };
  const system = (cause as { code?: unknown } | undefined)?.code;
  // A syntax error repeats the text near it, and near it may be a password.
  const said = phase === 'change' && numbers.includes(102) ? 'the server did not understand the statement' : message;
  return new SqlFailure(phase, code ?? 'EREQUEST', said, numbers, typeof system === 'string' ? system : undefined);
}

async function configuration(
  place: Place,
  who: Administrator,
  { ca, connectTimeoutMs = 15_000, requestTimeoutMs = 15_000 }: ClientOptions,
): Promise<ConnectionConfiguration> {
  const { rootCertificates } = await import('node:tls');
  return {
    server: place.host,
    authentication:
      who.kind === 'token'
        ? { type: 'azure-active-directory-access-token', options: { token: who.token.reveal() } }
        : { type: 'default', options: { userName: who.user, password: who.password.reveal() } },
    options: {
      port: place.port,
      database: place.database,
      appName: 'Keyturn',
      encrypt: true,
      trustServerCertificate: false,
      connectTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Retrying is the engine's: the driver's own retries would hide a throttled server from it.
      maxRetriesOnTransientErrors: 0,
      ...(ca === undefined ? {} : { cryptoCredentialsDetails: { ca: [...rootCertificates, ...ca] } }),
    },
  };
}
