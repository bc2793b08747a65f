import fc from 'fast-check';
import { escape, escapeId } from 'mysql2';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { cleaned, MysqlFailure } from '../../src/rotators/mysql/driver-error.ts';
import { translate, type Failing } from '../../src/rotators/mysql/failures.ts';
import { identifiedBy, isSupported, nativeHash, nobodyKnows } from '../../src/rotators/mysql/password.ts';
import { mysqlRotator } from '../../src/rotators/mysql/rotator.ts';
import { identifier, literal } from '../../src/rotators/mysql/sql.ts';

const unasked = { for: () => Promise.reject(new Error('not asked here')) };
const rotator = mysqlRotator({ administrators: unasked });
const SERVER = '/subscriptions/0/resourceGroups/g/providers/Microsoft.DBforMySQL/flexibleServers/Orders-DB';
const HASH = '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29';
const parse = (providerAddress: string, credentialId = 'app', alternate?: string) =>
  rotator.parseTarget({
    credentialId,
    providerAddress,
    ...(alternate === undefined ? {} : { alternateCredentialId: alternate }),
  });

describe('the address of a MySQL', () => {
  it.each([
    ['db.example.com/orders', 'db.example.com', 3306, 'orders', '%'],
    ['DB.Example.com:6000/Orders', 'db.example.com', 6000, 'Orders', '%'],
    ['db.example.com', 'db.example.com', 3306, undefined, '%'],
    ['mysql://db.example.com./my%20db', 'db.example.com', 3306, 'my db', '%'],
    ['mariadb://[::1]:3307/x?accountHost=10.0.%25', '::1', 3307, 'x', '10.0.%'],
    ['h/d?accountHost=10.0.0.0/255.255.255.0', 'h', 3306, 'd', '10.0.0.0/255.255.255.0'],
    ['h?AccountHost=LocalHost', 'h', 3306, undefined, 'localhost'],
    [SERVER, 'orders-db.mysql.database.azure.com', 3306, undefined, '%'],
    [
      `${SERVER.toLowerCase()}/databases/orders?accountHost=%`,
      'orders-db.mysql.database.azure.com',
      3306,
      'orders',
      '%',
    ],
  ])('%s is read', (address, host, port, database, accountHost) => {
    expect(parse(address).config).toEqual({ host, port, database, accountHost });
  });

  it('names one system whatever its spelling and database, and another one for other accounts', () => {
    const ids = [
      'My.example.com/a',
      'my.example.com:3306/b',
      'mariadb://my.example.com.',
      'my.example.com?accountHost=%',
    ];
    expect(new Set(ids.map((address) => parse(address).id))).toEqual(new Set(['mysql://my.example.com:3306']));
    expect(parse('my.example.com?accountHost=10.%').id).toBe('mysql://my.example.com:3306?accountHost=10.%');
    expect(parse('my.example.com?accountHost=10.%').hosts).toEqual(['my.example.com:3306']);
  });

  it.each([
    ['mysql://h/d', true],
    ['MariaDB://h', true],
    [SERVER, true],
    [`${SERVER}?accountHost=10.%`, true],
    ['x.mysql.database.azure.com/d', true],
    ['h:3306/d?accountHost=10.%', true],
    ['h/d', false],
    ['h:5432/d', false],
    ['postgres://h:3306/d', false],
    ['/subscriptions/0/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/s', false],
    ['', false],
  ])('%s is claimed: %s', (address, claimed) => {
    expect(rotator.claims(address)).toBe(claimed);
  });

  it('takes another suffix in a sovereign cloud', () => {
    const china = mysqlRotator({ administrators: unasked, mysqlSuffix: '.mysql.database.chinacloudapi.cn' });
    expect(china.parseTarget({ credentialId: 'app', providerAddress: SERVER }).hosts).toEqual([
      'orders-db.mysql.database.chinacloudapi.cn:3306',
    ]);
  });

  it('never repeats an address that may hold a password', () => {
    for (const address of ['mysql://app:s3cr3t-canary@h/d', 'h/d?password=s3cr3t-canary']) {
      const error = thrown(() => parse(address));
      expect(`${error.message}${JSON.stringify(error.problems)}`).not.toContain('s3cr3t');
    }
  });

  it('refuses any text or reads it, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (address, name) => {
        try {
          expect(parse(address, name).slots).toHaveLength(2);
        } catch (error) {
          if (!(error instanceof RotationError) || error.code !== 'CONFIG_INVALID') throw error;
        }
      }),
    );
  });
});

