/** What the driver said, without the driver's own object: that one holds the statement, and a statement may hold a password. */
export class MysqlFailure extends Error {
  /** The server's error number; 0 where it is not the server who failed. */
  readonly number: number;
  /** The driver's or the socket's word: ER_…, HANDSHAKE_…, PROTOCOL_…, ECONNRESET. */
  readonly code: string;

  constructor(message: string, code: string, number: number) {
    super(message);
    this.name = 'MysqlFailure';
    this.code = code;
    this.number = number;
  }
}

/** Is it the server's error of one of these numbers? */
export function is(error: unknown, ...numbers: readonly number[]): error is MysqlFailure {
  return error instanceof MysqlFailure && numbers.includes(error.number);
}

/** ER_PARSE_ERROR and ER_SYNTAX_ERROR repeat the text near the mistake, and near it may be a password. */
const REPEATING = new Set([1064, 1149]);

/** @returns the driver's error without the statement in it; bugs are given back as they are. */
export function cleaned(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error;
  const { code, errno, sqlState } = error as { code?: unknown; errno?: unknown; sqlState?: unknown };
  const number = sqlState !== undefined && typeof errno === 'number' ? errno : 0;
  const message = REPEATING.has(number) ? 'the server does not understand the statement' : error.message;
  return new MysqlFailure(message, typeof code === 'string' ? code : '', number);
}
