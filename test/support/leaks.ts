/** Searches everything that was written for values that nothing may hold, in the guises that text puts on. */
const SHORTEST = 8;

/** How a value may look where it was written: as it is, and in the encodings of URLs, JSON, base64 and hex. */
export function guisesOf(value: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(value, 'utf8');
  const guises = new Map<string, string>([
    ['as it is', value],
    ['in a JSON string', JSON.stringify(value).slice(1, -1)],
    ['in a JSON string in a JSON string', JSON.stringify(JSON.stringify(value)).slice(3, -3)],
    ['in a URL', encodeURIComponent(value)],
    ['in a form', new URLSearchParams({ v: value }).toString().slice(2)],
    ['in XML', value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')],
    ['with quotes doubled', value.replaceAll("'", "''")],
    ['in hex', bytes.toString('hex')],
    ['in UTF-16 in hex', Buffer.from(value, 'utf16le').toString('hex')],
  ]);
  for (const offset of [0, 1, 2]) {
    const base64 = withoutEdges(bytes, offset);
    guises.set(`in base64, ${offset} bytes in`, base64);
    guises.set(`in base64url, ${offset} bytes in`, base64.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return guises;
}

/** The base64 of the value in the midst of others: without the characters that its neighbours have a part in. */
function withoutEdges(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const begin = offset === 0 ? 0 : offset + 1;
  const whole = Math.floor(((offset + bytes.length) * 8) / 6);
  return text.slice(begin, whole);
}

interface Sought {
  readonly text: string;
  readonly what: string;
}

/** Searches in one pass over the text, however many values there are: by their first eight characters. */
export class LeakScanner {
  /** Guises by their beginning. */
  readonly #sought = new Map<string, Sought[]>();
  /** Which hashes of beginnings there are, as bits: almost every place in a text is turned away by it. */
  readonly #hashes = new Uint8Array(1 << 21);
  readonly #values = new Set<string>();

  /** @param label what a finding calls the value; findings never hold the value itself */
  add(label: string, value: string): void {
    if (value.length < SHORTEST) throw new Error(`${label} is too short to search for`);
    if (this.#values.has(value)) return;
    this.#values.add(value);
    for (const [guise, text] of guisesOf(value)) {
      if (text.length < SHORTEST) continue;
      const beginning = text.slice(0, SHORTEST);
      const known = this.#sought.get(beginning) ?? [];
      if (known.some((one) => one.text === text)) continue;
      this.#sought.set(beginning, [...known, { text, what: `${label} ${guise}` }]);
      const hash = hashAt(text, 0);
      this.#hashes[hash >>> 3] = (this.#hashes[hash >>> 3] ?? 0) | (1 << (hash & 7));
    }
  }

  get size(): number {
    return this.#values.size;
  }

  /** @returns one line for each place and guise: `host output holds value 3 in base64 at 1042` */
  scan(places: Readonly<Record<string, string>>): string[] {
    return Object.entries(places).flatMap(([place, text]) =>
      [...this.#findings(text)].map(([what, at]) => `${place} holds ${what} at ${at}`),
    );
  }

  #findings(text: string): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (let at = 0; at + SHORTEST <= text.length; at += 1) {
      const hash = hashAt(text, at);
      if (((this.#hashes[hash >>> 3] ?? 0) & (1 << (hash & 7))) === 0) continue;
      for (const sought of this.#sought.get(text.slice(at, at + SHORTEST)) ?? [])
        if (!found.has(sought.what) && text.startsWith(sought.text, at)) found.set(sought.what, at);
    }
    return found;
  }
}

/** Of eight characters, into 24 bits. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let i = at; i < at + SHORTEST; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (Math.imul(hash, 0x9e3779b1) >>> 8) & 0xffffff;
}
