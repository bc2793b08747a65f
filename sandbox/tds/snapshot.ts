import { SERVER_ROLES, type Directory } from './directory.ts';
import { key, type Grant, type Principal, type Session } from './principals.ts';
import { hasDatabasePermission, hasServerPermission, mayAlterLogin } from './permissions.ts';

export type Row = readonly (string | number | null)[];

/** One catalogue view as this session sees it: its columns as SQLite declares them, and its rows. */
export interface View {
  readonly name: string;
  readonly columns: string;
  readonly rows: readonly Row[];
}

const CLASS = {
  server: [100, 'SERVER'],
  database: [0, 'DATABASE'],
  object: [1, 'OBJECT_OR_COLUMN'],
  schema: [3, 'SCHEMA'],
  login: [101, 'SERVER_PRINCIPAL'],
  user: [4, 'DATABASE_PRINCIPAL'],
} as const;
const STATE = { GRANT: 'G', DENY: 'D', GRANT_WITH_GRANT_OPTION: 'W' } as const;
const FIRST_OBJECT = 1000;
const NAME = 'TEXT COLLATE NOCASE';
const PERMISSIONS = `class INT, class_desc ${NAME}, major_id INT, minor_id INT, grantee_principal_id INT, permission_name ${NAME}, state ${NAME}, state_desc ${NAME}`;

/** The object id that stands for a name, and back. */
export const objectId = (index: number): number => FIRST_OBJECT + index;

/** Which views exist depends on the edition and the database, which rows on the session's permissions. */
export function viewsOf(directory: Directory, session: Session): View[] {
  const views = [
    databasePrincipals(directory, session),
    ...databaseGrants(directory, session),
    sessions(directory, session),
  ];
  // Azure SQL Database keeps the server's principals in master only.
  if (directory.edition === 'box' || session.database.name === 'master') views.push(...serverViews(directory, session));
  return views;
}

function serverViews(directory: Directory, session: Session): View[] {
  const all = hasServerPermission(session.login, 'VIEW ANY DEFINITION');
  const logins = [...directory.logins.values()].filter(
    (login) => all || login === session.login || mayAlterLogin(session, login),
  );
  const detailed = logins.filter((login) => all || login === session.login);
  const roles = SERVER_ROLES.map((name, index): Row => [name, 3 + index, null, 'R', 'SERVER_ROLE', 0]);
  const principals = logins.map((login): Row => {
    const kind = login.type === 'S' ? 'SQL_LOGIN' : 'EXTERNAL_LOGIN';
    return [login.name, login.id, login.sid, login.type, kind, Number(login.disabled)];
  });
  return [
    {
      name: 'server_principals',
      columns: `name ${NAME}, principal_id INT, sid TEXT, type ${NAME}, type_desc ${NAME}, is_disabled INT`,
      rows: [...roles, ...principals],
    },
    {
      name: 'sql_logins',
      columns: `name ${NAME}, principal_id INT, sid TEXT, is_disabled INT, is_policy_checked INT`,
      rows: logins
        .filter((login) => login.type === 'S')
        .map((login) => [login.name, login.id, login.sid, Number(login.disabled), Number(login.checkPolicy)]),
    },
    {
      name: 'server_role_members',
      columns: 'role_principal_id INT, member_principal_id INT',
      rows: detailed.flatMap((login) =>
        [...login.roles].map((role): Row => [3 + SERVER_ROLES.indexOf(role), login.id]),
      ),
    },
    {
      name: 'server_permissions',
      columns: PERMISSIONS,
      rows: permissions(detailed, (grant) => loginId(directory, grant)),
    },
  ];
}

function loginId(directory: Directory, grant: Grant): number {
  return grant.class === 'login' ? (directory.logins.get(key(grant.on[0] ?? ''))?.id ?? 0) : 0;
}

