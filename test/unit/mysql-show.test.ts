/** What MariaDB 10.11 prints was taken from one; what MySQL prints, from its manual. */
import { describe, expect, it } from 'vitest';
import { compare } from '../../src/rotators/mysql/grants.ts';
import { describeUser, grantsIn } from '../../src/rotators/mysql/show.ts';

const HASH = '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29';
const NATIVE = 'mysql_native_password';

describe('SHOW CREATE USER', () => {
  it.each([
    [
      'of MariaDB',
      `CREATE USER \`a\`@\`%\` IDENTIFIED BY PASSWORD '${HASH}'`,
      { dialect: 'mariadb', plugin: NATIVE },
      {},
    ],
    [
      'of MariaDB with everything',
      `CREATE USER \`a REQUIRE x\`@\`10.%\` IDENTIFIED BY PASSWORD '${HASH}' REQUIRE CIPHER 'x WITH y' WITH MAX_USER_CONNECTIONS 3 MAX_STATEMENT_TIME 2.000000 ACCOUNT LOCK PASSWORD EXPIRE INTERVAL 5 DAY`,
      { dialect: 'mariadb', plugin: NATIVE },
      {
        REQUIRE: "CIPHER 'x WITH y'",
        MAX_USER_CONNECTIONS: '3',
        MAX_STATEMENT_TIME: '2.000000',
        'PASSWORD EXPIRE': 'INTERVAL 5 DAY',
      },
    ],
    ['of MariaDB without a password', 'CREATE USER `a`@`%`', { dialect: 'mariadb', plugin: NATIVE }, {}],
    [
      'of MariaDB with ed25519, expired',
      "CREATE USER `a`@`%` IDENTIFIED VIA ed25519 USING 'ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY' PASSWORD EXPIRE",
      { dialect: 'mariadb', plugin: 'ed25519' },
      { 'PASSWORD EXPIRE': '' },
    ],
    [
      'of MySQL 5.7',
      `CREATE USER 'a'@'%' IDENTIFIED WITH 'mysql_native_password' AS '${HASH}' REQUIRE SSL PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK`,
      { dialect: 'mysql', plugin: NATIVE },
      { REQUIRE: 'SSL', 'PASSWORD EXPIRE': 'DEFAULT' },
    ],
    [
      'of MySQL 8, whatever bytes are in what it stores',
      "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$\u0001'`\"\\\u007f\nPASSWORD EXPIRE x' DEFAULT ROLE `r`@`%`,`s`@`%` REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 9 PASSWORD EXPIRE NEVER ACCOUNT LOCK PASSWORD HISTORY 5 PASSWORD REUSE INTERVAL 3 DAY PASSWORD REQUIRE CURRENT FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED ATTRIBUTE '{\"comment\": \"REQUIRE SSL\"}'",
      { dialect: 'mysql', plugin: 'caching_sha2_password' },
      {
        'DEFAULT ROLE': '`r`@`%`,`s`@`%`',
        REQUIRE: 'NONE',
        MAX_QUERIES_PER_HOUR: '9',
        'PASSWORD EXPIRE': 'NEVER',
        'PASSWORD HISTORY': '5',
        'PASSWORD REUSE INTERVAL': '3 DAY',
        'PASSWORD REQUIRE CURRENT': '',
        FAILED_LOGIN_ATTEMPTS: '3',
        PASSWORD_LOCK_TIME: 'UNBOUNDED',
      },
    ],
  ])('%s is read', (_, text, authentication, settings) => {
    const found = describeUser(text);
    expect(found.authentication).toEqual(authentication);
    expect(Object.fromEntries(found.settings)).toEqual(settings);
  });

  it.each([
    `CREATE USER \`a\`@\`%\` IDENTIFIED VIA mysql_native_password USING '${HASH}' OR unix_socket`,
    "CREATE USER `a`@`%` IDENTIFIED BY 'x' IN A NEW WAY",
    '',
  ])('that says something else is no way to log in that is known: %s', (text) => {
    expect(describeUser(text).authentication).toBeTypeOf('string');
  });
});

