import { settle, type Parts, type Reading, type Token, type Unreadable } from './parts.ts';
import { readSasQuery } from './sas.ts';

/**
 * In a `url` a plus sign is a plus sign and `#` ends the query (RFC 3986, libpq). JDBC drivers decode with Java's
 * URLDecoder, so a plus sign is a blank, and know no fragment. What is written holds neither: every character but
 * letters, digits and `-._~` is percent-encoded, which all of them read alike. (MariaDB's driver does not decode at
 * all: there only passwords of those characters work, such as the ones the engine mints.)
 */
export type UrlDialect = 'url' | 'jdbc';

const USER_PARAMETERS = ['user', 'username'];
const PASSWORD_PARAMETERS = ['password', 'pwd'];

/**
 * `scheme://user:password@host/path?query`, or the two as query parameters, or one here and one there. Where there is no
 * password anywhere, a SAS token in the query is the secret.
 */
export function readUrl(text: string): Reading {
  const start = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0].length;
  if (start === undefined) return { problem: 'is not a URL with scheme://' };
  return readAddress(text, start, 'url');
}

/** Reads the user part from `authority` on (undefined: there is none) and the query after it. */
export function readAddress(text: string, authority: number | undefined, dialect: UrlDialect): Reading {
  const end = text.trimEnd().length;
  const from = authority ?? 0;
  const places = [
    authority === undefined ? { user: [], secret: [] } : readUserInfo(text, authority, end, dialect),
    readQuery(text, from, end, dialect),
  ];
  const user: Token[] = [];
  const secret: Token[] = [];
  for (const place of places) {
    if ('problem' in place) return place;
    user.push(...place.user);
    secret.push(...place.secret);
  }
  if (secret.length === 0 && dialect === 'url') {
    const [start, stop] = queryRange(text, from, end, dialect);
    const sas = readSasQuery(text, start, stop);
    if (sas !== undefined && 'problem' in sas) return sas;
    if (sas !== undefined) secret.push(sas);
  }
  return settle({ user, secret });
}

/** An empty user (`redis://:password@host`) is no user. The last @ ends the user part, as browsers have it. */
function readUserInfo(text: string, start: number, end: number, dialect: UrlDialect): Parts | Unreadable {
  const length = text.slice(start, end).search(dialect === 'url' ? /[/?#]/ : /[/?]/);
  const at = text.slice(start, length === -1 ? end : start + length).lastIndexOf('@');
  if (at === -1) return { user: [], secret: [] };
  const colon = text.slice(start, start + at).indexOf(':');
  const userEnd = start + (colon === -1 ? at : colon);
  const user = token(text, start, userEnd, 'url');
  const secret = colon === -1 ? undefined : token(text, userEnd + 1, start + at, 'url');
  if (user === undefined || (colon !== -1 && secret === undefined)) return BAD_PERCENT;
  return { user: userEnd === start ? [] : [user], secret: secret === undefined ? [] : [secret] };
}

function readQuery(text: string, from: number, end: number, dialect: UrlDialect): Parts | Unreadable {
  const user: Token[] = [];
  const secret: Token[] = [];
  const [start, stop] = queryRange(text, from, end, dialect);
  let at = start;
  while (at < stop) {
    const next = text.slice(0, stop).indexOf('&', at);
    const last = next === -1 ? stop : next;
    const equals = text.slice(0, last).indexOf('=', at);
    const name = text.slice(at, equals === -1 ? last : equals).toLowerCase();
    const into = USER_PARAMETERS.includes(name) ? user : PASSWORD_PARAMETERS.includes(name) ? secret : undefined;
    if (into !== undefined && equals !== -1) {
      const found = token(text, equals + 1, last, dialect);
      if (found === undefined) return BAD_PERCENT;
      into.push(found);
    }
    at = last + 1;
  }
  return { user, secret };
}

/** From behind the question mark to the end of the query; empty where there is none. */
function queryRange(text: string, from: number, end: number, dialect: UrlDialect): readonly [number, number] {
  const hash = dialect === 'url' ? text.indexOf('#', from) : -1;
  const stop = hash === -1 ? end : Math.min(hash, end);
  const mark = text.slice(0, stop).indexOf('?', from);
  return [mark === -1 ? stop : mark + 1, stop];
}

const BAD_PERCENT: Unreadable = { problem: 'has a user or password that is not percent-encoded UTF-8' };

function token(text: string, start: number, end: number, dialect: UrlDialect): Token | undefined {
  const raw = text.slice(start, end);
  const meaning = percentDecoded(dialect === 'jdbc' ? raw.replaceAll('+', ' ') : raw);
  return meaning === undefined ? undefined : { start, end, text: meaning, write: percentEncoded };
}

function percentDecoded(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    // Its message would do no harm, but the value has no business in a cause either.
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
