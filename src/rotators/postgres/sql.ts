/** An identifier as `quote_ident` writes it, whatever is in it. Names are checked for length and NUL in config.ts. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant; backslashes need the E form, as in `quote_literal`. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** LOGIN undoes what a revoke with `disableOnRevoke` did; `infinity` clears an end that somebody set (facts D2). */
export function alterPassword(role: string, verifier: string): string {
  return `ALTER ROLE ${identifier(role)} LOGIN PASSWORD ${literal(verifier)} VALID UNTIL 'infinity'`;
}

export function takeOutOfUse(role: string, verifier: string, disable: boolean): string {
  return `ALTER ROLE ${identifier(role)}${disable ? ' NOLOGIN' : ''} PASSWORD ${literal(verifier)}`;
}

export const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
  WHERE usename = $1 AND pid <> pg_backend_pid()`;

/** Users and process ids are shown to everybody; the rest of a row needs pg_read_all_stats, or is null. */
export const ACCOUNTS_AND_SESSIONS = `SELECT r.rolname AS name, r.rolvaliduntil AS "notAfter",
    r.rolvaliduntil = 'infinity' AS endless, coalesce(s.sessions, '[]') AS sessions
  FROM pg_catalog.pg_roles r LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('pid', a.pid, 'application', a.application_name, 'address', a.client_addr,
      'since', a.backend_start, 'state', a.state) ORDER BY a.pid) AS sessions
    FROM pg_catalog.pg_stat_activity a WHERE a.usename = r.rolname AND a.pid <> pg_backend_pid()) s ON true
  WHERE r.rolname = ANY($1::text[])`;

/**
 * The objects on which one of the pair has grants of its own, found through the index on pg_shdepend, so that a database
 * of a hundred thousand tables costs no more than a small one: each with its ACL, its place in a GRANT and its owner.
 */
const ACLS = `
    SELECT d.datacl AS acl, 'DATABASE ' || quote_ident(d.datname) AS place, d.datdba AS owner, '' AS part
      FROM dep JOIN pg_database d ON dep.classid = 'pg_database'::regclass AND d.oid = dep.objid
    UNION ALL SELECT n.nspacl, 'SCHEMA ' || quote_ident(n.nspname), n.nspowner, ''
      FROM dep JOIN pg_namespace n ON dep.classid = 'pg_namespace'::regclass AND n.oid = dep.objid
    UNION ALL SELECT coalesce(t.attacl, c.relacl), CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
        || format('%I.%I', n.nspname, c.relname), c.relowner, CASE WHEN t.attname IS NULL THEN '' ELSE format(' (%I)', t.attname) END
      FROM dep JOIN pg_class c ON dep.classid = 'pg_class'::regclass AND c.oid = dep.objid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute t ON dep.objsubid > 0 AND t.attrelid = c.oid AND t.attnum = dep.objsubid
    UNION ALL SELECT p.proacl, format('ROUTINE %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
        p.proowner, '' FROM dep JOIN pg_proc p ON dep.classid = 'pg_proc'::regclass AND p.oid = dep.objid
      JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL SELECT t.typacl, format('TYPE %I.%I', n.nspname, t.typname), t.typowner, ''
      FROM dep JOIN pg_type t ON dep.classid = 'pg_type'::regclass AND t.oid = dep.objid
      JOIN pg_namespace n ON n.oid = t.typnamespace`;

/** What is read in detail, in this database; grants on anything else are compared as a whole. */
const COVERED = `'{pg_database,pg_namespace,pg_class,pg_proc,pg_type,pg_default_acl}'::regclass[]::oid[]`;

/**
 * Everything about a pair of accounts ($1, an array of names) in one statement: whether they exist, what the one who
 * asks may do to them, and what each of them was granted. One row of `grants` is one thing that an account has: `key`
 * compares, `shown` is for people, `give` and `take` are statements with the account to be put in the middle.
 */
export const PAIR = `WITH
  account AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = ANY($1::text[])),
  shared AS MATERIALIZED (
    SELECT s.*, d.datname FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid IN (SELECT oid FROM account)),
  dep AS MATERIALIZED (
    SELECT DISTINCT classid, objid, objsubid FROM shared
    WHERE deptype = 'a' AND (dbid = 0 OR datname = current_database())),
  direct AS (
    SELECT a.grantee, a.privilege_type || x.part || ' ON ' || x.place AS what, bool_or(a.is_grantable) AS grantable
    FROM (${ACLS}) x, aclexplode(x.acl) a WHERE a.grantee IN (SELECT oid FROM account) AND a.grantee <> x.owner GROUP BY 1, 2),
  defaults AS (
    SELECT a.grantee, a.is_grantable AS grantable, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s ', o.rolname,
        coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '')) AS prefix, a.privilege_type || ' ON ' || CASE d.defaclobjtype
        WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
        WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what
    FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace,
      aclexplode(d.defaclacl) a WHERE a.grantee IN (SELECT oid FROM account) AND a.grantee <> d.defaclrole),
  member AS (
    SELECT m.member, g.rolname, bool_or(m.admin_option) AS admin, bool_or((to_jsonb(m) ->> 'inherit_option')::boolean) AS inherit,
      bool_or((to_jsonb(m) ->> 'set_option')::boolean) AS set
    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    WHERE m.member IN (SELECT oid FROM account) AND m.roleid NOT IN (SELECT oid FROM account) GROUP BY 1, 2),
  setting AS (
    SELECT s.setrole, coalesce(' IN DATABASE ' || quote_ident(d.datname), '') AS place, split_part(c, '=', 1) AS name,
      substr(c, strpos(c, '=') + 1) AS value
    FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
    WHERE s.setrole IN (SELECT oid FROM account)),
  elsewhere AS (
    SELECT refobjid, coalesce(datname, '(all databases)') AS place, count(*) AS n,
      md5(string_agg(concat_ws('/', classid, objid, objsubid), ',' ORDER BY classid, objid, objsubid)) AS print
    FROM shared WHERE deptype = 'a'
      AND NOT ((dbid = 0 OR datname = current_database()) AND classid = ANY (${COVERED})) GROUP BY 1, 2),
  granted (id, key, give, take) AS (
    SELECT grantee, what, ARRAY['GRANT ' || what || ' TO ', ''], ARRAY['REVOKE ' || what || ' FROM ', ''] FROM direct
    UNION ALL SELECT grantee, 'GRANT OPTION FOR ' || what, ARRAY['GRANT ' || what || ' TO ', ' WITH GRANT OPTION'],
      ARRAY['REVOKE GRANT OPTION FOR ' || what || ' FROM ', ''] FROM direct WHERE grantable
    UNION ALL SELECT grantee, prefix || what, ARRAY[prefix || 'GRANT ' || what || ' TO ', CASE WHEN grantable THEN ' WITH GRANT OPTION' ELSE '' END],
      ARRAY[prefix || 'REVOKE ' || what || ' FROM ', ''] FROM defaults
    UNION ALL SELECT member, concat_ws(' ', 'MEMBER OF', quote_ident(rolname), admin, inherit, set),
      ARRAY[format('GRANT %I TO ', rolname), CASE WHEN inherit IS NULL THEN CASE WHEN admin THEN ' WITH ADMIN OPTION' ELSE '' END
        ELSE format(' WITH ADMIN %s, INHERIT %s, SET %s', upper(admin::text), upper(inherit::text), upper(set::text)) END],
      ARRAY[format('REVOKE %I FROM ', rolname), ''] FROM member
    UNION ALL SELECT setrole, 'SETTING' || place || ' ' || name || '=' || value, ARRAY['ALTER ROLE ', format('%s SET %I TO %s', place, name,
        CASE WHEN name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') AND value <> ''
          THEN value ELSE quote_literal(value) END)], ARRAY['ALTER ROLE ', format('%s RESET %I', place, name)] FROM setting
    UNION ALL SELECT oid, what, ARRAY['ALTER ROLE ', ' ' || what], NULL FROM account, LATERAL (VALUES
        (CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END), (CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END),
        (CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END), (CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END),
        (CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END), (CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END),
        ('CONNECTION LIMIT ' || rolconnlimit)) v (what)
    UNION ALL SELECT a.oid, format('POLICY %I ON %s', p.polname, p.polrelid::regclass), ARRAY[format('ALTER POLICY %I ON %s TO %s, ', p.polname,
        p.polrelid::regclass, (SELECT string_agg(quote_ident(r.rolname), ', ') FROM pg_roles r WHERE r.oid = ANY (p.polroles))), ''], NULL
      FROM pg_policy p JOIN account a ON a.oid = ANY (p.polroles)
    UNION ALL SELECT a.oid, 'OWNER OF OBJECTS', ARRAY[format('GRANT %I TO ', a.rolname), ''], NULL FROM account a
      WHERE EXISTS (SELECT FROM shared s WHERE s.refobjid = a.oid AND s.deptype = 'o')
        AND EXISTS (SELECT FROM account o WHERE o.oid <> a.oid AND NOT pg_has_role(o.oid, a.oid, 'USAGE'))
    UNION ALL SELECT refobjid, format('%s GRANTS IN DATABASE %I (%s)', n, place, left(print, 8)), NULL, NULL FROM elsewhere)
  SELECT current_setting('server_version_num')::int AS version, current_user AS me,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
    (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user) AS "createRole",
    EXISTS (SELECT FROM pg_roles z WHERE z.rolname = 'azure_pg_admin' AND pg_has_role(z.oid, 'MEMBER')) AS azure,
    (SELECT json_agg(json_build_object('name', a.rolname, 'admin', pg_has_role(a.oid, 'MEMBER WITH ADMIN OPTION'),
      'grants', (SELECT coalesce(json_agg(json_build_object('key', g.key, 'give', g.give, 'take', g.take) ORDER BY g.key COLLATE "C"), '[]')
        FROM granted g WHERE g.id = a.oid))) FROM account a) AS accounts`;
