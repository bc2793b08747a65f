import type { Access } from '../../azure/access.ts';

/* The administrator is the app's identity where the settings say `"managedIdentity":true`, else the user that they name. */

const needs: Access['needs'] = [
  {
    who: 'the administrator',
    at: 'the server',
    to: 'changes accounts, reads their grants, sees sessions',
    right: '`CREATE USER`, `PROCESS`, `SELECT` on `mysql`',
    command: `
CREATE USER 'keyturn'@'%' IDENTIFIED BY '…' REQUIRE SSL;
GRANT CREATE USER, PROCESS ON *.* TO 'keyturn'@'%';     -- to change accounts; to see who is logged in
GRANT SELECT ON mysql.* TO 'keyturn'@'%';               -- to read the accounts and their grants
GRANT CONNECTION_ADMIN ON *.* TO 'keyturn'@'%';         -- MySQL: only for rotations with reason compromised
GRANT CONNECTION ADMIN ON *.* TO 'keyturn'@'%';         -- MariaDB: the same
`.trim(),
    language: 'sql',
  },
  {
    who: 'the administrator',
    at: 'Azure Database for MySQL',
    to: 'logs in by Entra; this is the first line instead',
    right: 'an Entra user',
    command: `
CREATE AADUSER 'keyturn' IDENTIFIED BY '<client id of the identity>';
`.trim(),
    language: 'sql',
  },
];

export const ACCESS: readonly Access[] = ['mysql', 'mysql-single'].map((of) => ({ of, needs }));
