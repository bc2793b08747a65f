import { readPairs, type Pair, type Quoting } from './pairs.ts';
import { settle, type Reading } from './parts.ts';
import { isSasToken } from './sas.ts';

export const USER_KEYWORDS = ['user id', 'userid', 'uid', 'user', 'username', 'user name'] as const;
export const PASSWORD_KEYWORDS = ['password', 'pwd'] as const;
/** Storage and Cosmos DB; Service Bus, Event Hubs and IoT Hub; SignalR, Web PubSub and Communication Services. */
export const KEY_KEYWORDS = ['accountkey', 'sharedaccesskey', 'accesskey'] as const;

/** A token in the place of the key: `BlobEndpoint=…;SharedAccessSignature=sv=…&sig=…`. */
const TOKEN_KEYWORDS = ['sharedaccesssignature'] as const;

/** App Configuration, whose keys have an id that stands beside them as a user does. */
const STORE_KEYWORDS = { user: ['id'], secret: ['secret'] } as const;

/**
 * `Server=…;User ID=…;Password=…` of ADO.NET, OLE DB and ODBC, and the `AccountKey=…` strings of Azure services, in
 * which the secret is the key, or else the SAS token, and there is no user (but for `Endpoint=…;Id=…;Secret=…`). A Driver or DSN keyword says ODBC, a key says an Azure service;
 * everything else is ADO.NET, where braces mean themselves. A user or password in braces without Driver is refused:
 * people write it for an ODBC driver named elsewhere, and then the braces are quotes.
 */
export function readAdonet(text: string): Reading {
  const quoting = quotingOf(text);
  const pairs = readPairs(text, 0, quoting);
  if ('problem' in pairs) return pairs;
  const passwords = pick(pairs, PASSWORD_KEYWORDS);
  if (quoting === 'none') {
    if (passwords.length > 0) return { problem: 'holds both a password and an access key' };
    const keys = pick(pairs, KEY_KEYWORDS).map((pair) => pair.value);
    if (keys.length > 0) return settle({ user: [], secret: keys });
    const tokens = pick(pairs, TOKEN_KEYWORDS).map((pair) => pair.value).filter(({ text: token }) => isSasToken(token)); // prettier-ignore
    if (tokens.length > 0) return settle({ user: [], secret: tokens });
    const [user, secret] = [pick(pairs, STORE_KEYWORDS.user), pick(pairs, STORE_KEYWORDS.secret)];
    return settle({ user: user.map((pair) => pair.value), secret: secret.map((pair) => pair.value) });
  }
  const users = pick(pairs, USER_KEYWORDS);
  if (quoting === 'adonet' && [...users, ...passwords].some(({ value }) => bracedOutside(text, value))) {
    return { problem: 'has a user or password in braces, which only ODBC takes off: quote it with " instead' };
  }
  return settle({ user: users.map((pair) => pair.value), secret: passwords.map((pair) => pair.value) });
}

function quotingOf(text: string): Quoting {
  if (/(?:^|;)\s*(?:accountkey|sharedaccesskey|accesskey|sharedaccesssignature)\s*=/i.test(text)) return 'none';
  if ([/(?:^|;)\s*endpoint\s*=/i, /;\s*id\s*=/i, /;\s*secret\s*=/i].every((part) => part.test(text))) return 'none';
  return /(?:^|;)\s*(?:driver|dsn|filedsn)\s*=/i.test(text) ? 'braces' : 'adonet';
}

function pick(pairs: readonly Pair[], keywords: readonly string[]): readonly Pair[] {
  return pairs.filter((pair) => keywords.includes(pair.keyword));
}

function bracedOutside(text: string, { start, end }: Pair['value']): boolean {
  return text[start] === '{' && text[end - 1] === '}';
}
