import { randomBytes } from 'node:crypto';
import type { Edition } from './editions.ts';

/** The accounts of the sandbox's server, as an application team and its administrators would have made them. */

export function name(user: string): string {
  return `${quoted(user)}@'%'`;
}

function quoted(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}

/** The database, and the two administrators with the rights that the README of the rotator asks for. */
export function prepare(
  { identified, mayKill }: Edition,
  database: string,
  admin: string,
  password: string,
  entraAdmin: string,
): readonly string[] {
  const db = quoted(database);
  return [
    `CREATE DATABASE ${db}`,
    `CREATE ROLE app_rw`,
    `GRANT SELECT, INSERT ON ${db}.* TO app_rw`,
    `CREATE USER ${name(admin)} ${identified(password)}`,
    // Nobody knows a token yet.
    `CREATE USER ${name(entraAdmin)} ${identified(randomBytes(24).toString('base64url'))}`,
    ...[admin, entraAdmin].map(name).flatMap((account) => [
      `GRANT CREATE USER, PROCESS ON *.* TO ${account}`,
      `GRANT ${mayKill} ON *.* TO ${account}`,
      `GRANT SELECT, UPDATE ON mysql.* TO ${account}`,
      // For bootstrap: what the accounts of a pair have, to be passed on.
      `GRANT ALL PRIVILEGES ON \`app%\`.* TO ${account} WITH GRANT OPTION`,
      `GRANT app_rw TO ${account} WITH ADMIN OPTION`,
    ]),
  ];
}

type Login = readonly [user: string, identified: string];

/** Grants of every kind: a role, a whole database, a table, columns, a routine, the right to pass on, limits. */
export function accountsOf({ defaultRole }: Edition, database: string, first: Login, second: Login): readonly string[] {
  const db = quoted(database);
  const table = `${db}.${quoted(`orders of ${first[0]}`.slice(0, 60).trim())}`;
  return [
    `CREATE TABLE ${table} (id bigint AUTO_INCREMENT PRIMARY KEY, what text, card text)`,
    ...[first, second].flatMap(([user, identified]) => {
      const account = name(user);
      return [
        `CREATE USER ${account} ${identified} WITH MAX_USER_CONNECTIONS 200`,
        `GRANT app_rw TO ${account}`,
        defaultRole(account),
        `GRANT EXECUTE ON ${db}.* TO ${account}`,
        `GRANT DELETE, UPDATE (what), SELECT (what, id) ON ${table} TO ${account}`,
      ];
    }),
  ];
}
