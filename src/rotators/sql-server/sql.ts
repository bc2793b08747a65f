/**
 * Every statement this rotator sends. Names and passwords of logins cannot be parameters in DDL (facts D1), so they are
 * quoted here; QUOTENAME gives NULL beyond 128 characters and is not used for that. The SELECTs take their names as
 * parameters. Text columns carry COLLATE DATABASE_DEFAULT because UNION ALL refuses to mix the catalogue's collations.
 */

/** `[name]`, whatever the name contains. */
export function identifier(name: string): string {
  return `[${name.replaceAll(']', ']]')}]`;
}

/** `N'text'`, whatever the text contains. */
export function literal(text: string): string {
  return `N'${text.replaceAll("'", "''")}'`;
}

export type AccountKind = 'login' | 'contained';

export function setPassword(kind: AccountKind, name: string, password: string): string {
  return `ALTER ${kind === 'login' ? 'LOGIN' : 'USER'} ${identifier(name)} WITH PASSWORD = ${literal(password)}`;
}

export function setEnabled(name: string, enabled: boolean): string {
  return `ALTER LOGIN ${identifier(name)} ${enabled ? 'ENABLE' : 'DISABLE'}`;
}

export function createAccount(kind: AccountKind, name: string, password: string): string {
  return `CREATE ${kind === 'login' ? 'LOGIN' : 'USER'} ${identifier(name)} WITH PASSWORD = ${literal(password)}`;
}

/** Which catalogue the server has: SQL Server and Managed Instance, a database of Azure SQL, or its master. */
export type Form = 'box' | 'azure' | 'azure-master';

/** EngineEdition 5 is Azure SQL Database (SERVERPROPERTY on learn.microsoft.com). */
export const AZURE_SQL_DATABASE = '5';

const WHICH = (column: string): string => `CASE WHEN ${column} = @a THEN 'a' ELSE 'b' END`;
const TEXT = (expression: string): string => `(${expression}) COLLATE DATABASE_DEFAULT`;
const NUMBER = (expression: string): string => `CAST(${expression} AS nvarchar(30))`;
const MAY = (name: string, kind: string): string => NUMBER(`HAS_PERMS_BY_NAME(QUOTENAME(${name}), '${kind}', 'ALTER')`);

const LOGINS = `SELECT ${WHICH('p.name')} AS account, p.name, p.principal_id, p.sid, p.is_disabled
  FROM sys.server_principals p WHERE p.name IN (@a, @b) AND p.type = 'S'`;
const MAPPED = `SELECT l.account, u.name, u.principal_id, u.authentication_type, u.default_schema_name
  FROM logins l JOIN sys.database_principals u ON u.sid = l.sid`;
const NAMED = `SELECT ${WHICH('u.name')} AS account, u.name, u.principal_id, u.authentication_type, u.default_schema_name
  FROM sys.database_principals u WHERE u.name IN (@a, @b) AND u.type = 'S'`;
const MASTER_LOGINS = `SELECT ${WHICH('p.name')} AS account, p.name, p.is_disabled
  FROM sys.sql_logins p WHERE p.name IN (@a, @b)`;

function accounts(form: Form): string {
  if (form === 'azure-master') return `WITH logins AS (${MASTER_LOGINS})`;
  if (form === 'azure') return `WITH members AS (${NAMED})`;
  return `WITH logins AS (${LOGINS}), members AS (${MAPPED} UNION ALL ${NAMED} AND u.authentication_type = 2)`;
}