describe('SHOW GRANTS', () => {
  const account = { user: 'a', host: '%' };
  const keys = (...lines: string[]) => grantsIn(lines, account).map(({ key }) => key);

  it('is read privilege by privilege, column by column', () => {
    expect(
      keys(
        `GRANT USAGE ON *.* TO \`a\`@\`%\` IDENTIFIED BY PASSWORD '${HASH}' REQUIRE SSL WITH GRANT OPTION MAX_USER_CONNECTIONS 3`,
        'GRANT SELECT (`x`, `y, z`), CREATE TEMPORARY TABLES ON `d ON e`.`t TO u` TO `a`@`%`',
        'GRANT EXECUTE ON PROCEDURE `d`.`p` TO `a`@`%` WITH GRANT OPTION',
        "GRANT PROXY ON ''@'%' TO 'a'@'%' WITH GRANT OPTION",
        'GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `a`@`%`',
      ),
    ).toEqual([
      'GRANT OPTION ON *.*',
      'SELECT (`x`) ON `d ON e`.`t TO u`',
      'SELECT (`y, z`) ON `d ON e`.`t TO u`',
      'CREATE TEMPORARY TABLES ON `d ON e`.`t TO u`',
      'EXECUTE ON PROCEDURE `d`.`p`',
      'GRANT OPTION ON PROCEDURE `d`.`p`',
      "PROXY ON ''@'%' WITH GRANT OPTION",
      'BACKUP_ADMIN ON *.*',
      'XA_RECOVER_ADMIN ON *.*',
    ]);
  });

  it('is read with roles, default roles and partial revokes', () => {
    expect(
      keys(
        'GRANT `r`@`%`,`s`@`%` TO `a`@`%`',
        'GRANT `t` TO `a`@`%` WITH ADMIN OPTION',
        'SET DEFAULT ROLE `t` FOR `a`@`%`',
        'REVOKE INSERT ON `mysql`.* FROM `a`@`%`',
      ),
    ).toEqual([
      'ROLE `r`@`%`',
      'ROLE `s`@`%`',
      'ROLE `t` WITH ADMIN OPTION',
      'DEFAULT ROLE `t`',
      'NOT INSERT ON `mysql`.*',
    ]);
  });

  it('is not about the account where it is about one of its roles or a namesake', () => {
    expect(
      keys('GRANT SELECT ON `d`.* TO `r`', 'GRANT SELECT ON `d`.* TO `a`@`10.%`', 'GRANT SELECT ON `d`.* TO `A`@`%`'),
    ).toEqual([]);
  });

  it('has the name of an account taken off as it was put on', () => {
    const odd = { user: "o'`b", host: '%' };
    expect(grantsIn(["GRANT SELECT ON `d`.* TO `o'``b`@`%`"], odd)).toHaveLength(1);
  });

  it('keeps what is unknown, to be compared as it is', () => {
    const [grant] = grantsIn(['DENY SELECT ON `d`.* TO `a`@`%`'], account);
    expect(grant).toEqual({ key: 'DENY SELECT ON `d`.*', give: null, take: null });
  });
});

describe('a difference', () => {
  const state = (user: string, created: string, ...grants: string[]) => {
    const account = { user, host: '%' };
    return { account, ...describeUser(`CREATE USER \`${user}\`@\`%\`${created}`), grants: grantsIn(grants, account) };
  };

  it('is mended by statements in an order that works: limits, grants, then default roles', () => {
    const [one, two] = [`IDENTIFIED WITH '${NATIVE}' AS 'x'`, 'PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK'];
    const model = state(
      'a',
      ` ${one} DEFAULT ROLE \`r\`@\`%\` REQUIRE SSL WITH MAX_USER_CONNECTIONS 5 ${two}`,
      'GRANT `r`@`%` TO `a`@`%`',
    );
    const idle = state(
      'b',
      ` ${one} REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 3 ${two}`,
      'GRANT SELECT ON `d`.* TO `b`@`%`',
    );
    expect(compare(model, idle)).toEqual({
      missing: [
        'DEFAULT ROLE `r`@`%`',
        'REQUIRE SSL',
        'MAX_USER_CONNECTIONS 5',
        'MAX_QUERIES_PER_HOUR 0',
        'ROLE `r`@`%`',
      ],
      extra: ['SELECT ON `d`.*'],
      give: [
        'ALTER USER `b`@`%` REQUIRE SSL',
        'ALTER USER `b`@`%` WITH MAX_USER_CONNECTIONS 5',
        'ALTER USER `b`@`%` WITH MAX_QUERIES_PER_HOUR 0',
        'GRANT `r`@`%` TO `b`@`%`',
        'ALTER USER `b`@`%` DEFAULT ROLE `r`@`%`',
      ],
      take: ['REVOKE SELECT ON `d`.* FROM `b`@`%`'],
      unreachable: [],
    });
  });

  it('is none when the one is locked or expired, or leaves out what is usual', () => {
    const model = state('a', ' REQUIRE NONE PASSWORD EXPIRE INTERVAL 90 DAY');
    const idle = state('b', ' ACCOUNT LOCK PASSWORD EXPIRE');
    expect(compare(model, idle)).toMatchObject({ missing: [], extra: [] });
  });

  it('in an unknown kind of grant is left to people', () => {
    const model = state('a', '', 'DENY SELECT ON `d`.* TO `a`@`%`');
    expect(compare(model, state('b', ''))).toMatchObject({ give: [], unreachable: ['DENY SELECT ON `d`.*'] });
  });
});
