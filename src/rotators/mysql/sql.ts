/** An account as the server knows it: `'user'@'host'`. */
export interface Account {
  readonly user: string;
  readonly host: string;
}

/**
 * What every session of the administrator begins with. NO_BACKSLASH_ESCAPES makes a backslash a character like any other,
 * whatever the server's own sql_mode is, and leaves ANSI_QUOTES off; so one rule of quoting holds everywhere, also in what
 * SHOW prints. A statement that outlives its connection must not come true after a later attempt's, so none waits longer
 * for a lock than the client does for its answer.
 */
export const BEGIN = `SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES', lock_wait_timeout = 20, innodb_lock_wait_timeout = 20`;

/** An identifier in backticks, whatever is in it. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A string constant in a session that has begun with `BEGIN`. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** An account in a statement; backticks are understood in every sql_mode. */
export function accountName({ user, host }: Account): string {
  return `${identifier(user)}@${identifier(host)}`;
}

/**
 * UNLOCK undoes what a revoke with `disableOnRevoke` did, and the lock that MySQL sets after failed log-ins. A new password
 * ends an expiry (`PASSWORD EXPIRE`) by itself.
 * @param identified the clause from password.ts; it may hold a password
 */
export function alterPassword(account: Account, identified: string): string {
  return `ALTER USER ${accountName(account)} ${identified} ACCOUNT UNLOCK`;
}

/** MySQL 8.0.14 and later: the primary password so far becomes the second one, whatever was the second before. */
export function alterRetaining(account: Account, identified: string): string {
  return `ALTER USER ${accountName(account)} ${identified} RETAIN CURRENT PASSWORD ACCOUNT UNLOCK`;
}

/** Is there a second password? The column came with it: 1054 before MySQL 8.0.14. What it holds stays where it is. */
export function hasSecondPassword({ user, host }: Account): string {
  return `SELECT JSON_EXTRACT(User_attributes, '$.additional_password') IS NOT NULL AS second FROM mysql.user WHERE User = ${literal(user)} AND Host = ${literal(host)}`;
}

/** A lock by name that ends with the session; waits for it as long as for any other lock. */
export function lockName(name: string): string {
  return `SELECT GET_LOCK(${literal(`keyturn ${name}`)}, 20) AS got`;
}

export function takeOutOfUse(account: Account, identified: string, disable: boolean): string {
  return `ALTER USER ${accountName(account)} ${identified}${disable ? ' ACCOUNT LOCK' : ''}`;
}

export function createLocked(account: Account, identified: string): string {
  return `CREATE USER ${accountName(account)} ${identified} ACCOUNT LOCK`;
}

/** MySQL 8.0.14 and later; a server that knows no second password does not understand it (1064). */
export function discardOldPassword(account: Account): string {
  return `ALTER USER ${accountName(account)} DISCARD OLD PASSWORD`;
}

/**
 * Needs PROCESS, and is refused (1227) without it, unless no row at all is asked for. The list of sessions is not refused: it
 * shows one's own session only, which looks the same as "nobody is logged in". So this is asked first.
 */
export const MAY_SEE_SESSIONS = 'SELECT 1 FROM information_schema.INNODB_TRX LIMIT 1';

/** Where sessions are listed: the second where the first, which MySQL has deprecated, is gone. */
export const SESSION_TABLES = ['information_schema.PROCESSLIST', 'performance_schema.processlist'] as const;

/** The list knows the user's name and from where it came, not the host part of the account. */
export function sessionsOf(users: readonly string[], table: string): string {
  const names = users.map(literal).join(', ');
  return `SELECT ID AS id, USER AS user, HOST AS host, DB AS db, COMMAND AS command, TIME AS seconds FROM ${table} WHERE USER IN (${names}) AND ID <> CONNECTION_ID() ORDER BY ID`;
}