describe('the pair', () => {
  it('is the account and its _alt, in both directions, unless a tag names the other one', () => {
    expect(parse('h/d', 'app').slots).toEqual(['app', 'app_alt']);
    expect(parse('h/d', 'app_alt')).toMatchObject({ slots: ['app_alt', 'app'], current: 'app_alt' });
    expect(parse('h/d', '_alt').slots).toEqual(['_alt', '_alt_alt']);
    expect(parse('h/d', 'APP_ALT').slots, 'case matters').toEqual(['APP_ALT', 'APP_ALT_alt']);
    expect(parse('h/d', 'App B', 'app@c').slots).toEqual(['App B', 'app@c']);
  });

  it('is described with one line for each kind of call, and no value', () => {
    expect(rotator.describe(parse('h/d?accountHost=10.%', 'o`brien'), 'x`y')).toEqual([
      'log in to h:3306 as the administrator',
      'compare SHOW CREATE USER and SHOW GRANTS of `o``brien`@`10.%` and `o``brien_alt`@`10.%`',
      'ALTER USER `x``y`@`10.%` IDENTIFIED … ACCOUNT UNLOCK, with the hash of the new password where the account takes one',
      'ALTER USER `x``y`@`10.%` DISCARD OLD PASSWORD, where the server knows a second password',
    ]);
  });
});

describe('quoting', () => {
  it('of an identifier is what the driver itself would write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(identifier(text)).toBe(escapeId(text, true));
      }),
    );
  });

  it('of a string doubles the quote and leaves the backslash, which is what the session is told to expect', () => {
    expect(literal(`a'b\\'c"`)).toBe(`'a''b\\''c"'`);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const plain = !/['\\"\0\b\n\r\t\x1a]/.test(text);
        if (plain) expect(literal(text)).toBe(escape(text));
        expect(literal(text).slice(1, -1).replaceAll("''", "'")).toBe(text);
      }),
    );
  });
});

describe('a password', () => {
  it('is hashed as PASSWORD() does it', () => {
    expect(nativeHash(new SecretValue('test'))).toBe(HASH);
  });

  it('that nobody knows is another one each time, and pleases a policy', () => {
    const all = Array.from({ length: 50 }, () => nobodyKnows().reveal());
    expect(new Set(all).size).toBe(50);
    for (const one of all) expect(one).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[-_])[\w-]{40}$/);
  });

  it.each([
    ['mariadb', 'mysql_native_password', `IDENTIFIED BY PASSWORD '${HASH}'`],
    ['mysql', 'mysql_native_password', `IDENTIFIED WITH 'mysql_native_password' AS '${HASH}'`],
    ['mysql', 'caching_sha2_password', `IDENTIFIED WITH 'caching_sha2_password' BY 'test'`],
  ] as const)('on %s with %s is set with %s', (dialect, plugin, clause) => {
    expect(identifiedBy({ dialect, plugin }, new SecretValue('test'))).toBe(clause);
  });

  it.each([
    ['mariadb', 'ed25519'],
    ['mariadb', 'caching_sha2_password'],
    ['mysql', 'auth_socket'],
    ['mysql', 'aad_auth'],
  ] as const)('on %s cannot be set for %s', (dialect, plugin) => {
    expect(isSupported({ dialect, plugin })).toBe(false);
    expect(() => identifiedBy({ dialect, plugin }, new SecretValue('test'))).toThrow(TypeError);
  });
});

