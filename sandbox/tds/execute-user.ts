import type { Directory } from './directory.ts';
import { SERVER_ROLES } from './directory.ts';
import { cannot, SqlError } from './errors.ts';
import { acceptable } from './passwords.ts';
import { hasDatabasePermission, hasServerPermission, mayAlterUser } from './permissions.ts';
import { key, type Login, type Session, type User } from './principals.ts';
import type { Statement } from './statements.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

export function createUser(
  directory: Directory,
  session: Session,
  { name, login: from, options }: Of<'create-user'>,
): void {
  const { database } = session;
  if (!hasDatabasePermission(directory, session, 'ALTER ANY USER')) {
    throw new SqlError(15247, 'User does not have permission to perform this action.');
  }
  if (database.principals.has(key(name))) {
    throw new SqlError(15023, `User, group, or role '${name}' already exists in the current database.`);
  }
  let user: User;
  if (options['PASSWORD'] !== undefined) {
    user = directory.addUser(database, name, { password: acceptable(name, options['PASSWORD'], true) });
  } else {
    const login = directory.logins.get(key(from ?? name));
    if (login === undefined) {
      throw new SqlError(15007, `'${from ?? name}' is not a valid login or you do not have permission.`);
    }
    if ([...database.principals.values()].some((other) => other.sid === login.sid)) {
      throw new SqlError(15063, 'The login already has an account under a different user name.');
    }
    user = directory.addUser(database, name, { login });
  }
  user.defaultSchema = options['DEFAULT_SCHEMA'] ?? 'dbo';
}

export function alterUser(directory: Directory, session: Session, { name, options }: Of<'alter-user'>): void {
  const user = session.database.principals.get(key(name));
  if (user === undefined || user.type === 'R' || !mayAlterUser(directory, session, user))
    throw cannot('alter', 'user', name);
  const password = options['PASSWORD'];
  if (password !== undefined && user.authentication !== 2) {
    throw new SqlError(
      33234,
      'The parameter PASSWORD cannot be provided for users that cannot authenticate in a database.',
    );
  }
  const login = options['LOGIN'] === undefined ? undefined : directory.logins.get(key(options['LOGIN']));
  if (options['LOGIN'] !== undefined && login?.sid !== user.sid) throw cannot('alter', 'user', name);
  if (password !== undefined) user.password = acceptable(name, password, true);
  if (options['DEFAULT_SCHEMA'] !== undefined) user.defaultSchema = options['DEFAULT_SCHEMA'];
}

export function changeMember(
  directory: Directory,
  session: Session,
  { server, role, add, member }: Of<'member'>,
): void {
  const permitted = server
    ? hasServerPermission(session.login, 'ALTER ANY SERVER ROLE')
    : hasDatabasePermission(directory, session, 'ALTER ANY ROLE');
  const found = server ? SERVER_ROLES.includes(key(role)) : session.database.principals.get(key(role))?.type === 'R';
  if (!found || !permitted) throw cannot('alter', server ? 'server role' : 'role', role);
  const principal: Login | User | undefined = server
    ? directory.logins.get(key(member))
    : session.database.principals.get(key(member));
  if (principal === undefined) throw cannot('add', 'principal', member);
  const name = server ? key(role) : (session.database.principals.get(key(role))?.name ?? role);
  if (add) principal.roles.add(name);
  else principal.roles.delete(name);
}
