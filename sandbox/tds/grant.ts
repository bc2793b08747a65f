import type { Directory } from './directory.ts';
import { key, type Grant, type Principal, type Session } from './principals.ts';
import { cannot, SqlError } from './errors.ts';
import { hasDatabasePermission, hasServerPermission } from './permissions.ts';
import type { SecurableClass, Statement } from './statements.ts';

type Permission = Extract<Statement, { kind: 'permission' }>;

/** Permissions that exist at the level of the server; without ON they are meant. */
const SERVER_PERMISSIONS = new Set([
  'ALTER ANY CONNECTION',
  'ALTER ANY LOGIN',
  'ALTER ANY SERVER ROLE',
  'CONNECT SQL',
  'CONTROL SERVER',
  'CREATE ANY DATABASE',
  'VIEW ANY DATABASE',
  'VIEW ANY DEFINITION',
  'VIEW SERVER STATE',
]);

/** GRANT, DENY and REVOKE. @throws SqlError 4621 for a server's permission outside master, 15151 for what is not there */
export function changePermission(directory: Directory, session: Session, statement: Permission): void {
  for (const permission of statement.permissions) {
    const level = statement.on?.class ?? (SERVER_PERMISSIONS.has(permission) ? 'server' : 'database');
    const server = level === 'server' || level === 'login';
    if (server && session.database.name !== 'master') {
      throw new SqlError(
        4621,
        'Permissions at the server scope can only be granted when the current database is master',
      );
    }
    const permitted = server
      ? hasServerPermission(session.login, 'CONTROL SERVER')
      : hasDatabasePermission(directory, session, 'CONTROL');
    for (const name of statement.principals) {
      const principal = server ? directory.logins.get(key(name)) : session.database.principals.get(key(name));
      if (principal === undefined || !permitted) throw cannot('find', server ? 'login' : 'user', name);
      apply(principal, statement, permission, level, securable(directory, session, statement, level));
    }
  }
}

function apply(
  principal: Principal,
  { action, withGrantOption }: Permission,
  permission: string,
  level: SecurableClass,
  on: readonly string[],
): void {
  const same = (grant: Grant): boolean =>
    grant.permission === permission && grant.class === level && key(grant.on.join('.')) === key(on.join('.'));
  principal.grants = principal.grants.filter((grant) => !same(grant));
  if (action === 'REVOKE') return;
  const state = action === 'DENY' ? 'DENY' : withGrantOption ? 'GRANT_WITH_GRANT_OPTION' : 'GRANT';
  principal.grants.push({ permission, state, class: level, on });
}

/** The securable as the catalogue names it. @throws SqlError 15151 when there is none of that name */
function securable(
  directory: Directory,
  session: Session,
  { on }: Permission,
  level: SecurableClass,
): readonly string[] {
  if (on === undefined || level === 'server' || level === 'database') return [];
  const name = level === 'object' && on.name.length === 1 ? ['dbo', ...on.name] : on.name;
  const wanted = key(name.join('.'));
  const names: Record<'object' | 'schema' | 'login' | 'user', readonly string[]> = {
    object: session.database.objects,
    schema: session.database.schemas,
    login: [...directory.logins.values()].map((login) => login.name),
    user: [...session.database.principals.values()].map((user) => user.name),
  };
  const found = names[level].find((candidate) => key(candidate) === wanted);
  if (found === undefined) throw cannot('find', level, name.join('.'));
  return level === 'object' ? name : [found];
}