function permissions(principals: readonly Principal[], majorOf: (grant: Grant) => number): Row[] {
  return principals.flatMap((principal) =>
    principal.grants.map((grant): Row => {
      const [id, description] = CLASS[grant.class];
      return [id, description, majorOf(grant), 0, principal.id, grant.permission, STATE[grant.state], grant.state];
    }),
  );
}

function visibleUsers(directory: Directory, session: Session): { users: Principal[]; detailed: Principal[] } {
  const definition = hasDatabasePermission(directory, session, 'VIEW DEFINITION');
  const own = directory.userOf(session.login, session.user, session.database);
  const everyone = [...session.database.principals.values()];
  const all = definition || hasDatabasePermission(directory, session, 'ALTER ANY USER');
  return {
    users: everyone.filter((user) => all || user === own || user.id < 256 || user.id >= 16384),
    detailed: everyone.filter((user) => definition || user === own),
  };
}

function databasePrincipals(directory: Directory, session: Session): View {
  const descriptions = { 0: 'NONE', 1: 'INSTANCE', 2: 'DATABASE', 4: 'EXTERNAL' } as const;
  const visible = new Set(visibleUsers(directory, session).users);
  const rows = [...session.database.principals.values()]
    .filter((user) => visible.has(user))
    .map((user): Row => {
      const type = user.type === 'R' ? 'DATABASE_ROLE' : user.type === 'E' ? 'EXTERNAL_USER' : 'SQL_USER';
      const schema = user.type === 'R' ? null : user.defaultSchema;
      return [
        user.name,
        user.id,
        user.sid,
        user.type,
        type,
        schema,
        user.authentication,
        descriptions[user.authentication],
      ];
    });
  return {
    name: 'database_principals',
    columns: `name ${NAME}, principal_id INT, sid TEXT, type ${NAME}, type_desc ${NAME}, default_schema_name ${NAME}, authentication_type INT, authentication_type_desc ${NAME}`,
    rows,
  };
}

function databaseGrants(directory: Directory, session: Session): View[] {
  const { database } = session;
  const { detailed } = visibleUsers(directory, session);
  const major = (grant: Grant): number => {
    if (grant.class === 'object')
      return objectId(database.objects.findIndex((name) => key(name) === key(grant.on.join('.'))));
    if (grant.class === 'schema') return database.schemas.findIndex((name) => key(name) === key(grant.on[0] ?? '')) + 1;
    return grant.class === 'user' ? (database.principals.get(key(grant.on[0] ?? ''))?.id ?? 0) : 0;
  };
  return [
    {
      name: 'database_role_members',
      columns: 'role_principal_id INT, member_principal_id INT',
      rows: detailed.flatMap((user) =>
        [...user.roles].map((role): Row => [database.principals.get(key(role))?.id ?? 0, user.id]),
      ),
    },
    { name: 'database_permissions', columns: PERMISSIONS, rows: permissions(detailed, major) },
  ];
}

function sessions(directory: Directory, session: Session): View {
  const azure = directory.edition === 'azure';
  const all = azure
    ? hasDatabasePermission(directory, session, 'VIEW DATABASE STATE')
    : hasServerPermission(session.login, 'VIEW SERVER STATE');
  const seen = [...directory.sessions.values()].filter(
    (other) => other.id === session.id || (all && (!azure || other.database === session.database)),
  );
  return {
    name: 'dm_exec_sessions',
    columns: `session_id INT, login_name ${NAME}, original_login_name ${NAME}, host_name ${NAME}, program_name ${NAME}, login_time TEXT, status ${NAME}, is_user_process INT, database_id INT, authenticating_database_id INT`,
    rows: seen.map((other): Row => {
      const state = other.id === session.id ? 'running' : 'sleeping';
      const authenticating = other.login === undefined ? other.database.id : 0;
      const at = other.loginTime.toISOString().replace('Z', '');
      return [
        other.id,
        other.user,
        other.user,
        other.host,
        other.program,
        at,
        state,
        1,
        other.database.id,
        authenticating,
      ];
    }),
  };
}
