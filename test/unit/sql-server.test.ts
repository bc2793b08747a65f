import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SqlFailure, type Phase } from '../../src/rotators/sql-server/client.ts';
import { claimsAddress, parseTarget, readCloud } from '../../src/rotators/sql-server/config.ts';
import { translate, type Speaker } from '../../src/rotators/sql-server/failures.ts';
import { differences, give, take, type Grant } from '../../src/rotators/sql-server/grants.ts';
import { grantsQuery, identifier, literal, sessionsQuery, setPassword } from '../../src/rotators/sql-server/sql.ts';
import { tokenize } from '../../sandbox/tds/lexer.ts';
import { parse } from '../../sandbox/tds/statements.ts';

const SUFFIX = readCloud('.database.windows.net');
const SERVER = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/Contoso';
const target = (providerAddress: string, credentialId = 'app', alternateCredentialId = 'app2') =>
  parseTarget({ credentialId, alternateCredentialId, providerAddress }, SUFFIX);

describe('addresses', () => {
  it.each([
    [`${SERVER}/databases/Orders`, 'contoso.database.windows.net:1433', 'Orders'],
    [SERVER, 'contoso.database.windows.net:1433', 'master'],
    [`${SERVER.toLowerCase()}/`, 'contoso.database.windows.net:1433', 'master'],
    ['SQL.example.com/db', 'sql.example.com:1433', 'db'],
    ['sql.example.com,14330/db', 'sql.example.com:14330', 'db'],
    ['sql.example.com:14330/my db', 'sql.example.com:14330', 'my db'],
    ['sqlserver://sql/db', 'sql:1433', 'db'],
    ['mssql://sql:1/db', 'sql:1', 'db'],
  ])('reads %s', (address, host, database) => {
    const found = target(address);
    expect(found.hosts).toEqual([host]);
    expect(found.config.database).toBe(database);
    expect(found.id).toBe(`sql-server://${host}`);
  });

  it('gives a login of one server one id whatever the database, and a contained user one of its own', () => {
    expect(target('sql/a').id).toBe(target('mssql://SQL,1433/b').id);
    expect(target('sql/a?contained=true').id).not.toBe(target('sql/b?contained=true').id);
  });

  it.each([
    'sql.example.com',
    'sql\\INSTANCE/db',
    'sql:0/db',
    'sql:99999/db',
    '/subscriptions/s',
    'a/b/c',
    '',
    'https://kv/x',
  ])('refuses %j', (address) => {
    expect(() => target(address)).toThrow(/tags\.ProviderAddress/);
  });

  it.each([
    [SERVER, true],
    [SERVER.replace('servers', 'managedInstances'), true],
    ['sqlserver://anything/db', true],
    ['contoso.database.windows.net/db', true],
    ['host,1433/db', true],
    ['host,5432/db', false],
    ['host/db', false],
    ['/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a', false],
  ])('claims %s: %s', (address, claims) => {
    expect(claimsAddress(address, SUFFIX)).toBe(claims);
  });
});

describe('accounts', () => {
  it.each([
    ['app', 'app_alt'],
    ['app_alt', 'app'],
    ['App_ALT', 'App'],
    ['_alt', '_alt_alt'],
  ])('pairs %s with %s by convention', (name, alternate) => {
    const input = { providerAddress: 'sql/db', credentialId: name };
    expect(parseTarget(input, SUFFIX).slots).toEqual([name, alternate]);
  });

  it('keeps the spelling of names, which readers log in with', () => {
    expect(target('sql/db', 'App_A', 'app_B')).toMatchObject({ slots: ['App_A', 'app_B'], current: 'App_A' });
  });
});

describe('quoting', () => {
  const name = fc.string({ minLength: 1, maxLength: 128, unit: 'binary' });

  it('is one identifier and one string to a reader of T-SQL, whatever is in them', () => {
    fc.assert(
      fc.property(name, fc.string({ unit: 'binary' }), (account, password) => {
        const sql = setPassword('login', account, password);
        expect(parse(sql)).toEqual([{ kind: 'alter-login', name: account, options: { PASSWORD: password } }]);
        expect(tokenize(identifier(account))).toHaveLength(2);
        expect(tokenize(literal(password))).toHaveLength(2);
      }),
    );
  });

  it.each(['box', 'azure', 'azure-master'] as const)('puts no name into the SELECTs of %s', (form) => {
    for (const sql of [grantsQuery(form), sessionsQuery(form)]) {
      expect(parse(sql)).toHaveLength(1);
      expect(sql).toMatch(/IN \(@a, @b\)/);
    }
    expect(grantsQuery(form).includes('sys.server_')).toBe(form === 'box');
  });
});

