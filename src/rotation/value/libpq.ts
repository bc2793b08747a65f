import { settle, type Reading, type Token } from './parts.ts';

const PAIR =
  /\s*(?<keyword>[A-Za-z_][\w.]*)\s*=\s*(?<raw>'(?:[^'\\]|\\[^])*'|(?:[^\s'\\]|\\[^])(?:[^\s\\]|\\[^])*|(?![^]))/dy;

/**
 * `host=… user=… password='…'` as libpq reads it: blanks around `=`, quotes with \' and \\ inside, a backslash
 * outside quotes escapes too. Keywords are lower case. https://www.postgresql.org/docs/current/libpq-connect.html
 */
export function readLibpq(text: string): Reading {
  const user: Token[] = [];
  const secret: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    PAIR.lastIndex = at;
    const match = PAIR.exec(text);
    const range = match?.indices?.groups?.['raw'];
    if (match === null || range === undefined) return { problem: 'is not a list of keyword=value' };
    const keyword = match.groups?.['keyword'];
    if (keyword === 'user') user.push(token(text, range));
    if (keyword === 'password') secret.push(token(text, range));
    at = match.index + match[0].length;
  }
  return settle({ user, secret });
}

function token(text: string, [start, end]: readonly [number, number]): Token {
  const raw = text.slice(start, end);
  const isQuoted = raw.startsWith("'");
  return {
    start,
    end,
    text: (isQuoted ? raw.slice(1, -1) : raw).replace(/\\([^])/g, '$1'),
    // Without quotes an empty value would swallow the next keyword.
    write: (next) => (!isQuoted && /^[^\s'\\]+$/.test(next) ? next : `'${next.replace(/[\\']/g, '\\$&')}'`),
  };
}
