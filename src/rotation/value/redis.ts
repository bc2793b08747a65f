import { settle, type Reading, type Token } from './parts.ts';

/** Options that StackExchange.Redis knows, in lower case; what it does not know is passed over here as it is there. */
export const REDIS_OPTIONS = [
  ...['password', 'user', 'ssl', 'sslhost', 'sslprotocols', 'abortconnect', 'allowadmin', 'asynctimeout'],
  ...['channelprefix', 'configchannel', 'connectretry', 'connecttimeout', 'defaultdatabase', 'keepalive', 'name'],
  ...['proxy', 'resolvedns', 'servicename', 'synctimeout', 'tiebreaker', 'version', 'protocol'],
];

/** One item of a list with commas; `name` is in lower case, and absent for an address. */
export interface Item {
  readonly name?: string;
  /** Of the value, or of the whole item; blanks around it are not part of it. */
  readonly start: number;
  readonly end: number;
}

/** Splits at commas, as StackExchange.Redis does: there are no quotes and no escapes. */
export function redisItems(text: string): readonly Item[] {
  const items: Item[] = [];
  let at = 0;
  for (const piece of text.split(',')) {
    const equals = piece.indexOf('=');
    const from = at + equals + 1;
    const raw = text.slice(from, at + piece.length);
    const start = from + (raw.length - raw.trimStart().length);
    const name = equals === -1 ? {} : { name: piece.slice(0, equals).trim().toLowerCase() };
    items.push({ ...name, start, end: Math.max(start, from + raw.trimEnd().length) });
    at += piece.length + 1;
  }
  return items;
}

/**
 * `host:6380,password=…,ssl=True` of StackExchange.Redis
 * (https://stackexchange.github.io/StackExchange.Redis/Configuration). Its `user` is one of Redis' own, which no key has:
 * it stays.
 */
export function readRedis(text: string): Reading {
  const secret: Token[] = redisItems(text)
    .filter(({ name }) => name === 'password')
    .map(({ start, end }) => ({ start, end, text: text.slice(start, end), write: (next) => next }));
  return settle({ user: [], secret });
}
