import { SqlError } from './errors.ts';

export type Parameter = string | number | null;

/** A statement batch, by itself or through `sp_executesql`. */
export interface Request {
  readonly kind: 'batch' | 'procedure';
  readonly sql: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

const SP_EXECUTESQL = 10;

/** @throws RangeError when the message is cut short */
export function readBatch(data: Buffer): Request {
  return { kind: 'batch', sql: data.subarray(data.readUInt32LE(0)).toString('utf16le'), parameters: {} };
}

/** @throws SqlError 2812 for any procedure but sp_executesql */
export function readRpc(data: Buffer): Request {
  const reader = new Reader(data, data.readUInt32LE(0));
  const nameLength = reader.u16();
  const name = nameLength === 0xffff ? reader.u16() : reader.text(nameLength * 2);
  if (name !== SP_EXECUTESQL && String(name).toLowerCase() !== 'sp_executesql') {
    throw new SqlError(2812, `Could not find stored procedure '${name}'.`);
  }
  reader.u16();
  const values: { readonly name: string; readonly value: Parameter }[] = [];
  while (!reader.done) {
    const parameter = reader.text(reader.u8() * 2);
    reader.u8();
    values.push({ name: parameter.replace(/^@/, ''), value: reader.value() });
  }
  const [statement, , ...rest] = values;
  if (typeof statement?.value !== 'string') throw new SqlError(214, "Procedure expects parameter '@statement'.");
  return {
    kind: 'procedure',
    sql: statement.value,
    parameters: Object.fromEntries(rest.map(({ name: key, value }) => [key, value])),
  };
}

class Reader {
  readonly #data: Buffer;
  #at: number;

  constructor(data: Buffer, at: number) {
    this.#data = data;
    this.#at = at;
  }

  get done(): boolean {
    return this.#at >= this.#data.length;
  }

  u8(): number {
    this.#at += 1;
    return this.#data.readUInt8(this.#at - 1);
  }

  u16(): number {
    this.#at += 2;
    return this.#data.readUInt16LE(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#data.readUInt32LE(this.#at - 4);
  }

  bytes(count: number): Buffer {
    if (this.#at + count > this.#data.length) throw new RangeError('the request is cut short');
    this.#at += count;
    return this.#data.subarray(this.#at - count, this.#at);
  }

  text(count: number): string {
    return this.bytes(count).toString('utf16le');
  }

  /** TYPE_INFO and the value after it, of the types that drivers send for strings, integers and bits. */
  value(): Parameter {
    const type = this.u8();
    switch (type) {
      case 0xe7:
      case 0xa7: {
        const max = this.u16();
        this.bytes(5);
        const bytes = max === 0xffff ? this.#chunks() : this.#short();
        return bytes === null ? null : bytes.toString(type === 0xe7 ? 'utf16le' : 'latin1');
      }
      case 0x26:
      case 0x68: {
        this.u8();
        const bytes = this.bytes(this.u8());
        return bytes.length === 0 ? null : bytes.readIntLE(0, Math.min(bytes.length, 6));
      }
      default:
        throw new SqlError(8009, `The data type 0x${type.toString(16)} of a parameter is unknown.`);
    }
  }

  #short(): Buffer | null {
    const length = this.u16();
    return length === 0xffff ? null : this.bytes(length);
  }

  /** A PLP value: a length of all ones is NULL; then chunks until one is empty. */
  #chunks(): Buffer | null {
    const length = this.bytes(8).readBigUInt64LE();
    if (length === 0xffffffffffffffffn) return null;
    const parts: Buffer[] = [];
    for (let size = this.u32(); size > 0; size = this.u32()) parts.push(this.bytes(size));
    return Buffer.concat(parts);
  }
}
