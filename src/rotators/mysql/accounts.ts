/* What the server says of accounts and of who is logged in with them. */
import type { Target } from '../../rotation/ports.ts';
import type { Query, Row } from './client.ts';
import type { MysqlConfig } from './config.ts';
import { is } from './driver-error.ts';
import { describeUser, grantsIn, type Description, type Grant } from './show.ts';
import { accountName, MAY_SEE_SESSIONS, SESSION_TABLES, sessionsOf, type Account } from './sql.ts';

export interface State extends Description {
  readonly account: Account;
  readonly grants: readonly Grant[];
}

/** What the administrator itself may do. */
export interface Rights {
  /** False only when it is certain: what a role gives is not read here. */
  readonly alterAccounts: boolean;
  readonly seeSessions: boolean;
}

export interface Pair {
  readonly me: string;
  readonly rights: Rights;
  /** By the name of the user; one that does not exist is absent. */
  readonly accounts: ReadonlyMap<string, State>;
}

/** ER_PASSWORD_NO_MATCH of MariaDB, ER_NONEXISTING_GRANT, ER_CANNOT_USER of MySQL. */
const NO_SUCH_ACCOUNT = [1133, 1141, 1396];

export function accountOf(target: Target<MysqlConfig>, user: string): Account {
  return { user, host: target.config.accountHost };
}

/** @param me the administrator that the session belongs to */
export async function readPair(query: Query, target: Target<MysqlConfig>, me: string): Promise<Pair> {
  const accounts = new Map<string, State>();
  for (const user of target.slots) {
    const account = accountOf(target, user);
    const description = await readAccount(query, account);
    if (description === undefined) continue;
    const grants = grantsIn(await lines(query, `SHOW GRANTS FOR ${accountName(account)}`), account);
    accounts.set(user, { ...description, account, grants });
  }
  const mine = await lines(query, 'SHOW GRANTS');
  const byRole = mine.some((line) => /^GRANT [`'][^ ]* TO /.test(line));
  const alterAccounts =
    byRole || mine.some((line) => /^GRANT (?:.*, ?)?(?:CREATE USER|ALL PRIVILEGES)\b.* ON \*\.\* TO /.test(line));
  return { me, rights: { alterAccounts, seeSessions: await maySeeSessions(query) }, accounts };
}

/** @returns undefined when there is no such account */
export async function readAccount(query: Query, account: Account): Promise<Description | undefined> {
  try {
    const [created = ''] = await lines(query, `SHOW CREATE USER ${accountName(account)}`);
    return describeUser(created);
  } catch (error) {
    if (is(error, ...NO_SUCH_ACCOUNT)) return undefined;
    throw error;
  }
}

/** The first column; its name differs from server to server. */
async function lines(query: Query, sql: string): Promise<readonly string[]> {
  return (await query(sql)).map((row) => String(Object.values(row)[0]));
}

async function maySeeSessions(query: Query): Promise<boolean> {
  try {
    await query(MAY_SEE_SESSIONS);
    return true;
  } catch (error) {
    if (is(error, 1227)) return false;
    throw error;
  }
}

export interface Session {
  readonly id: number;
  readonly user: string;
  readonly text: string;
}

/**
 * Who is logged in under these names.
 * @throws ER_SPECIFIC_ACCESS_DENIED when the administrator cannot see them: nobody in sight is not nobody logged in
 */
export async function readSessions(query: Query, target: Target<MysqlConfig>): Promise<readonly Session[]> {
  await query(MAY_SEE_SESSIONS, { what: 'looking for who is logged in' });
  const rows = await listed(query, target.slots);
  // The server's comparison does not tell App from app; accounts do.
  return rows.map(sessionOf).filter(({ user }) => target.slots.includes(user));
}

async function listed(query: Query, users: readonly string[]): Promise<readonly Row[]> {
  const [first, second] = SESSION_TABLES;
  try {
    return await query(sessionsOf(users, first));
  } catch (error) {
    // ER_UNKNOWN_TABLE, as information_schema says it.
    if (!is(error, 1109, 1146)) throw error;
    return query(sessionsOf(users, second));
  }
}

function sessionOf(row: Row): Session {
  const { id, user, host, db, command, seconds } = row as Readonly<Record<string, string | number | null>>;
  const where = db === null ? '' : `, in ${String(db)}`;
  const text = `id ${String(id)}, from ${String(host)}${where}, ${String(command)} for ${String(seconds)} s`;
  return { id: Number(id), user: String(user), text };
}
