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

export class LeakScanner {
  readonly #guises = new Map<string, string>();
  readonly #values = new Set<string>();

  /** @param label what a finding calls the value; findings never hold the value itself */
  add(label: string, value: string): void {
    if (value.length < SHORTEST) throw new Error(`${label} is too short to search for`);
    if (this.#values.has(value)) return;
    this.#values.add(value);
    for (const [guise, text] of guisesOf(value)) {
      if (text.length >= SHORTEST && !this.#guises.has(text)) this.#guises.set(text, `${label} ${guise}`);
    }
  }

  get size(): number {
    return this.#values.size;
  }

  /** @returns one line for each place and guise: `host output holds value 3 in base64 at 1042` */
  scan(places: Readonly<Record<string, string>>): string[] {
    const found: string[] = [];
    for (const [place, text] of Object.entries(places)) {
      for (const [guise, what] of this.#guises) {
        const at = text.indexOf(guise);
        if (at >= 0) found.push(`${place} holds ${what} at ${at}`);
      }
    }
    return found;
  }
}
