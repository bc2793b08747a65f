/** The accounts of the sandbox's MariaDB, as an application team and its administrators would have made them. */

export function name(user: string): string {
  return `${quoted(user)}@'%'`;
}

function quoted(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}

/** A string constant; the names of this sandbox's accounts hold no backslash that would mean something else. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The database, and the two administrators with the rights that the README of the rotator asks for. */
export function prepare(database: string, admin: string, adminHash: string, entraAdmin: string): readonly string[] {
  const db = quoted(database);
  return [
    `CREATE DATABASE ${db}`,
    `CREATE ROLE app_rw`,
    `GRANT SELECT, INSERT ON ${db}.* TO app_rw`,
    `CREATE USER ${name(admin)} IDENTIFIED BY PASSWORD ${literal(adminHash)}`,
    // Nobody knows a token yet.
    `CREATE USER ${name(entraAdmin)} IDENTIFIED BY PASSWORD '*${'0'.repeat(40)}'`,
    ...[admin, entraAdmin].map(name).flatMap((account) => [
      `GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO ${account}`,
      `GRANT SELECT, UPDATE ON mysql.* TO ${account}`,
      // For bootstrap: what the accounts of a pair have, to be passed on.
      `GRANT ALL PRIVILEGES ON \`app%\`.* TO ${account} WITH GRANT OPTION`,
      `GRANT app_rw TO ${account} WITH ADMIN OPTION`,
    ]),
  ];
}

type Login = readonly [user: string, hash: string];

/** Grants of every kind: a role, a whole database, a table, columns, a routine, the right to pass on, limits. */
export function accountsOf(database: string, first: Login, second: Login): readonly string[] {
  const db = quoted(database);
  const table = `${db}.${quoted(`orders of ${first[0]}`.slice(0, 60).trim())}`;
  return [
    `CREATE TABLE ${table} (id bigint AUTO_INCREMENT PRIMARY KEY, what text, card text)`,
    ...[first, second].flatMap(([user, hash]) => {
      const account = name(user);
      return [
        `CREATE USER ${account} IDENTIFIED BY PASSWORD ${literal(hash)} WITH MAX_USER_CONNECTIONS 200`,
        `GRANT app_rw TO ${account}`,
        `SET DEFAULT ROLE app_rw FOR ${account}`,
        `GRANT EXECUTE ON ${db}.* TO ${account}`,
        `GRANT DELETE, UPDATE (what), SELECT (what, id) ON ${table} TO ${account}`,
      ];
    }),
  ];
}
