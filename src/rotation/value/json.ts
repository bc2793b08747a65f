import { settle, type Reading, type Token, type Unreadable } from './parts.ts';

const USER_KEYS = ['user', 'username', 'user_name', 'login', 'uid'];
const SECRET_KEYS = ['password', 'pwd', 'pass', 'secret', 'key', 'accountkey', 'clientsecret', 'client_secret'];
/** Looked for where there is none of those. */
const TOKEN_KEYS = ['sas', 'sastoken', 'sas_token', 'sharedaccesssignature'];
/** Shorter passwords are found inside other words by chance. */
const TELLING_LENGTH = 8;

/** A string member of the outermost object or of an object directly in it. */
interface Member {
  /** Which object: 0 is the outermost one. */
  readonly object: number;
  readonly key: string;
  readonly token: Token;
}

/**
 * A JSON object with the user and the password as string members, at the top or one level down. Only the two
 * string tokens are ever rewritten, so numbers, blanks, key order and repeated keys stay as they are.
 *
 * Which password: of the objects that hold one, those that also hold a user go first, then the outermost; more than
 * one left over is refused. The user is the one beside it, or the only one there is elsewhere. A password that is
 * also part of another string (a connection string beside it) is refused: only half of the value would be rotated.
 */
export function readJson(text: string): Reading {
  if (!isObject(text)) return { problem: 'is not a JSON object' };
  const { members, strings } = scan(text);
  const secret = theSecret(members);
  if ('problem' in secret) return secret;
  const users = members.filter(isUser);
  const beside = users.filter((member) => member.object === secret.object);
  const candidates = beside.length > 0 ? beside : users;
  if (candidates.length > 1) return { problem: `holds several users: ${names(candidates)}` };
  const password = secret.token.text;
  const again = strings.filter((string) => string.includes(password)).length > 1;
  if (password.length >= TELLING_LENGTH && again) {
    return { problem: `holds the text of ${names([secret])} a second time, in another member` };
  }
  return settle({ user: candidates.map((member) => member.token), secret: [secret.token] });
}

function theSecret(members: readonly Member[]): Member | Unreadable {
  const named = members.filter((member) => SECRET_KEYS.includes(member.key));
  const secrets = named.length > 0 ? named : members.filter((member) => TOKEN_KEYS.includes(member.key));
  const withUser = secrets.filter((secret) => members.some((m) => m.object === secret.object && isUser(m)));
  const first = withUser.length > 0 ? withUser : secrets;
  const top = first.filter((member) => member.object === 0);
  const candidates = top.length > 0 ? top : first;
  const [only] = candidates;
  if (only === undefined) return { problem: `has no string member named ${SECRET_KEYS.join(', ')}` };
  return candidates.length === 1 ? only : { problem: `holds several passwords: ${names(candidates)}` };
}

function isUser(member: Member): boolean {
  return USER_KEYS.includes(member.key);
}

/** Only known keys are ever named, in lower case. */
function names(members: readonly Member[]): string {
  return members.map((member) => member.key).join(', ');
}

/** A byte order mark before it is allowed, since tools on Windows write one. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch (error) {
    // The parser's message quotes the text, so it goes no further.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

interface Level {
  /** The number of the object, for the two levels that are looked at. */
  readonly object: number | undefined;
  readonly array: boolean;
  key: string | undefined;
}

/** Walks JSON that is known to be valid. `strings`: every string value in it, at any depth. */
function scan(text: string): { readonly members: readonly Member[]; readonly strings: readonly string[] } {
  const members: Member[] = [];
  const strings: string[] = [];
  const levels: Level[] = [];
  let objects = 0;
  for (const match of text.matchAll(/"[^"\\]*(?:\\[^][^"\\]*)*"|[{}[\],]/g)) {
    const [piece] = match;
    const level = levels.at(-1);
    if (piece === '{') {
      const seen = level === undefined || (level.object === 0 && !level.array);
      levels.push({ object: seen ? objects++ : undefined, array: false, key: undefined });
    } else if (piece === '[') levels.push({ object: undefined, array: true, key: undefined });
    else if (piece === '}' || piece === ']') levels.pop();
    else if (piece === ',') {
      if (level !== undefined) level.key = undefined;
    } else if (level !== undefined) {
      const meaning = String(JSON.parse(piece));
      if (!level.array && level.key === undefined) {
        level.key = meaning.toLowerCase();
        continue;
      }
      strings.push(meaning);
      if (level.object === undefined || level.key === undefined) continue;
      const token = { start: match.index, end: match.index + piece.length, text: meaning, write: asJson };
      members.push({ object: level.object, key: level.key, token });
    }
  }
  return { members, strings };
}

function asJson(text: string): string {
  return JSON.stringify(text);
}
