/* The few packets of MySQL's protocol that endpoint.ts needs. Numbers are little-endian; texts are utf8mb4. */

/** Rows of text, or an error of the server; neither: OK. */
export interface Answer {
  /** Names of the columns; `c0`, `c1`, … where absent. */
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  readonly error?: { readonly number: number; readonly message: string };
}

const CAPABILITIES = {
  connectWithDb: 0x8,
  protocol41: 0x200,
  tls: 0x800,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  pluginAuthLenenc: 0x200000,
} as const;
const UTF8MB4 = 45;
const AUTOCOMMIT = 2;
const VAR_STRING = 0xfd;

export const OK = Buffer.from([0x00, 0, 0, AUTOCOMMIT, 0, 0, 0]);
const EOF = Buffer.from([0xfe, 0, 0, AUTOCOMMIT, 0]);

/** Cuts a stream of bytes into packets: three bytes of length, one of sequence, the payload. */
export class Packets {
  #bytes: Buffer = Buffer.alloc(0);

  static framed(sequence: number, payload: Buffer): Buffer {
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    head[3] = sequence;
    return Buffer.concat([head, payload]);
  }

  /** One at a time, so that whoever takes a packet may take the rest of the bytes elsewhere. */
  *take(chunk: Buffer): Generator<readonly [payload: Buffer, sequence: number]> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readUIntLE(0, 3);
      if (this.#bytes.length < end) return;
      const [payload, sequence] = [this.#bytes.subarray(4, end), this.#bytes[3] ?? 0];
      this.#bytes = this.#bytes.subarray(end);
      yield [payload, sequence];
    }
  }

  /** The bytes that are no packet yet, which are forgotten here. */
  rest(): Buffer {
    const rest = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return rest;
  }
}

/** The first word of the server. It names a plugin that the client can always answer. */
export function greeting(version: string, tls: boolean): Buffer {
  const { tls: tlsFlag, ...always } = CAPABILITIES;
  const flags = Object.values(always).reduce((all, one) => all | one, tls ? tlsFlag : 0);
  const salt = Buffer.alloc(20, 'k');
  const middle = Buffer.alloc(2 + 1 + 2 + 2 + 1 + 10);
  middle.writeUInt16LE(flags & 0xffff, 0);
  middle[2] = UTF8MB4;
  middle.writeUInt16LE(AUTOCOMMIT, 3);
  middle.writeUInt16LE(flags >>> 16, 5);
  middle[7] = salt.length + 1;
  return Buffer.concat([
    Buffer.from([10]),
    text(version),
    Buffer.from([1, 0, 0, 0]),
    salt.subarray(0, 8),
    Buffer.from([0]),
    middle,
    salt.subarray(8),
    Buffer.from([0]),
    text('mysql_native_password'),
  ]);
}

export function authSwitch(plugin: string): Buffer {
  return Buffer.concat([Buffer.from([0xfe]), text(plugin), Buffer.from([0])]);
}

export function answerPacket({ columns: names, rows, error }: Answer): readonly Buffer[] {
  if (error !== undefined) {
    const head = Buffer.from([0xff, error.number & 0xff, error.number >>> 8]);
    return [Buffer.concat([head, Buffer.from(`#HY000${error.message}`)])];
  }
  if (rows === undefined) return [OK];
  const columns = Array.from({ length: rows[0]?.length ?? 1 }, (_, n) => column(names?.[n] ?? `c${n}`));
  const lines = rows.map((row) => Buffer.concat(row.map(lengthCoded)));
  return [Buffer.from([columns.length]), ...columns, EOF, ...lines, EOF];
}

function column(name: string): Buffer {
  const fixed = Buffer.alloc(13);
  fixed[0] = 0x0c;
  fixed.writeUInt16LE(UTF8MB4, 1);
  fixed.writeUInt32LE(0xffff, 3);
  fixed[7] = VAR_STRING;
  return Buffer.concat([...['def', '', '', '', name, name].map(lengthCoded), fixed]);
}

function lengthCoded(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length =
    bytes.length < 251 ? Buffer.from([bytes.length]) : Buffer.from([0xfc, bytes.length & 0xff, bytes.length >>> 8]);
  return Buffer.concat([length, bytes]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}