describe('a failure', () => {
  const server = { host: 'h', port: 3306, database: 'd', accountHost: '%' };
  const login: Failing = { server, user: 'app', as: 'account', mutating: false, applied: false, statement: undefined };
  const adminLogin: Failing = { ...login, as: 'administrator' };
  const alter: Failing = { ...adminLogin, mutating: true, statement: 'ALTER USER' };
  const ending: Failing = { ...alter, applied: true, statement: 'ending the sessions of app' };
  const no = (number: number, message = 'no') => new MysqlFailure(message, 'ER_X', number);
  const driver = (code: string, message = 'no') => new MysqlFailure(message, code, 0);

  it.each([
    ['a refused log-in', no(1045), login, 'CREDENTIAL_REJECTED', 'human', 'none'],
    ['an expired password', no(1862), login, 'CREDENTIAL_REJECTED', 'human', 'none'],
    ['a locked account', no(4151), login, 'CREDENTIAL_REJECTED', 'human', 'none'],
    [
      'an account that may do nothing',
      no(1820),
      { ...login, statement: 'SELECT 1' },
      'CREDENTIAL_REJECTED',
      'human',
      'none',
    ],
    ['a refused administrator', no(1045), adminLogin, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['an address that is not let in', no(1130), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['a database that is closed', no(1044), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['no right', no(1227), alter, 'ACCESS_DENIED', 'reconfigure', 'none'],
    [
      'no right to grant',
      no(1045),
      { ...alter, statement: 'GRANT SELECT ON d TO a' },
      'ACCESS_DENIED',
      'reconfigure',
      'none',
    ],
    ['no right to end sessions', no(1095), ending, 'ACCESS_DENIED', 'reconfigure', 'applied'],
    ['no such database', no(1049), login, 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    ['no such account', no(1396), alter, 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    ['too many connections', no(1040), login, 'THROTTLED', 'retry', 'none'],
    ['a limit of the account', no(1226), login, 'THROTTLED', 'retry', 'none'],
    ['a lock that did not come', no(1205), alter, 'TIMED_OUT', 'retry', 'none'],
    ['a deadlock', no(1213), alter, 'CONFLICT', 'retry', 'none'],
    ['a replica', no(1290, '--read-only'), alter, 'CONFIG_INVALID', 'reconfigure', 'none'],
    ['a check of passwords', no(1290, '--strict-password-validation'), alter, 'HUMAN_REQUIRED', 'human', 'none'],
    ['a policy', no(1819), alter, 'CONFIG_INVALID', 'reconfigure', 'none'],
    ['a server that stops', no(1053), alter, 'UNAVAILABLE', 'retry', 'unknown'],
    ['a session that was ended', no(1927), alter, 'UNAVAILABLE', 'retry', 'unknown'],
    ['anything else of the server', no(1105), alter, 'HUMAN_REQUIRED', 'human', 'none'],
    ['a name that does not resolve', driver('ENOTFOUND'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['nobody listening', driver('ECONNREFUSED'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['a lost answer', driver('PROTOCOL_CONNECTION_LOST'), alter, 'UNAVAILABLE', 'retry', 'unknown'],
    ['no answer', driver('PROTOCOL_SEQUENCE_TIMEOUT'), alter, 'TIMED_OUT', 'retry', 'unknown'],
    ['no connection in time', driver('ETIMEDOUT'), login, 'TIMED_OUT', 'retry', 'none'],
    [
      'an unknown authority',
      driver('HANDSHAKE_SSL_ERROR', 'self-signed'),
      login,
      'ACCESS_DENIED',
      'reconfigure',
      'none',
    ],
    ['a handshake cut short', driver('HANDSHAKE_SSL_ERROR', 'read ECONNRESET'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['no TLS', driver('HANDSHAKE_NO_SSL_SUPPORT'), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['another kind of log-in', driver('AUTH_SWITCH_PLUGIN_ERROR'), login, 'ACCESS_DENIED', 'human', 'none'],
  ])('that is %s comes out with its code, recovery and effect', (_, error, failing, code, recovery, effect) => {
    expect(translate(error, { ...failing })).toMatchObject({ code, recovery, effect, cause: error });
  });

  it('that is a bug is passed on', () => {
    const bug = new TypeError('x is not a function');
    expect(translate(cleaned(bug), { ...login })).toBe(bug);
  });

  it('does not carry the statement of the driver, nor the text that a syntax error repeats', () => {
    const raw = Object.assign(new Error("near 's3cr3t'"), {
      code: 'ER_PARSE_ERROR',
      errno: 1064,
      sqlState: '42000',
      sql: "ALTER USER … BY 's3cr3t'",
    });
    const error = cleaned(raw) as MysqlFailure;
    expect(error).toBeInstanceOf(MysqlFailure);
    expect(error.number).toBe(1064);
    expect(JSON.stringify(error) + error.message + (error.stack ?? '')).not.toContain('s3cr3t');
  });

  it('does not take the number of a network error for one of the server', () => {
    const raw = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104 });
    expect(cleaned(raw)).toMatchObject({ number: 0, code: 'ECONNRESET' });
  });

  it('of TLS says that nothing is downgraded', () => {
    const error = translate(driver('HANDSHAKE_SSL_ERROR', 'certificate has expired'), { ...login }) as RotationError;
    expect(error.message).toContain('never downgraded');
    expect(error.remedy).toContain('NODE_EXTRA_CA_CERTS');
  });
});

function thrown(attempt: () => unknown): RotationError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}
