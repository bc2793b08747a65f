import type { ValueFormatName } from '../ports.ts';
import { KEY_KEYWORDS, PASSWORD_KEYWORDS, USER_KEYWORDS } from './adonet.ts';
import { REDIS_OPTIONS, redisItems } from './redis.ts';

const ADONET_KEYWORDS = [
  ...USER_KEYWORDS,
  ...PASSWORD_KEYWORDS,
  ...KEY_KEYWORDS,
  ...['server', 'data source', 'datasource', 'address', 'addr', 'network address', 'host', 'hostname', 'port'],
  ...['database', 'initial catalog', 'driver', 'dsn', 'filedsn', 'provider', 'integrated security'],
  ...['trusted_connection', 'authentication', 'encrypt', 'defaultendpointsprotocol', 'accountname'],
  ...['endpointsuffix', 'endpoint', 'accountendpoint', 'sharedaccesskeyname', 'sharedaccesssignature', 'secret'],
  ...['blobendpoint', 'queueendpoint', 'tableendpoint', 'fileendpoint'],
];
const LIBPQ_KEYWORDS = [
  ...['host', 'hostaddr', 'port', 'dbname', 'user', 'password', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
  ...['connect_timeout', 'application_name', 'target_session_attrs', 'service', 'passfile', 'channel_binding'],
];

const ADONET = new RegExp(`(?:^|;)\\s*(${ADONET_KEYWORDS.join('|')})\\s*=`, 'gi');
const ADDRESS = /^[\w.-]+:\d{1,5}$/;
const LIBPQ = new RegExp(`(?<=^\\s*|[^;\\s]\\s+)(${LIBPQ_KEYWORDS.join('|')})\\s*=`, 'g');

/**
 * The format that a value is written in, by the rules at the top of value.ts. It looks at the outlines only: a
 * value that looks like a connection string but is broken is still one, so that it is refused and not overwritten.
 * @returns undefined when it could be one of two
 */
export function recognise(text: string): ValueFormatName | undefined {
  if (/^\s*jdbc:[a-z0-9]+:/i.test(text)) return 'jdbc';
  if (/^\s*[a-z][a-z0-9+.-]+:\/\//i.test(text)) return 'url';
  if (/^\s*(?:\[\s*)?\{\s*"[^"]*"\s*:/.test(text)) return 'json';
  const adonet = distinct(ADONET, text) >= 2;
  const libpq = distinct(LIBPQ, text) >= 2;
  if (adonet && libpq) return undefined;
  if (adonet || libpq) return adonet ? 'adonet' : 'libpq';
  return isRedis(text) ? 'redis' : 'bare';
}

/** Two signs of it: known options, or one and an address with a port. */
function isRedis(text: string): boolean {
  if (/[;{}]/.test(text)) return false;
  const items = redisItems(text);
  const options = new Set(
    items.map(({ name }) => name).filter((name) => name !== undefined && REDIS_OPTIONS.includes(name)),
  );
  const address = items.some(({ name, start, end }) => name === undefined && ADDRESS.test(text.slice(start, end)));
  return options.size + (address && options.size > 0 ? 1 : 0) >= 2;
}

function distinct(pattern: RegExp, text: string): number {
  return new Set(Array.from(text.matchAll(pattern), (match) => match[1]?.toLowerCase())).size;
}
