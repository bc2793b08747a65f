import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Directory } from './directory.ts';
import { key, type Session } from './principals.ts';
import { SqlError } from './errors.ts';
import { hasDatabasePermission, hasServerPermission, mayAlterLogin, mayAlterUser } from './permissions.ts';
import type { Parameter } from './requests.ts';
import { objectId, viewsOf } from './snapshot.ts';
import type { SqlToken } from './lexer.ts';
import type { Cell, ResultSet } from './tokens.ts';

/**
 * Evaluates a SELECT over the catalogue as this session sees it. It is really evaluated: the views are tables of a
 * SQLite database in memory, in a schema called `sys`, and the server's functions are registered with it. What T-SQL
 * and SQLite write alike is what works: no TOP, no `+` on strings, no FOR JSON.
 * @throws SqlError 208 for an unknown view, 137 for a parameter that was not given, 102 for the rest
 */
export function select(
  directory: Directory,
  session: Session,
  statement: { readonly tokens: readonly SqlToken[]; readonly sql: string },
  parameters: Readonly<Record<string, Parameter>>,
): ResultSet {
  const db = new DatabaseSync(':memory:');
  try {
    db.exec("ATTACH ':memory:' AS sys");
    for (const view of viewsOf(directory, session)) {
      db.exec(`CREATE TABLE sys.${view.name} (${view.columns})`);
      const marks = view.columns
        .split(',')
        .map(() => '?')
        .join(', ');
      const insert = db.prepare(`INSERT INTO sys.${view.name} VALUES (${marks})`);
      for (const row of view.rows) insert.run(...row);
    }
    register(db, directory, session);
    const prepared = db.prepare(inSqlite(statement));
    prepared.setReturnArrays(true);
    const used = new Set(statement.tokens.filter((token) => token.kind === 'parameter').map((token) => token.value));
    const values: Record<string, SQLInputValue> = {};
    for (const name of used) {
      const value = parameters[name.slice(1)];
      if (value === undefined) throw new SqlError(137, `Must declare the scalar variable "${name}".`, { class: 15 });
      values[name] = value;
    }
    const rows = prepared.all(values) as unknown as Cell[][];
    return { columns: prepared.columns().map((column) => column.name), rows };
  } catch (error) {
    throw translate(error);
  } finally {
    db.close();
  }
}

/** The same text with what SQLite spells otherwise: no N before a string, `[a]]b]` as `"a]b"`, no COLLATE. */
function inSqlite({ tokens, sql }: { readonly tokens: readonly SqlToken[]; readonly sql: string }): string {
  let out = '';
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const word = token.kind === 'word' ? token.value.toUpperCase() : '';
    if (word === 'COLLATE' || before?.value.toUpperCase() === 'COLLATE') return;
    if (before !== undefined && sql.slice(before.end, token.start) !== '') out += ' ';
    if (token.kind === 'string') out += `'${token.value.replaceAll("'", "''")}'`;
    else if (token.kind === 'quoted') out += `"${token.value.replaceAll('"', '""')}"`;
    else out += token.value;
  });
  return out;
}

function translate(error: unknown): unknown {
  if (error instanceof SqlError || !(error instanceof Error)) return error;
  const missing = /no such table: (.+)/.exec(error.message)?.[1];
  if (missing !== undefined) return new SqlError(208, `Invalid object name '${missing}'.`);
  const column = /no such column: (.+)/.exec(error.message)?.[1];
  if (column !== undefined) return new SqlError(207, `Invalid column name '${column}'.`);
  return new SqlError(102, `Incorrect syntax: ${error.message}`, { class: 15 });
}

/** A JavaScript number would be a REAL to SQLite, and its text `1.0`; integers go over as BigInt. */
function register(db: DatabaseSync, directory: Directory, session: Session): void {
  const { database } = session;
  const byId = (id: SQLInputValue): string | null =>
    [...database.principals.values()].find((user) => user.id === Number(id))?.name ?? null;
  const object = (id: SQLInputValue): [string, string] | undefined => {
    const name = database.objects.find((_, index) => objectId(index) === Number(id));
    return name === undefined ? undefined : (name.split('.') as [string, string]);
  };
  db.function('SERVERPROPERTY', (property) =>
    property === 'EngineEdition'
      ? directory.edition === 'azure'
        ? 5n
        : 3n
      : property === 'ProductVersion'
        ? '16.0.4131.2'
        : null,
  );
  db.function('DB_NAME', () => database.name);
  db.function('DB_ID', () => BigInt(database.id));
  for (const name of ['SUSER_SNAME', 'SUSER_NAME', 'ORIGINAL_LOGIN']) {
    db.function(name, { varargs: true }, (...args) => {
      if (args.length === 0) return session.user;
      return (
        [...directory.logins.values()].find((login) => login.id === args[0] || login.sid === args[0])?.name ?? null
      );
    });
  }
  db.function('USER_NAME', byId);
  db.function('SCHEMA_NAME', (id) => database.schemas[Number(id) - 1] ?? null);
  db.function('OBJECT_SCHEMA_NAME', (id) => object(id)?.[0] ?? null);
  db.function('OBJECT_NAME', (id) => object(id)?.[1] ?? null);
  db.function('COL_NAME', { varargs: true }, () => null);
  db.function('QUOTENAME', (name) => (name === null ? null : `[${String(name).replaceAll(']', ']]')}]`));
  // CONVERT(nvarchar(30), value, 126): the type reads as a call of a function with its length.
  db.function('nvarchar', (length) => length);
  db.function('CONVERT', { varargs: true }, (length, value) =>
    value === null ? null : String(value).slice(0, Number(length)),
  );
  db.function('HAS_PERMS_BY_NAME', (securable, kind, permission) =>
    BigInt(
      has(
        directory,
        session,
        securable === null ? '' : unquote(String(securable)),
        String(kind ?? 'SERVER'),
        String(permission),
      ),
    ),
  );
}

function unquote(name: string): string {
  return /^\[.*\]$/s.test(name) ? name.slice(1, -1).replaceAll(']]', ']') : name;
}

function has(directory: Directory, session: Session, name: string, kind: string, permission: string): boolean {
  switch (kind.toUpperCase()) {
    case 'SERVER':
      return hasServerPermission(session.login, permission);
    case 'DATABASE':
      return key(name) === key(session.database.name) && hasDatabasePermission(directory, session, permission);
    case 'LOGIN': {
      const login = directory.logins.get(key(name));
      return login !== undefined && mayAlterLogin(session, login);
    }
    case 'USER': {
      const user = session.database.principals.get(key(name));
      return user !== undefined && mayAlterUser(directory, session, user);
    }
    default:
      return false;
  }
}