/** One row about the server and the administrator, and one for each login and each user found. */
function facts(form: Form): string[] {
  const serverState = `HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1 OR HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') = 1`;
  const databaseState = `HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DATABASE STATE') = 1`;
  const rows = [
    `SELECT 'server' AS section, '' AS account, ${NUMBER("SERVERPROPERTY('EngineEdition')")} AS name,
  ${NUMBER(form === 'box' ? "HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION')" : '1')} AS state,
  ${NUMBER("HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DEFINITION')")} AS class,
  ${TEXT('SUSER_SNAME()')} AS part1, ${TEXT('DB_NAME()')} AS part2,
  CASE WHEN ${form === 'box' ? serverState : databaseState} THEN '1' ELSE '0' END AS part3`,
  ];
  if (form !== 'azure') {
    const may = form === 'box' ? MAY('l.name', 'LOGIN') : "'1'";
    rows.push(
      `SELECT 'login', l.account, ${TEXT('l.name')}, ${NUMBER('l.is_disabled')}, ${may}, '', '', '' FROM logins l`,
    );
  }
  if (form !== 'azure-master') {
    rows.push(
      `SELECT 'user', m.account, ${TEXT('m.name')}, ${NUMBER('m.authentication_type')}, ${MAY('m.name', 'USER')}, ${TEXT("COALESCE(m.default_schema_name, '')")}, '', '' FROM members m`,
    );
  }
  return rows;
}

const DATABASE_GRANTS = [
  `SELECT 'database-role', m.account, ${TEXT('r.name')}, '', '', '', '', ''
  FROM members m JOIN sys.database_role_members x ON x.member_principal_id = m.principal_id
  JOIN sys.database_principals r ON r.principal_id = x.role_principal_id`,
  `SELECT 'database-permission', m.account, ${TEXT('d.permission_name')}, ${TEXT('d.state_desc')}, ${TEXT('d.class_desc')},
  ${TEXT("CASE d.class WHEN 0 THEN '' WHEN 1 THEN OBJECT_SCHEMA_NAME(d.major_id) WHEN 3 THEN SCHEMA_NAME(d.major_id) WHEN 4 THEN USER_NAME(d.major_id) ELSE CAST(d.major_id AS nvarchar(30)) END")},
  ${TEXT("CASE d.class WHEN 1 THEN OBJECT_NAME(d.major_id) ELSE '' END")},
  ${TEXT("CASE WHEN d.class = 1 AND d.minor_id > 0 THEN COL_NAME(d.major_id, d.minor_id) ELSE '' END")}
  FROM members m JOIN sys.database_permissions d ON d.grantee_principal_id = m.principal_id`,
];

const SERVER_GRANTS = [
  `SELECT 'server-role', l.account, ${TEXT('r.name')}, '', '', '', '', ''
  FROM logins l JOIN sys.server_role_members x ON x.member_principal_id = l.principal_id
  JOIN sys.server_principals r ON r.principal_id = x.role_principal_id`,
  `SELECT 'server-permission', l.account, ${TEXT('s.permission_name')}, ${TEXT('s.state_desc')}, ${TEXT('s.class_desc')},
  ${TEXT("CASE s.class WHEN 100 THEN '' WHEN 101 THEN SUSER_NAME(s.major_id) ELSE CAST(s.major_id AS nvarchar(30)) END")}, '', ''
  FROM logins l JOIN sys.server_permissions s ON s.grantee_principal_id = l.principal_id`,
];

const SESSIONS = `SELECT 'session', ${WHICH('s.original_login_name')}, ${NUMBER('s.session_id')}, ${TEXT("COALESCE(s.status, '')")}, ${NUMBER('s.authenticating_database_id')},
  ${TEXT("COALESCE(s.host_name, '')")}, ${TEXT("COALESCE(s.program_name, '')")}, CONVERT(nvarchar(30), s.login_time, 126)
  FROM sys.dm_exec_sessions s WHERE s.is_user_process = 1 AND s.original_login_name IN (@a, @b)
  AND s.authenticating_database_id IN (0, DB_ID())`;

/**
 * The one SELECT that answers everything `set` has to know about the accounts @a and @b: edition, what the administrator
 * may see, login or contained user, existence, roles and permissions of both at the server and in the database.
 */
export function grantsQuery(form: Form): string {
  const grants = form === 'azure-master' ? [] : [...DATABASE_GRANTS, ...(form === 'box' ? SERVER_GRANTS : [])];
  return `${accounts(form)}\n${[...facts(form), ...grants].join('\nUNION ALL\n')}`;
}

/** Existence of both accounts and who is logged in with them. */
export function sessionsQuery(form: Form): string {
  return `${accounts(form)}\n${[...facts(form), SESSIONS].join('\nUNION ALL\n')}`;
}
