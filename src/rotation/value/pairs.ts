import type { Token, Unreadable } from './parts.ts';

/**
 * How values are quoted in `keyword=value;…`:
 * `adonet` (ADO.NET, OLE DB): 'a' or "a", the quote doubled inside; braces mean themselves;
 * `braces` (ODBC, JDBC for SQL Server): {a}, with }} inside for }; quotes mean themselves;
 * `none` (Azure storage and its like, whose SDKs split at `;`): everything means itself.
 */
export type Quoting = 'adonet' | 'braces' | 'none';

export interface Pair {
  /** Lower case, no blanks around it. */
  readonly keyword: string;
  readonly value: Token;
}

/* `(?!\s)` and a first character that is no blank keep the time linear: a value may be 25,000 characters long. */
const VALUE: Readonly<Record<Quoting, RegExp>> = {
  adonet: /\s*(?!\s)(?<raw>"(?:[^"]|"")*"|'(?:[^']|'')*'|(?:[^\s;"'](?:[^;]*[^\s;])?)?)\s*(?:;|$)/dy,
  braces: /\s*(?!\s)(?<raw>\{(?:[^}]|\}\})*\}|(?:[^\s;{](?:[^;]*[^\s;])?)?)\s*(?:;|$)/dy,
  none: /\s*(?!\s)(?<raw>(?:[^\s;](?:[^;]*[^\s;])?)?)\s*(?:;|$)/dy,
};
/** `==` in a keyword is an equals sign of the keyword, in ADO.NET only. */
const KEYWORD: Readonly<Record<Quoting, RegExp>> = {
  adonet: /[\s;]*(?<keyword>(?:[^=;\s]|==)(?:[^=;]|==)*)=(?!=)/y,
  braces: /[\s;]*(?<keyword>[^=;\s][^=;]*)=/y,
  none: /[\s;]*(?<keyword>[^=;\s][^=;]*)=/y,
};

/** Reads `keyword=value;…` from `from` to the end. */
export function readPairs(text: string, from: number, quoting: Quoting): readonly Pair[] | Unreadable {
  const pairs: Pair[] = [];
  let at = from;
  while (!/^[\s;]*$/.test(text.slice(at))) {
    const keyword = matchAt(KEYWORD[quoting], text, at);
    if (keyword === undefined) return { problem: 'has a part that is not keyword=value' };
    const value = matchAt(VALUE[quoting], text, at + keyword[0].length);
    const range = value?.indices?.groups?.['raw'];
    if (value === undefined || range === undefined) return { problem: 'has a value whose quotes do not close' };
    const name = (keyword.groups?.['keyword'] ?? '').trim().toLowerCase();
    pairs.push({ keyword: name, value: token(text, range, quoting) });
    at = value.index + value[0].length;
  }
  return pairs;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function token(text: string, [start, end]: readonly [number, number], quoting: Quoting): Token {
  const raw = text.slice(start, end);
  switch (quoting) {
    case 'none':
      return { start, end, text: raw, write: (next) => next };
    case 'braces': {
      const braced = raw.startsWith('{');
      const meaning = braced ? raw.slice(1, -1).replaceAll('}}', '}') : raw;
      // The characters that ODBC wants in braces.
      const write = (next: string): string =>
        !braced && /^[^[\]{}(),;?*=!@\s\p{Cc}]*$/u.test(next) ? next : `{${next.replaceAll('}', '}}')}}`;
      return { start, end, text: meaning, write };
    }
    case 'adonet': {
      const quote = /^["']/.exec(raw)?.[0];
      const meaning = quote === undefined ? raw : raw.slice(1, -1).replaceAll(quote + quote, quote);
      const write = (next: string): string => {
        if (quote !== undefined) return quoted(next, quote);
        if (/^[^"'=;{}\s\p{Cc}]*$/u.test(next)) return next;
        return quoted(next, next.includes('"') && !next.includes("'") ? "'" : '"');
      };
      return { start, end, text: meaning, write };
    }
  }
}

function quoted(text: string, quote: string): string {
  return quote + text.replaceAll(quote, quote + quote) + quote;
}
