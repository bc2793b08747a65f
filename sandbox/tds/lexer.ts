import { SqlError } from './errors.ts';

export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'symbol' | 'end';
  /** The word as written, the identifier or string without its quotes, or the symbol. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const WORD = /[\p{L}_#][\p{L}\p{N}_#$@]*/uy;
const NUMBER = /\d+(\.\d+)?/y;
const PARAMETER = /@{1,2}[\p{L}\p{N}_#$@]+/uy;
const SPACE = /\s+/y;

/** Cuts T-SQL into tokens. Quotes are undoubled, comments dropped. @throws SqlError 105, 113 for what is not closed */
export function tokenize(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    const comment = commentEnd(sql, at) ?? match(SPACE, sql, at);
    if (comment !== undefined) {
      at = comment;
      continue;
    }
    const token = next(sql, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: 'end', value: '', start: sql.length, end: sql.length });
  return tokens;
}

function next(sql: string, at: number): SqlToken {
  const char = sql[at] ?? '';
  if (char === "'") return delimited(sql, at, at + 1, "'", 'string');
  if (/^[nN]$/.test(char) && sql[at + 1] === "'") return delimited(sql, at, at + 2, "'", 'string');
  if (char === '[') return delimited(sql, at, at + 1, ']', 'quoted');
  if (char === '"') return delimited(sql, at, at + 1, '"', 'quoted');
  const kinds = [
    ['word', WORD],
    ['number', NUMBER],
    ['parameter', PARAMETER],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const end = match(pattern, sql, at);
    if (end !== undefined) return { kind, value: sql.slice(at, end), start: at, end };
  }
  const two = sql.slice(at, at + 2);
  const symbol = ['::', '<>', '<=', '>=', '!='].includes(two) ? two : char;
  return { kind: 'symbol', value: symbol, start: at, end: at + symbol.length };
}

/** From the opening quote to the closing one; a doubled closing quote stands for itself. */
function delimited(sql: string, start: number, from: number, close: string, kind: 'string' | 'quoted'): SqlToken {
  let value = '';
  for (let at = from; at < sql.length; at += 1) {
    if (sql[at] !== close) {
      value += sql[at] ?? '';
      continue;
    }
    if (sql[at + 1] !== close) return { kind, value, start, end: at + 1 };
    value += close;
    at += 1;
  }
  throw new SqlError(105, 'Unclosed quotation mark after the character string.', { class: 15 });
}

function commentEnd(sql: string, at: number): number | undefined {
  if (sql.startsWith('--', at)) {
    const end = sql.indexOf('\n', at);
    return end < 0 ? sql.length : end + 1;
  }
  if (!sql.startsWith('/*', at)) return undefined;
  const end = sql.indexOf('*/', at + 2);
  if (end < 0) throw new SqlError(113, "Missing end comment mark '*/'.", { class: 15 });
  return end + 2;
}

function match(pattern: RegExp, sql: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : undefined;
}
