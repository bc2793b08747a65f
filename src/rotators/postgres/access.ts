import type { Access } from '../../azure/access.ts';

/* The administrator is the app's identity where the settings say `"managedIdentity":true`, else the user that they name. */

const needs: Access['needs'] = [
  {
    who: 'the administrator',
    at: 'Azure Database for PostgreSQL',
    to: 'changes roles, as an administrator by Entra',
    right: 'an Entra administrator',
    command: `
SELECT * FROM pgaadauth_create_principal('<name of the identity>', true, false);
`.trim(),
    language: 'sql',
  },
  {
    who: 'the administrator',
    at: 'any other server',
    to: 'changes the roles of the pair, sees sessions',
    right: '`CREATEROLE`, admin option on the pair',
    command: `
CREATE ROLE keyturn LOGIN CREATEROLE PASSWORD '…';
GRANT app, app_alt TO keyturn WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
GRANT pg_read_all_stats TO keyturn;   -- optional: shows from where old sessions come
GRANT pg_signal_backend TO keyturn;   -- only for rotations with reason compromised
`.trim(),
    language: 'sql',
  },
];

export const ACCESS: readonly Access[] = ['postgres', 'postgres-single'].map((of) => ({ of, needs }));
