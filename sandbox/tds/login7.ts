/** What the client asks for in PRELOGIN and LOGIN7 (MS-TDS 2.2.6.4 and 2.2.6.5). */

const OPTION = { version: 0, encryption: 1, instance: 2, thread: 3, mars: 4, fedAuth: 6, end: 0xff } as const;
const FEDAUTH = 0x02;
const SECURITY_TOKEN = 0x01;
/** `FIXEDDATA` is 94 bytes; a shorter record is no LOGIN7. */
const FIXED = 94;

export interface Prelogin {
  /** 0 off, 1 on, 2 not supported, 3 required */
  readonly encryption: number;
  readonly fedAuth: boolean;
}

export interface Login7 {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly program: string;
  readonly database: string;
  /** An Entra access token, from the FEDAUTH feature extension. */
  readonly token?: string;
}

/** @throws RangeError when the options point outside the message */
export function readPrelogin(data: Buffer): Prelogin {
  let encryption = 2;
  let fedAuth = false;
  for (let at = 0; data.readUInt8(at) !== OPTION.end; at += 5) {
    const option = data.readUInt8(at);
    const offset = data.readUInt16BE(at + 1);
    if (option === OPTION.encryption) encryption = data.readUInt8(offset);
    if (option === OPTION.fedAuth) fedAuth = data.readUInt8(offset) === 1;
  }
  return { encryption, fedAuth };
}

/** The answer: version 16.0 and encryption required, for the whole connection. */
export function preloginAnswer(asked: Prelogin): Buffer {
  const options: [number, Buffer][] = [
    [OPTION.version, Buffer.from([16, 0, 0x10, 0x00, 0, 0])],
    [OPTION.encryption, Buffer.from([asked.encryption === 2 ? 3 : 1])],
    [OPTION.instance, Buffer.from([0])],
    [OPTION.thread, Buffer.alloc(0)],
    [OPTION.mars, Buffer.from([0])],
  ];
  if (asked.fedAuth) options.push([OPTION.fedAuth, Buffer.from([1])]);
  const head = Buffer.alloc(options.length * 5 + 1);
  let offset = head.length;
  options.forEach(([option, value], index) => {
    head.writeUInt8(option, index * 5);
    head.writeUInt16BE(offset, index * 5 + 1);
    head.writeUInt16BE(value.length, index * 5 + 3);
    offset += value.length;
  });
  head.writeUInt8(OPTION.end, head.length - 1);
  return Buffer.concat([head, ...options.map(([, value]) => value)]);
}

/** @throws RangeError when the record is malformed */
export function readLogin7(data: Buffer): Login7 {
  if (data.length < FIXED) throw new RangeError('a LOGIN7 record has at least 94 bytes');
  const field = (at: number): Buffer => {
    const offset = data.readUInt16LE(at);
    const bytes = data.readUInt16LE(at + 2) * 2;
    if (offset + bytes > data.length) throw new RangeError('a field lies outside the LOGIN7 record');
    return Buffer.from(data.subarray(offset, offset + bytes));
  };
  const text = (at: number): string => field(at).toString('utf16le');
  const token = readToken(data);
  return {
    host: text(36),
    user: text(40),
    password: unscramble(field(44)).toString('utf16le'),
    program: text(48),
    database: text(68),
    ...(token === undefined ? {} : { token }),
  };
}

/** Each byte was XORed with A5 after its nibbles were swapped. */
function unscramble(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = (bytes[at] ?? 0) ^ 0xa5;
    bytes[at] = ((byte & 0x0f) << 4) | (byte >> 4);
  }
  return bytes;
}

/** Walks the feature extensions; `ibExtension` points at the offset of their block. */
function readToken(data: Buffer): string | undefined {
  const extensionUsed = (data.readUInt8(27) & 0x10) !== 0;
  if (!extensionUsed || data.readUInt16LE(58) < 4) return undefined;
  let at = data.readUInt32LE(data.readUInt16LE(56));
  while (data.readUInt8(at) !== 0xff) {
    const feature = data.readUInt8(at);
    const length = data.readUInt32LE(at + 1);
    const body = data.subarray(at + 5, at + 5 + length);
    if (feature === FEDAUTH && body.readUInt8(0) >> 1 === SECURITY_TOKEN) {
      const bytes = body.readUInt32LE(1);
      return body.subarray(5, 5 + bytes).toString('utf16le');
    }
    at += 5 + length;
  }
  return undefined;
}
