import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { postgresRotator } from '../../src/rotators/postgres/rotator.ts';
import { translate, type Failing } from '../../src/rotators/postgres/failures.ts';
import { identifier, literal } from '../../src/rotators/postgres/sql.ts';

const rotator = postgresRotator({ administrators: { for: () => Promise.reject(new Error('not asked here')) } });
const SERVER = '/subscriptions/0/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/Orders-PG';
const parse = (providerAddress: string, credentialId = 'app', alternate?: string) =>
  rotator.parseTarget({
    credentialId,
    providerAddress,
    ...(alternate === undefined ? {} : { alternateCredentialId: alternate }),
  });

describe('the address of a PostgreSQL', () => {
  it.each([
    ['db.example.com/orders', 'db.example.com', 5432, 'orders'],
    ['DB.Example.com:6000/Orders', 'db.example.com', 6000, 'Orders'],
    ['db.example.com', 'db.example.com', 5432, 'postgres'],
    ['db.example.com./x', 'db.example.com', 5432, 'x'],
    ['postgres://db.example.com/my%20db', 'db.example.com', 5432, 'my db'],
    ['postgresql://[::1]:5433/x', '::1', 5433, 'x'],
    [SERVER, 'orders-pg.postgres.database.azure.com', 5432, 'postgres'],
    [`${SERVER}/databases/orders`, 'orders-pg.postgres.database.azure.com', 5432, 'orders'],
    [SERVER.toLowerCase(), 'orders-pg.postgres.database.azure.com', 5432, 'postgres'],
  ])('%s is read', (address, host, port, database) => {
    expect(parse(address).config).toEqual({ host, port, database });
  });

  it('names one system whatever its spelling and database', () => {
    const ids = ['Pg.example.com/a', 'pg.example.com:5432/b', 'postgres://pg.example.com./c'].map((a) => parse(a));
    expect(new Set(ids.map((target) => target.id))).toEqual(new Set(['postgres://pg.example.com:5432']));
    expect(ids[0]?.hosts).toEqual(['pg.example.com:5432']);
    expect(parse('pg.example.com:6432/a').hosts).toEqual(['pg.example.com:6432']);
  });

  it.each([
    ['postgres://h/d', true],
    ['POSTGRESQL://h', true],
    [SERVER, true],
    ['x.postgres.database.azure.com/d', true],
    ['h:5432/d', true],
    ['h/d', false],
    ['h:1433/d', false],
    ['mysql://h:5432/d', false],
    ['/subscriptions/0/resourceGroups/g/providers/Microsoft.Sql/servers/s', false],
    ['', false],
  ])('%s is claimed: %s', (address, claimed) => {
    expect(rotator.claims(address)).toBe(claimed);
  });

  it('takes another suffix in a sovereign cloud', () => {
    const china = postgresRotator({
      administrators: { for: () => Promise.reject(new Error('not asked here')) },
      postgresSuffix: '.postgres.database.chinacloudapi.cn',
    });
    expect(china.parseTarget({ credentialId: 'app', providerAddress: SERVER }).hosts).toEqual([
      'orders-pg.postgres.database.chinacloudapi.cn:5432',
    ]);
  });

  it('never repeats an address that may hold a password', () => {
    const error = thrown(() => parse('postgres://app:s3cr3t-canary@h/d'));
    expect(`${error.message}${JSON.stringify(error.problems)}`).not.toContain('s3cr3t');
  });

  it('refuses any text or reads it, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (address, name) => {
        try {
          const target = parse(address, name);
          expect(target.slots).toHaveLength(2);
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
    expect(parse('h/d', 'App B', 'app c').slots).toEqual(['App B', 'app c']);
  });

  it('is described with one line for each remote call, and no value', () => {
    const target = parse('h/d', `o'brien]--"; DROP`);
    expect(rotator.describe(target, 'x"y')).toEqual([
      'log in to h:5432/d as the administrator',
      `read the grants of "o'brien]--""; DROP" and "o'brien]--""; DROP_alt" from the catalogue (one SELECT)`,
      `ALTER ROLE "x""y" LOGIN PASSWORD '<SCRAM-SHA-256 verifier>' VALID UNTIL 'infinity'`,
    ]);
  });
});

describe('quoting', () => {
  it('is what the driver itself would write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(identifier(text)).toBe(pg.escapeIdentifier(text));
        expect(literal(text)).toBe(pg.escapeLiteral(text));
      }),
    );
  });
});

describe('a failure', () => {
  const server = { host: 'h', port: 5432, database: 'd' };
  const login: Failing = { server, user: 'app', as: 'account', mutating: false, applied: false, statement: undefined };
  const alter: Failing = { ...login, as: 'administrator', mutating: true, statement: 'ALTER ROLE' };
  const of = (code: string, message = 'no') => Object.assign(new Error(message), { code });

  it.each([
    ['a refused log-in', of('28P01'), login, 'CREDENTIAL_REJECTED', 'human', 'none'],
    ['a disabled log-in', of('28000'), login, 'CREDENTIAL_REJECTED', 'human', 'none'],
    ['a firewall', of('28000', 'no pg_hba.conf entry for host'), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    [
      'a refused administrator',
      of('28P01'),
      { ...login, as: 'administrator' as const },
      'ACCESS_DENIED',
      'reconfigure',
      'none',
    ],
    ['no right', of('42501'), alter, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['no such database', of('3D000'), login, 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    ['no such role', of('42704'), alter, 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    ['too many connections', of('53300'), login, 'THROTTLED', 'retry', 'none'],
    ['a server that starts', of('57P03'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['a name that does not resolve', of('ENOTFOUND'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['nobody listening', of('ECONNREFUSED'), login, 'UNAVAILABLE', 'retry', 'none'],
    ['a lost answer', of('ECONNRESET'), alter, 'UNAVAILABLE', 'retry', 'unknown'],
    ['a session ended', of('57P01'), alter, 'UNAVAILABLE', 'retry', 'unknown'],
    ['a statement that took too long', of('57014'), alter, 'TIMED_OUT', 'retry', 'unknown'],
    ['no answer', new Error('Query read timeout'), alter, 'TIMED_OUT', 'retry', 'unknown'],
    ['two at the same time', of('XX000', 'tuple concurrently updated'), alter, 'CONFLICT', 'retry', 'none'],
    ['a read replica', of('25006'), alter, 'CONFIG_INVALID', 'reconfigure', 'none'],
    ['a pooler', of('08P01', 'unsupported startup parameter'), login, 'CONFIG_INVALID', 'reconfigure', 'none'],
    ['an unknown authority', of('SELF_SIGNED_CERT_IN_CHAIN'), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['no TLS', new Error('The server does not support SSL connections'), login, 'ACCESS_DENIED', 'reconfigure', 'none'],
    ['a server that proves nothing', new Error('SASL: nonce'), login, 'ACCESS_DENIED', 'human', 'none'],
    ['anything else', of('22012'), alter, 'HUMAN_REQUIRED', 'human', 'none'],
    ['no right to end sessions', of('42501'), { ...alter, applied: true }, 'ACCESS_DENIED', 'reconfigure', 'applied'],
  ])('that is %s comes out with its code, recovery and effect', (_, error, failing, code, recovery, effect) => {
    expect(translate(error, { ...failing })).toMatchObject({ code, recovery, effect, cause: error });
  });

  it('that is a bug is passed on', () => {
    const bug = new TypeError('x is not a function');
    expect(translate(bug, { ...login })).toBe(bug);
  });

  it('of TLS says that nothing is downgraded', () => {
    const error = translate(of('CERT_HAS_EXPIRED'), { ...login }) as RotationError;
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
