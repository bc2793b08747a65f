import type { Directory } from './directory.ts';
import { acceptable } from './passwords.ts';
import { key, type Session } from './principals.ts';
import { cannot, SqlError } from './errors.ts';
import { hasDatabasePermission, hasServerPermission, mayAlterLogin } from './permissions.ts';
import { changePermission } from './grant.ts';
import { alterUser, changeMember, createUser } from './execute-user.ts';

import type { Options, Statement } from './statements.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

/**
 * Does what a statement says to the directory, after the server's own checks; all or nothing for each statement.
 * @throws SqlError with the server's number and text
 */
export function execute(
  directory: Directory,
  session: Session,
  statement: Exclude<Statement, { kind: 'select' }>,
): void {
  switch (statement.kind) {
    case 'set':
      return;
    case 'use':
      use(directory, session, statement.name);
      return;
    case 'kill':
      kill(directory, session, statement.id);
      return;
    case 'create-login':
      createLogin(directory, session, statement);
      return;
    case 'alter-login':
      alterLogin(directory, session, statement);
      return;
    case 'create-user':
      createUser(directory, session, statement);
      return;
    case 'alter-user':
      alterUser(directory, session, statement);
      return;
    case 'drop':
      drop(directory, session, statement);
      return;
    case 'create':
      create(directory, session, statement);
      return;
    case 'member':
      changeMember(directory, session, statement);
      return;
    case 'permission':
      changePermission(directory, session, statement);
      return;
  }
}

function use(directory: Directory, session: Session, name: string): void {
  if (directory.edition === 'azure') {
    throw new SqlError(
      40508,
      'USE statement is not supported to switch between databases. Use a new connection to connect to a different database.',
    );
  }
  const database = directory.databases.get(key(name));
  const user = database && directory.userOf(session.login, session.user, database);
  if (database === undefined || (user === undefined && database.name !== 'master')) {
    throw new SqlError(911, `Database '${name}' does not exist. Make sure that the name is entered correctly.`);
  }
  session.database = database;
}

function kill(directory: Directory, session: Session, id: number): void {
  const permitted =
    directory.edition === 'azure'
      ? hasDatabasePermission(directory, session, 'KILL DATABASE CONNECTION')
      : hasServerPermission(session.login, 'ALTER ANY CONNECTION');
  if (!permitted) throw new SqlError(6102, 'User does not have permission to use the KILL statement.', { class: 14 });
  const victim = directory.sessions.get(id);
  if (id === session.id) throw new SqlError(6104, 'Cannot use KILL to kill your own process.');
  if (victim === undefined) throw new SqlError(6106, `Process ID ${id} is not an active process ID.`);
  victim.end();
}

/** Logins live in master; Azure SQL Database changes them nowhere else. */
function mustBeMaster(directory: Directory, session: Session): void {
  if (directory.edition === 'azure' && session.database.name !== 'master') {
    throw new SqlError(5001, 'User must be in the master database.');
  }
}

function createLogin(directory: Directory, session: Session, { name, options }: Of<'create-login'>): void {
  mustBeMaster(directory, session);
  if (!hasServerPermission(session.login, 'ALTER ANY LOGIN')) {
    throw new SqlError(15247, 'User does not have permission to perform this action.');
  }
  if (directory.logins.has(key(name))) throw new SqlError(15025, `The server principal '${name}' already exists.`);
  const checkPolicy = policyOf(directory, options, true);
  const password = acceptable(name, options['PASSWORD'], checkPolicy);
  directory.addLogin(name, { password, checkPolicy });
}

function alterLogin(directory: Directory, session: Session, { name, options, state }: Of<'alter-login'>): void {
  mustBeMaster(directory, session);
  const login = directory.logins.get(key(name));
  const own = login !== undefined && login === session.login && options['OLD_PASSWORD'] !== undefined;
  if (login?.type !== 'S' || !(own || mayAlterLogin(session, login))) throw cannot('alter', 'login', name);
  if (state !== undefined) {
    login.disabled = !state;
    return;
  }
  const checkPolicy = policyOf(directory, options, login.checkPolicy);
  const text = options['PASSWORD'];
  if (own && login.password?.matches(options['OLD_PASSWORD'] ?? '') !== true) throw cannot('alter', 'login', name);
  if (text !== undefined) login.password = acceptable(name, text, checkPolicy);
  login.checkPolicy = checkPolicy;
}

function policyOf(directory: Directory, options: Options, before: boolean): boolean {
  const wanted = options['CHECK_POLICY'];
  if (wanted === undefined) return before;
  if (directory.edition === 'azure') {
    throw new SqlError(
      40517,
      "Keyword or statement option 'check_policy' is not supported in this version of SQL Server.",
    );
  }
  return wanted.toUpperCase() === 'ON';
}

function drop(directory: Directory, session: Session, { what, name }: Of<'drop'>): void {
  if (what === 'login') {
    mustBeMaster(directory, session);
    const login = directory.logins.get(key(name));
    if (login === undefined || !mayAlterLogin(session, login)) throw cannot('drop', 'login', name);
    const busy = [...directory.sessions.values()].some((other) => other.login === login);
    if (busy) throw new SqlError(15434, `Could not drop login '${name}' as the user is currently logged in.`);
    directory.logins.delete(key(name));
    return;
  }
  const permission = what === 'user' ? 'ALTER ANY USER' : 'ALTER ANY ROLE';
  const principal = session.database.principals.get(key(name));
  const permitted = hasDatabasePermission(directory, session, permission);
  if (principal === undefined || principal.id < 256 || !permitted) throw cannot('drop', what, name);
  session.database.principals.delete(key(name));
}

function create(directory: Directory, session: Session, { what, name }: Of<'create'>): void {
  const [first = '', second] = name;
  if (what === 'database') {
    if (!hasServerPermission(session.login, 'CREATE ANY DATABASE')) throw denied(what);
    if (directory.databases.has(key(first))) throw new SqlError(1801, `Database '${first}' already exists.`);
    directory.createDatabase(first);
    return;
  }
  if (!hasDatabasePermission(directory, session, 'CONTROL')) throw denied(what);
  if (what === 'role') directory.addRole(session.database, first);
  else if (what === 'schema') session.database.schemas.push(first);
  else session.database.objects.push(second === undefined ? `dbo.${first}` : `${first}.${second}`);
}

function denied(what: string): SqlError {
  return new SqlError(262, `CREATE ${what.toUpperCase()} permission denied in database.`, { class: 14 });
}
