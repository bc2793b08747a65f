/** TDS packet types (MS-TDS 2.2.3.1.1). */
export const PACKET = {
  batch: 0x01,
  rpc: 0x03,
  response: 0x04,
  attention: 0x06,
  transaction: 0x0e,
  login7: 0x10,
  prelogin: 0x12,
} as const;

const HEADER = 8;
const END_OF_MESSAGE = 0x01;

/** One message: the data of its packets joined. */
export interface Message {
  readonly type: number;
  readonly data: Buffer;
}

/** Collects the bytes of one side of a connection and gives whole messages. */
export class MessageReader {
  #buffer: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];

  /** @throws Error when the bytes are no TDS packets */
  push(chunk: Buffer): Message[] {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    const messages: Message[] = [];
    while (this.#buffer.length >= HEADER) {
      const length = this.#buffer.readUInt16BE(2);
      if (length < HEADER) throw new Error(`a packet of ${length} bytes is shorter than its header`);
      if (this.#buffer.length < length) break;
      const type = this.#buffer.readUInt8(0);
      const last = (this.#buffer.readUInt8(1) & END_OF_MESSAGE) !== 0;
      this.#parts.push(this.#buffer.subarray(HEADER, length));
      this.#buffer = this.#buffer.subarray(length);
      if (!last) continue;
      messages.push({ type, data: Buffer.concat(this.#parts) });
      this.#parts = [];
    }
    return messages;
  }
}

/** Cuts a message into packets of at most `size` bytes, headers included. */
export function packets(type: number, data: Buffer, spid: number, size = 4096): Buffer {
  const room = size - HEADER;
  const out: Buffer[] = [];
  for (let at = 0, id = 1; at === 0 || at < data.length; at += room, id += 1) {
    const part = data.subarray(at, at + room);
    const header = Buffer.alloc(HEADER);
    header.writeUInt8(type, 0);
    header.writeUInt8(at + room >= data.length ? END_OF_MESSAGE : 0, 1);
    header.writeUInt16BE(part.length + HEADER, 2);
    header.writeUInt16BE(spid, 4);
    header.writeUInt8(id & 0xff, 6);
    out.push(header, part);
  }
  return Buffer.concat(out);
}
