import { identifier } from './sql.ts';

/** Something an account has: a role, a permission, a user in the database, a default schema. */
export interface Grant {
  readonly section: 'server-role' | 'server-permission' | 'database-role' | 'database-permission' | 'user' | 'schema';
  /** Role or permission; for `schema` the schema. */
  readonly name: string;
  /** GRANT, DENY or GRANT_WITH_GRANT_OPTION, of permissions. */
  readonly state: string;
  /** class_desc of permissions. */
  readonly class: string;
  /** Schema, object, column; or the one name of another securable. */
  readonly parts: readonly string[];
}

/** How one account is called at the server and in the database. */
export interface Names {
  readonly login: string;
  readonly user: string;
  readonly database: string;
}

function keyOf(grant: Grant): string {
  return JSON.stringify([grant.section, grant.name, grant.state, grant.class, grant.parts]).toLowerCase();
}

/** What `to` lacks of `from`, and what it has beyond. */
export function differences(
  from: readonly Grant[],
  to: readonly Grant[],
): { readonly missing: readonly Grant[]; readonly extra: readonly Grant[] } {
  const [have, want] = [new Set(to.map(keyOf)), new Set(from.map(keyOf))];
  return {
    missing: from.filter((grant) => !have.has(keyOf(grant))),
    // The default schema is one value: a different one is mended by setting it, not by taking it away.
    extra: to.filter((grant) => !want.has(keyOf(grant)) && grant.section !== 'schema'),
  };
}

/** For people: `GRANT SELECT ON SCHEMA::[sales]`, `role db_datareader`. */
export function title(grant: Grant): string {
  switch (grant.section) {
    case 'server-role':
      return `server role ${grant.name}`;
    case 'database-role':
      return `role ${grant.name}`;
    case 'user':
      return 'a user in the database';
    case 'schema':
      return `default schema ${grant.name}`;
    case 'server-permission':
    case 'database-permission':
      return `${grant.state.replaceAll('_', ' ')} ${grant.name}${securable(grant) ?? ` on ${grant.class} ${grant.parts.join('.')}`}`;
  }
}

/** The statement that gives the account this, or undefined where the securable cannot be named from the catalogue. */
export function give(grant: Grant, to: Names): string | undefined {
  const user = identifier(to.user);
  switch (grant.section) {
    case 'server-role':
      return `ALTER SERVER ROLE ${identifier(grant.name)} ADD MEMBER ${identifier(to.login)}`;
    case 'database-role':
      return `ALTER ROLE ${identifier(grant.name)} ADD MEMBER ${user}`;
    case 'user':
      return `CREATE USER ${user} FOR LOGIN ${identifier(to.login)}`;
    case 'schema':
      return `ALTER USER ${user} WITH DEFAULT_SCHEMA = ${identifier(grant.name)}`;
    case 'server-permission':
    case 'database-permission': {
      const on = securable(grant);
      if (on === undefined) return undefined;
      const verb = grant.state === 'DENY' ? 'DENY' : 'GRANT';
      const option = grant.state === 'GRANT_WITH_GRANT_OPTION' ? ' WITH GRANT OPTION' : '';
      return atServer(grant, to, `${verb} ${grant.name}${on} TO ${principal(grant, to)}${option}`);
    }
  }
}

/** The statement that takes it away again. */
export function take(grant: Grant, from: Names): string | undefined {
  switch (grant.section) {
    case 'server-role':
      return `ALTER SERVER ROLE ${identifier(grant.name)} DROP MEMBER ${identifier(from.login)}`;
    case 'database-role':
      return `ALTER ROLE ${identifier(grant.name)} DROP MEMBER ${identifier(from.user)}`;
    case 'user':
      return `DROP USER ${identifier(from.user)}`;
    case 'schema':
      return undefined;
    case 'server-permission':
    case 'database-permission': {
      const on = securable(grant);
      return on === undefined
        ? undefined
        : atServer(grant, from, `REVOKE ${grant.name}${on} FROM ${principal(grant, from)}`);
    }
  }
}

function principal(grant: Grant, names: Names): string {
  return identifier(grant.section === 'server-permission' ? names.login : names.user);
}

/** A server's permission is granted in master only (error 4621). */
function atServer(grant: Grant, { database }: Names, sql: string): string {
  return grant.section === 'server-permission' ? `USE [master]; ${sql}; USE ${identifier(database)}` : sql;
}

function securable({ class: kind, parts }: Grant): string | undefined {
  const [first = '', second = '', column = ''] = parts;
  switch (kind) {
    case 'SERVER':
    case 'DATABASE':
      return '';
    case 'OBJECT_OR_COLUMN':
      if (first === '' || second === '') return undefined;
      return ` ON ${identifier(first)}.${identifier(second)}${column === '' ? '' : ` (${identifier(column)})`}`;
    case 'SCHEMA':
      return ` ON SCHEMA::${identifier(first)}`;
    case 'DATABASE_PRINCIPAL':
      return ` ON USER::${identifier(first)}`;
    case 'SERVER_PRINCIPAL':
      return ` ON LOGIN::${identifier(first)}`;
    default:
      return undefined;
  }
}
