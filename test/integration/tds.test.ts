import mssql from 'mssql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SandboxContext } from '../../sandbox/context.ts';
import type { Tds } from '../../sandbox/tds/tds.ts';
import { connected, poolOf, startFixture, type TdsFixture } from './tds-fixture.ts';

const ODD = `o'brien]--"; DROP`;

let ctx: SandboxContext;
let box: Tds;
let azure: Tds;
let fixture: TdsFixture;

beforeAll(async () => {
  fixture = await startFixture();
  ({ ctx, box, azure } = fixture);
});

afterAll(() => fixture.stop());

describe('the TDS endpoint, through the unmodified mssql driver', () => {
  it('logs in over TLS, evaluates SELECTs with parameters and returns NULL, numbers and long text', async () => {
    const rows = await connected(ctx, box, {}, async (pool) => {
      const request = pool
        .request()
        .input('n', box.admin.user)
        .input('long', mssql.NVarChar(mssql.MAX), 'ä'.repeat(9000));
      return (
        await request.query(
          'SELECT name, is_disabled, NULL AS gap, @long AS long FROM sys.server_principals WHERE name = @n',
        )
      ).recordset as unknown[];
    });
    expect(rows).toEqual([{ name: box.admin.user, is_disabled: 0, gap: null, long: 'ä'.repeat(9000) }]);
  });

  it('refuses a connection without encryption, and a client that does not trust its authority refuses it', async () => {
    await expect(poolOf(ctx, box, { ...box.admin, options: { encrypt: false } }).connect()).rejects.toMatchObject({
      code: 'EENCRYPT',
    });
    const untrusting = poolOf(ctx, box, { ...box.admin, options: { encrypt: true, cryptoCredentialsDetails: {} } });
    await expect(untrusting.connect()).rejects.toMatchObject({ code: 'ESOCKET' });
  });

  it.each([
    ['a wrong password', { user: 'sandbox_admin', password: 'wrong' }, "Login failed for user 'sandbox_admin'."],
    ['an unknown login', { user: 'nobody', password: 'x' }, "Login failed for user 'nobody'."],
    ['a disabled login', { user: 'sleeper', password: 'Night-Rest-1' }, 'The account is disabled.'],
    ['a login without a user', { user: 'stranger', password: 'Night-Rest-2' }, "Login failed for user 'stranger'."],
  ])('refuses %s', async (_why, who, message) => {
    if (who.user === 'sleeper') {
      box.addLogin(who.user, who.password);
      box.run('ALTER LOGIN sleeper DISABLE');
    }
    if (who.user === 'stranger') box.addLogin(who.user, who.password, { databases: [] });
    await expect(poolOf(ctx, box, who).connect()).rejects.toMatchObject({
      code: 'ELOGIN',
      message: expect.stringContaining(message) as string,
    });
  });

  it('takes an Entra token that the identity service vouches for, and no other', async () => {
    const byToken = (token: string) =>
      poolOf(ctx, azure, { authentication: { type: 'azure-active-directory-access-token', options: { token } } });
    await (await byToken('good-token').connect()).close();
    await expect(byToken('forged').connect()).rejects.toMatchObject({ code: 'ELOGIN' });
  });

  it('reads a quoted name and a quoted password as one each', async () => {
    const password = `It's-]a"1; DROP LOGIN x --`;
    await connected(ctx, box, {}, (pool) =>
      pool.request().batch(`CREATE LOGIN [o'brien]]--"; DROP] WITH PASSWORD = N'${password.replaceAll("'", "''")}'`),
    );
    expect(box.authenticates(ODD, password, 'master')).toBe(true);
  });

  it.each([
    ['box', 'ALTER LOGIN nobody DISABLE', 15151],
    ['box', "CREATE LOGIN weak WITH PASSWORD = 'short'", 15116],
    ['box', "CREATE LOGIN weak WITH PASSWORD = 'alllowercase'", 15118],
    ['box', "CREATE LOGIN weak WITH PASSWORD = 'x-Weak-Pass-1'", 15118],
    ['box', "ALTER USER dbo WITH PASSWORD = 'Some-Pass-1'", 33234],
    ['box', 'GRANT VIEW SERVER STATE TO sandbox_admin', 4621],
    ['box', 'SELECT x FROM sys.absent_view', 208],
    ['box', 'ALTER LOGIN [x WITH', 105],
    ['box', 'KILL 9999', 6106],
    ['azure', 'ALTER LOGIN sandbox_admin DISABLE', 5001],
    ['azure', 'USE master', 40508],
    ['azure', 'SELECT name FROM sys.server_principals', 208],
  ] as const)('on %s answers %s with error %d', async (edition, sql, number) => {
    const tds = edition === 'box' ? box : azure;
    await connected(ctx, tds, {}, async (pool) => {
      await expect(pool.request().batch(sql)).rejects.toMatchObject({ number });
    });
  });
});
