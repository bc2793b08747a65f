import type { Access } from '../../azure/access.ts';

/* The administrator is the app's identity where the settings say `"managedIdentity":true`, else the user that they name. */

const needs: Access['needs'] = [
  {
    who: 'the administrator',
    at: 'SQL Server and Managed Instance, in `master`',
    to: 'changes log-ins, compares grants, sees sessions',
    right: '`ALTER ANY LOGIN` and others',
    command: `
GRANT ALTER ANY LOGIN TO [keyturn];
GRANT VIEW ANY DEFINITION TO [keyturn];  -- to compare the grants of both accounts
GRANT VIEW SERVER STATE TO [keyturn];    -- to see who is logged in before the old account is revoked
GRANT ALTER ANY CONNECTION TO [keyturn]; -- only for \`compromised\`, which ends sessions
`.trim(),
    language: 'sql',
  },
  {
    who: 'the administrator',
    at: 'Azure SQL Database, in `master`',
    to: 'changes log-ins',
    right: '`##MS_LoginManager##`',
    command: `
CREATE LOGIN [keyturn-identity] FROM EXTERNAL PROVIDER;
ALTER SERVER ROLE [##MS_LoginManager##] ADD MEMBER [keyturn-identity];
`.trim(),
    language: 'sql',
  },
  {
    who: 'the administrator',
    at: 'Azure SQL Database, in the database',
    to: 'compares grants, sees sessions, changes contained users',
    right: '`VIEW DEFINITION` and others',
    command: `
CREATE USER [keyturn-identity] FROM EXTERNAL PROVIDER;
GRANT VIEW DEFINITION TO [keyturn-identity];
GRANT VIEW DATABASE STATE TO [keyturn-identity];
GRANT ALTER ANY USER TO [keyturn-identity];            -- contained users only
GRANT KILL DATABASE CONNECTION TO [keyturn-identity];  -- only for \`compromised\`
`.trim(),
    language: 'sql',
  },
];

export const ACCESS: readonly Access[] = ['sql-server', 'sql-server-single'].map((of) => ({ of, needs }));