describe('grants', () => {
  const plain = { state: '', class: '', parts: [] };
  const permission = (section: Grant['section'], name: string, more: Partial<Grant> = {}): Grant => ({
    section,
    name,
    ...plain,
    state: 'GRANT',
    ...more,
  });
  const to = { login: 'b]', user: 'ub', database: 'db' };

  it('differ in what is missing and in what is too much', () => {
    const [reader, writer] = [permission('database-role', 'r'), permission('database-role', 'w')];
    expect(differences([reader], [writer])).toEqual({ missing: [reader], extra: [writer] });
    expect(differences([reader, writer], [writer, reader])).toEqual({ missing: [], extra: [] });
  });

  it.each([
    [
      { section: 'server-role', name: 'dbcreator', ...plain },
      'ALTER SERVER ROLE [dbcreator] ADD MEMBER [b]]]',
      'ALTER SERVER ROLE [dbcreator] DROP MEMBER [b]]]',
    ],
    [{ section: 'user', name: '', ...plain }, 'CREATE USER [ub] FOR LOGIN [b]]]', 'DROP USER [ub]'],
    [{ section: 'schema', name: 's', ...plain }, 'ALTER USER [ub] WITH DEFAULT_SCHEMA = [s]', undefined],
    [
      permission('database-permission', 'SELECT', { class: 'OBJECT_OR_COLUMN', parts: ['s', 't', 'c'] }),
      'GRANT SELECT ON [s].[t] ([c]) TO [ub]',
      'REVOKE SELECT ON [s].[t] ([c]) FROM [ub]',
    ],
    [
      permission('database-permission', 'EXECUTE', { class: 'DATABASE', state: 'DENY' }),
      'DENY EXECUTE TO [ub]',
      'REVOKE EXECUTE FROM [ub]',
    ],
    [
      permission('database-permission', 'CONTROL', { class: 'DATABASE_PRINCIPAL', parts: ['x'] }),
      'GRANT CONTROL ON USER::[x] TO [ub]',
      'REVOKE CONTROL ON USER::[x] FROM [ub]',
    ],
    [permission('database-permission', 'EXECUTE', { class: 'ASSEMBLY', parts: ['65536'] }), undefined, undefined],
    [
      permission('server-permission', 'VIEW SERVER STATE', { class: 'SERVER', state: 'GRANT_WITH_GRANT_OPTION' }),
      'USE [master]; GRANT VIEW SERVER STATE TO [b]]] WITH GRANT OPTION; USE [db]',
      'USE [master]; REVOKE VIEW SERVER STATE FROM [b]]]; USE [db]',
    ],
    [
      permission('server-permission', 'IMPERSONATE', { class: 'SERVER_PRINCIPAL', parts: ['x'] }),
      'USE [master]; GRANT IMPERSONATE ON LOGIN::[x] TO [b]]]; USE [db]',
      'USE [master]; REVOKE IMPERSONATE ON LOGIN::[x] FROM [b]]]; USE [db]',
    ],
  ] as [Grant, string | undefined, string | undefined][])('%j', (grant, given, taken) => {
    expect(give(grant, to)).toBe(given);
    expect(take(grant, to)).toBe(taken);
  });
});

describe('errors', () => {
  const place = { host: 'sql', port: 1433, database: 'db' };
  const by = (role: Speaker['role']): Speaker => ({ role, name: 'who', place });
  const failure = (phase: Phase, code: string, numbers: number[], system?: string) =>
    new SqlFailure(phase, code, 'said', numbers, system);

  it.each([
    [failure('login', 'ELOGIN', [18456]), 'account', 'CREDENTIAL_REJECTED', 'none'],
    [failure('login', 'ELOGIN', [18456]), 'administrator', 'ACCESS_DENIED', 'none'],
    [failure('login', 'ELOGIN', [18470]), 'account', 'CREDENTIAL_REJECTED', 'none'],
    [failure('login', 'ELOGIN', [18486]), 'account', 'CREDENTIAL_REJECTED', 'none'],
    [failure('login', 'ELOGIN', [18488]), 'account', 'CREDENTIAL_REJECTED', 'none'],
    [failure('login', 'ELOGIN', [4060, 18456]), 'account', 'ACCESS_DENIED', 'none'],
    [failure('login', 'ELOGIN', [40615]), 'administrator', 'ACCESS_DENIED', 'none'],
    [failure('change', 'EREQUEST', [15151]), 'administrator', 'ACCESS_DENIED', 'none'],
    [failure('change', 'EREQUEST', [15118]), 'administrator', 'CONFIG_INVALID', 'none'],
    [failure('read', 'EREQUEST', [10929]), 'administrator', 'THROTTLED', 'none'],
    [failure('change', 'EREQUEST', [1205]), 'administrator', 'UNAVAILABLE', 'none'],
    [failure('change', 'EREQUEST', [547]), 'administrator', 'HUMAN_REQUIRED', 'none'],
    [failure('login', 'ETIMEOUT', []), 'account', 'TIMED_OUT', 'none'],
    [failure('change', 'ETIMEOUT', []), 'administrator', 'TIMED_OUT', 'unknown'],
    [failure('change', 'ECONNRESET', []), 'administrator', 'TIMED_OUT', 'unknown'],
    [failure('change', 'ABORTED', []), 'administrator', 'TIMED_OUT', 'unknown'],
    [failure('read', 'ABORTED', []), 'administrator', 'TIMED_OUT', 'none'],
    [failure('login', 'ESOCKET', [], 'ECONNREFUSED'), 'account', 'UNAVAILABLE', 'none'],
    [failure('login', 'ESOCKET', [], 'ERR_TLS_CERT_ALTNAME_INVALID'), 'account', 'CONFIG_INVALID', 'none'],
    [failure('login', 'EENCRYPT', []), 'administrator', 'CONFIG_INVALID', 'none'],
  ] as const)('$0.code $0.numbers in $0.phase said to the %s is %s, effect %s', (error, role, code, effect) => {
    const found = translate(error, by(role));
    expect(found).toBeInstanceOf(RotationError);
    expect(found).toMatchObject({ code, effect, cause: error });
    const { recovery, remedy } = found as RotationError;
    if (recovery !== 'retry') expect(remedy).toMatch(/\w/);
  });

  it('leaves a bug as it is', () => {
    const bug = new TypeError('x is not a function');
    expect(translate(bug, by('account'))).toBe(bug);
  });
});
