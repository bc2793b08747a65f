import type { Directory } from './directory.ts';
import { key, type Database, type Grant, type Login, type Principal, type Session, type User } from './principals.ts';

/** What membership of a fixed server role is worth here. */
const SERVER_ROLE_PERMISSIONS: Record<string, readonly string[]> = {
  securityadmin: ['ALTER ANY LOGIN', 'VIEW ANY DEFINITION'],
  processadmin: ['ALTER ANY CONNECTION', 'VIEW SERVER STATE'],
  loginmanager: ['ALTER ANY LOGIN'],
};

const DATABASE_ROLE_PERMISSIONS: Record<string, readonly string[]> = {
  db_accessadmin: ['ALTER ANY USER'],
  db_securityadmin: ['ALTER ANY ROLE', 'VIEW DEFINITION'],
};

/** A server permission that includes a database permission. */
const COVERED_BY: Record<string, string> = {
  'VIEW DEFINITION': 'VIEW ANY DEFINITION',
  'VIEW DATABASE STATE': 'VIEW SERVER STATE',
  'KILL DATABASE CONNECTION': 'ALTER ANY CONNECTION',
};

function decide(principals: readonly Principal[], permission: string, concerns: (grant: Grant) => boolean): boolean {
  const grants = principals.flatMap((principal) => principal.grants).filter(concerns);
  if (grants.some((grant) => grant.state === 'DENY' && grant.permission === permission)) return false;
  return grants.some(
    (grant) => grant.state !== 'DENY' && [permission, 'CONTROL', 'CONTROL SERVER'].includes(grant.permission),
  );
}

export function hasServerPermission(login: Login | undefined, permission: string): boolean {
  if (login === undefined) return false;
  if (login.roles.has('sysadmin')) return true;
  if ([...login.roles].some((role) => SERVER_ROLE_PERMISSIONS[role]?.includes(permission) === true)) return true;
  return decide([login], permission, (grant) => grant.class === 'server');
}

/** May alter this login: by a permission on all of them, or on this one. */
export function mayAlterLogin(session: Session, login: Login): boolean {
  if (session.login === undefined) return false;
  // A stronger login's password is not for a mere holder of ALTER ANY LOGIN.
  const strong = login.roles.has('sysadmin') || login.grants.some((grant) => grant.permission === 'CONTROL SERVER');
  if (strong) return hasServerPermission(session.login, 'CONTROL SERVER');
  if (hasServerPermission(session.login, 'ALTER ANY LOGIN')) return true;
  return decide(
    [session.login],
    'ALTER',
    (grant) => grant.class === 'login' && key(grant.on[0] ?? '') === key(login.name),
  );
}

/** The user with every role it is in, directly or through a role. */
export function withRoles(user: User, database: Database): User[] {
  const found = new Map<string, User>([[key(user.name), user]]);
  for (const principal of found.values()) {
    for (const role of [...principal.roles, 'public']) {
      const member = database.principals.get(key(role));
      if (member !== undefined) found.set(key(role), member);
    }
  }
  return [...found.values()];
}

export function hasDatabasePermission(directory: Directory, session: Session, permission: string): boolean {
  const cover = COVERED_BY[permission];
  if (hasServerPermission(session.login, 'CONTROL SERVER')) return true;
  if (cover !== undefined && hasServerPermission(session.login, cover)) return true;
  const user = directory.userOf(session.login, session.user, session.database);
  if (user === undefined) return false;
  const principals = withRoles(user, session.database);
  if (principals.some((principal) => principal.name === 'dbo' || principal.name === 'db_owner')) return true;
  if (principals.some((role) => DATABASE_ROLE_PERMISSIONS[role.name]?.includes(permission) === true)) return true;
  return decide(principals, permission, (grant) => grant.class === 'database');
}

export function mayAlterUser(directory: Directory, session: Session, user: User): boolean {
  if (hasDatabasePermission(directory, session, 'ALTER ANY USER')) return true;
  const own = directory.userOf(session.login, session.user, session.database);
  if (own === undefined) return false;
  return decide(
    withRoles(own, session.database),
    'ALTER',
    (grant) => grant.class === 'user' && key(grant.on[0] ?? '') === key(user.name),
  );
}
