import type { Directory } from './directory.ts';
import { key, type Database, type Login } from './principals.ts';
import { loginFailed, SqlError } from './errors.ts';
import type { Login7 } from './login7.ts';

export type VerifyToken = (
  token: string,
  audience: string,
) => { readonly oid: string; readonly appid: string } | undefined;

/** The resource that Azure SQL takes tokens for. */
export const SQL_AUDIENCE = 'https://database.windows.net';

export interface Authenticated {
  readonly user: string;
  readonly login: Login | undefined;
  readonly database: Database;
}

/**
 * Decides a log-in. A database with a contained user of the name asks that user's password first, as the server does.
 * @throws SqlError 18456, 18470 or 4060
 */
export function authenticate(directory: Directory, asked: Login7, verify: VerifyToken | undefined): Authenticated {
  const database = directory.databases.get(key(asked.database === '' ? 'master' : asked.database));
  if (asked.token !== undefined) return open(directory, byToken(directory, asked.token, verify), asked, database);
  const contained = database?.principals.get(key(asked.user));
  if (database !== undefined && contained?.authentication === 2) {
    if (contained.password?.matches(asked.password) !== true) {
      throw loginFailed(asked.user, 'Password did not match that for the user provided.');
    }
    return { user: contained.name, login: undefined, database };
  }
  const login = directory.logins.get(key(asked.user));
  if (login?.type !== 'S') {
    throw loginFailed(asked.user, 'Could not find a login matching the name provided.');
  }
  if (login.password?.matches(asked.password) !== true) {
    throw loginFailed(asked.user, 'Password did not match that for the login provided.');
  }
  if (login.disabled) {
    throw new SqlError(18470, `Login failed for user '${asked.user}'. Reason: The account is disabled.`);
  }
  return open(directory, login, asked, database);
}

function byToken(directory: Directory, token: string, verify: VerifyToken | undefined): Login {
  const claims = verify?.(token, SQL_AUDIENCE);
  const who = '<token-identified principal>';
  if (claims === undefined) throw loginFailed(who, 'The token was refused.');
  const login = [...directory.logins.values()].find(
    ({ type, entraId }) => type === 'E' && (entraId === claims.oid || entraId === claims.appid),
  );
  if (login === undefined) throw loginFailed(who, 'No login is made for the identity of the token.');
  return login;
}

function open(directory: Directory, login: Login, asked: Login7, database: Database | undefined): Authenticated {
  const allowed =
    database !== undefined &&
    (database.name === 'master' || directory.userOf(login, login.name, database) !== undefined);
  if (!allowed) {
    throw new SqlError(4060, `Cannot open database "${asked.database}" requested by the login. The login failed.`, {
      class: 11,
    });
  }
  return { user: login.name, login, database };
}
