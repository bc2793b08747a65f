/** The tokens of a response (MS-TDS 2.2.7). */

export interface ServerMessage {
  readonly number: number;
  readonly state: number;
  readonly class: number;
  readonly message: string;
}

export type Cell = string | number | null;

export interface ResultSet {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export const DONE_STATUS = { final: 0x00, more: 0x01, error: 0x02, count: 0x10, attention: 0x20 } as const;

const COLLATION = Buffer.from([0x09, 0x04, 0xd0, 0x00, 0x34]);
const NVARCHAR = 0xe7;
const INTN = 0x26;
const MAX = 0xffff;
const NULLABLE = 0x0001;

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** A text whose length in characters is one byte. */
function bText(text: string): Buffer {
  const cut = text.slice(0, 255);
  return Buffer.concat([u8(cut.length), Buffer.from(cut, 'utf16le')]);
}

function usText(text: string): Buffer {
  return Buffer.concat([u16(text.length), Buffer.from(text, 'utf16le')]);
}

function sized(token: number, body: Buffer): Buffer {
  return Buffer.concat([u8(token), u16(body.length), body]);
}

/** ERROR (class above 10) or INFO. */
export function message(text: ServerMessage, server: string): Buffer {
  const body = [
    u32(text.number),
    u8(text.state),
    u8(text.class),
    usText(text.message),
    bText(server),
    bText(''),
    u32(1),
  ];
  return sized(text.class > 10 ? 0xaa : 0xab, Buffer.concat(body));
}

export function loginAck(): Buffer {
  const version = Buffer.from([0x74, 0x00, 0x00, 0x04]);
  return sized(0xad, Buffer.concat([u8(1), version, bText('Microsoft SQL Server'), Buffer.from([16, 0, 0x10, 0])]));
}

export function databaseChange(now: string, before: string): Buffer {
  return sized(0xe3, Buffer.concat([u8(1), bText(now), bText(before)]));
}

export function packetSizeChange(size: number): Buffer {
  return sized(0xe3, Buffer.concat([u8(4), bText(String(size)), bText('4096')]));
}

export function collationChange(): Buffer {
  return sized(0xe3, Buffer.concat([u8(7), u8(COLLATION.length), COLLATION, u8(0)]));
}

export function featureAck(fedAuth: boolean): Buffer {
  const parts = [u8(0xae)];
  if (fedAuth) parts.push(u8(0x02), u32(0));
  parts.push(u8(0x0a), u32(1), u8(1), u8(0xff));
  return Buffer.concat(parts);
}

export function returnStatus(value: number): Buffer {
  return Buffer.concat([u8(0x79), u32(value)]);
}

/** @param kind DONE for a batch, DONEPROC at the end of a procedure, DONEINPROC for a statement in one */
export function done(kind: 'batch' | 'procedure' | 'in-procedure', status: number, rows = 0): Buffer {
  const token = kind === 'batch' ? 0xfd : kind === 'procedure' ? 0xfe : 0xff;
  return Buffer.concat([u8(token), u16(status), u16(0), u64(rows)]);
}

/** COLMETADATA and one ROW or NBCROW each. Numbers are `int`, everything else is `nvarchar`. */
export function resultSet(set: ResultSet): Buffer {
  const types = set.columns.map((_, index) => typeOf(set.rows.map((row) => row[index] ?? null)));
  const out = [u8(0x81), u16(set.columns.length)];
  set.columns.forEach((name, index) => {
    out.push(u32(0), u16(NULLABLE), types[index]?.info ?? Buffer.alloc(0), bText(name));
  });
  for (const row of set.rows) {
    const cells = types.map((type, index) => ({ type, cell: row[index] ?? null }));
    const nulls = Buffer.alloc(Math.ceil(cells.length / 8));
    cells.forEach(({ cell }, index) => {
      if (cell === null) nulls[index >> 3] = (nulls[index >> 3] ?? 0) | (1 << (index & 7));
    });
    out.push(cells.some(({ cell }) => cell === null) ? Buffer.concat([u8(0xd2), nulls]) : u8(0xd1));
    for (const { type, cell } of cells) if (cell !== null) out.push(type.write(cell));
  }
  return Buffer.concat(out);
}

interface ColumnType {
  readonly info: Buffer;
  readonly write: (cell: string | number) => Buffer;
}

function typeOf(cells: readonly Cell[]): ColumnType {
  const present = cells.filter((cell) => cell !== null);
  if (present.length > 0 && present.every((cell) => typeof cell === 'number')) {
    return {
      info: Buffer.from([INTN, 4]),
      write: (cell) => {
        const out = Buffer.alloc(5);
        out.writeUInt8(4);
        out.writeInt32LE(Number(cell), 1);
        return out;
      },
    };
  }
  const long = present.some((cell) => String(cell).length > 4000);
  return {
    info: Buffer.concat([u8(NVARCHAR), u16(long ? MAX : 8000), COLLATION]),
    write: (cell) => {
      const bytes = Buffer.from(String(cell), 'utf16le');
      if (!long) return Buffer.concat([u16(bytes.length), bytes]);
      return Buffer.concat([u64(bytes.length), ...(bytes.length > 0 ? [u32(bytes.length), bytes] : []), u32(0)]);
    },
  };
}
