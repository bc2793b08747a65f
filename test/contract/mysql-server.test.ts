import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RotationError } from '../../src/rotation/errors.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue, type Administrator, type Rotator, type Target } from '../../src/rotation/ports.ts';
import { nativeHash } from '../../src/rotators/mysql/password.ts';
import { mysqlRotator } from '../../src/rotators/mysql/rotator.ts';
import { findMariaDb, whyNoMariaDb } from '../../sandbox/mysql/mysql.ts';
import { announce, name, sandboxStage } from './mysql.stage.ts';
import { never, rejection, Wiretap } from './rotator-bench.ts';

const here = announce(findMariaDb() === undefined ? whyNoMariaDb() : undefined);

describe.runIf(here)('the mysql rotator on a server', { timeout: 60_000 }, () => {
  let stage: Awaited<ReturnType<typeof sandboxStage>>;
  let rotator: Rotator;
  let target: Target;
  let user: string;
  let alternate: string;
  let password: string;
  let admin: Administrator;
  let asked: string[] = [];
  const tap = new Wiretap();

  const administrators = {
    for: (host: string, scope: string) => {
      asked.push(`${host} ${scope}`);
      return Promise.resolve(admin);
    },
  };
  const current = () => ({ credentialId: user, slot: user, value: new SecretValue(password) });
  const pending = () => ({ rotationId: 'r', slot: alternate, value: mintPassword(), current: current() });
  const sql = (statement: string) => stage.mysql.query(statement);
  const refusal = (promise: Promise<unknown>) => rejection(promise, tap) as Promise<RotationError>;
  const seen = (): readonly string[] => {
    stage.mysql.settle();
    return stage.ctx.traffic.entries.map(({ operation, outcome }) => `${operation}: ${outcome}`);
  };
  const setIdle = async () => {
    const issued = await rotator.set(target, pending(), never());
    if (issued === 'pending') throw new Error('not expected of this rotator');
    return issued;
  };
  const check = () => rotator.check(target, alternate, current(), never());
  /** Runs what a remedy says to run. */
  const obey = async (remedy: string) => {
    for (const statement of remedy.split('; ')) await sql(statement);
  };
  const asAdmin = async (grants: readonly string[]) => {
    const value = mintPassword();
    const who = `admin_${user}`;
    await stage.createUser(who, value.reveal());
    for (const grant of grants) await sql(`GRANT ${grant} TO ${name(who)}`);
    admin = { kind: 'password', user: who, password: value };
  };

  beforeAll(async () => {
    stage = await sandboxStage();
  }, 120_000);
  afterAll(() => stage.stop());
  beforeEach(async () => {
    rotator = mysqlRotator({ administrators, ca: stage.ctx.pki.caPem });
    const { admin: keyturn } = stage.mysql;
    admin = { kind: 'password', user: keyturn.user, password: new SecretValue(keyturn.password) };
    ({ user, alternate, password } = await stage.mysql.createPair());
    target = rotator.parseTarget({ credentialId: user, providerAddress: `127.0.0.1:${stage.port}/app` });
    stage.mysql.settle();
    stage.ctx.traffic.clear();
    asked = [];
  });

  it('sets with one log-in and one ALTER USER, and tests with one log-in', async () => {
    await rotator.test(target, await setIdle(), never());
    const reading = ['SHOW CREATE: sent', 'SHOW GRANTS: sent'];
    expect(seen()).toEqual([
      `LOGIN ${stage.mysql.admin.user}: ok`,
      ...['SET SESSION: sent', ...reading, ...reading, 'SHOW GRANTS: sent', 'SELECT 1: sent'],
      'ALTER USER: sent',
      `LOGIN ${alternate}: ok`,
      'SELECT 1: sent',
    ]);
    expect(asked).toEqual([`127.0.0.1:${stage.port} https://ossrdbms-aad.database.windows.net/.default`]);
  });

  it('stores the hash as it was computed, so that neither the server nor its log ever saw the password', async () => {
    const { value } = await setIdle();
    const sqlOf = `SELECT authentication_string AS hash FROM mysql.user WHERE User = '${alternate}'`;
    expect((await sql(sqlOf))[0]).toEqual({ hash: nativeHash(value) });
    expect(stage.written()).toContain(`IDENTIFIED BY PASSWORD '${nativeHash(value)}' ACCOUNT UNLOCK`);
    expect(stage.written()).not.toContain(value.reveal());
  });

  it('logs in with an Entra token as well', async () => {
    const token = new SecretValue(`eyJ.${'canary'.repeat(300)}`);
    await stage.mysql.acceptToken(token.reveal());
    admin = { kind: 'token', user: stage.mysql.entraAdmin, token };
    expect(await check()).toEqual([]);
    admin = { kind: 'token', user: stage.mysql.entraAdmin, token: new SecretValue('eyJ.expired') };
    const error = await refusal(check());
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('CREATE AADUSER');
    expect(stage.written()).not.toContain(token.reveal());
  });

  it.each([
    ['a privilege on the database', 'GRANT INSERT ON app.* TO @'],
    ['a column', 'GRANT INSERT (what) ON app.`orders of #` TO @'],
    ['the right to pass on', 'GRANT EXECUTE ON app.* TO @ WITH GRANT OPTION'],
    ['a global privilege', 'GRANT SHOW DATABASES ON *.* TO @'],
    ['everything on another database', 'GRANT ALL PRIVILEGES ON `odd``d_b`.* TO @'],
    ['a routine', 'GRANT EXECUTE ON PROCEDURE app.`po` TO @'],
    ['TLS', 'ALTER USER @ REQUIRE SSL'],
    ['limits', 'ALTER USER @ WITH MAX_USER_CONNECTIONS 7 MAX_STATEMENT_TIME 1.5'],
    ['a password policy', 'ALTER USER @ PASSWORD EXPIRE INTERVAL 90 DAY'],
    ['no default role', 'SET DEFAULT ROLE NONE FOR @'],
    ['no role', 'REVOKE app_rw FROM @'],
    ['a role with admin option', 'GRANT app_rw TO @ WITH ADMIN OPTION'],
  ])('refuses a pair that differs in %s, either way, and what it says to run mends it', async (_, statement) => {
    await sql('CREATE PROCEDURE IF NOT EXISTS app.po() SELECT 1');
    for (const which of [0, 1]) {
      ({ user, alternate, password } = await stage.mysql.createPair());
      target = rotator.parseTarget({ credentialId: user, providerAddress: `127.0.0.1:${stage.port}/app` });
      const different = which === 0 ? user : alternate;
      const changed = statement.replace('@', name(different)).replace('#', user);
      await sql(changed);
      const [blocker, ...others] = await check();
      expect(others).toEqual([]);
      expect(blocker).toMatchObject({ code: 'GRANTS_DIFFER' });
      expect(await refusal(rotator.set(target, pending(), never()))).toMatchObject({
        code: 'GRANTS_DIFFER',
        recovery: 'reconfigure',
        effect: 'none',
      });
      await obey(blocker?.remedy ?? '');
      expect(await check(), blocker?.remedy).toEqual([]);
    }
  });

  it('says nothing of hashes when it says what differs', async () => {
    await sql(`GRANT INSERT ON app.* TO ${name(user)}`);
    const [blocker] = await check();
    expect(JSON.stringify(blocker)).not.toMatch(/\*[0-9A-F]{40}|IDENTIFIED/);
  });

  it('bootstraps the second account with the same grants, once, locked until set, and dry runs change nothing', async () => {
    await sql(`ALTER USER ${name(user)} REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 9000`);
    await sql(`GRANT SELECT (card) ON app.\`orders of ${user}\` TO ${name(user)} WITH GRANT OPTION`);
    await sql(`DROP USER ${name(alternate)}`);
    const [blocker] = await check();
    expect(blocker).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(blocker?.remedy).toContain('POST /api/bootstrap');
    const planned = await rotator.bootstrap?.(target, { dryRun: true }, never());
    expect(planned?.[0]).toBe(
      `CREATE USER ${name(alternate).replaceAll("'", '`')} IDENTIFIED BY PASSWORD '<hash>' ACCOUNT LOCK`,
    );
    expect(await check()).toHaveLength(1);
    const done = await rotator.bootstrap?.(target, { dryRun: false }, never());
    expect(done).toEqual(planned);
    expect(await check()).toEqual([]);
    expect(await stage.authenticates(alternate, '')).toBe(false);
    expect(await rotator.bootstrap?.(target, { dryRun: false }, never())).toEqual([]);
    await rotator.test(target, await setIdle(), never());
  });

  it('says what it may not grant, and goes on from there when it may', async () => {
    await sql(`GRANT CREATE ON reports.* TO ${name(user)}`);
    await sql(`DROP USER ${name(alternate)}`);
    const attempt = () => rotator.bootstrap?.(target, { dryRun: false }, never()) ?? Promise.resolve();
    const error = await refusal(attempt());
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'applied' });
    expect(error.remedy).toContain(`GRANT CREATE ON \`reports\`.* TO \`${alternate}\``);
    expect(await stage.authenticates(alternate, '')).toBe(false);
    await sql(`GRANT CREATE ON reports.* TO ${name(stage.mysql.admin.user)} WITH GRANT OPTION`);
    await attempt();
    expect(await check()).toEqual([]);
  });

  it('lists who is logged in, and ends their sessions only when it is told so', async () => {
    const reader = await stage.login(user, password);
    const ended = new Promise((resolve) => reader.once('error', resolve));
    const [before] = (await rotator.list(target, never())).filter(({ slot }) => slot === user);
    expect(before?.sessions).toHaveLength(1);
    expect(before?.sessions?.[0]).toMatch(/^id \d+, from localhost:\d+, Sleep for \d+ s$/);
    await rotator.revoke(target, user, { endSessions: false }, never());
    expect((await reader.query('SELECT 1 AS one'))[0]).toEqual([{ one: 1 }]);
    await rotator.revoke(target, user, { endSessions: true }, never());
    expect(await ended).toBeInstanceOf(Error);
  });

  it('does not take APP for app when it lists who is logged in', async () => {
    const other = user.toUpperCase();
    await stage.createUser(other, password);
    const reader = await stage.login(other, password);
    expect((await rotator.list(target, never())).map(({ sessions }) => sessions)).toEqual([[], []]);
    await reader.end();
  });

  it('ends the sessions of an account that is gone, and calls that success', async () => {
    const reader = await stage.login(user, password);
    const ended = new Promise((resolve) => reader.once('error', resolve));
    await sql(`DROP USER ${name(user)}`);
    await rotator.revoke(target, user, { endSessions: true }, never());
    expect(await ended).toBeInstanceOf(Error);
    expect((await rotator.list(target, never())).map(({ slot }) => slot)).toEqual([alternate]);
  });

  it('does not take "may not see sessions" for "nobody is logged in"', async () => {
    await asAdmin(['CREATE USER ON *.*', 'SELECT ON mysql.*']);
    expect(await check()).toMatchObject([
      { code: 'ACCESS_DENIED', message: `the administrator admin_${user} lacks PROCESS` },
    ]);
    const error = await refusal(rotator.list(target, never()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('PROCESS ON *.*');
    const late = await refusal(rotator.revoke(target, alternate, { endSessions: true }, never()));
    expect(late).toMatchObject({ code: 'ACCESS_DENIED', effect: 'applied' });
    await obey(error.remedy?.replace(/^[^:]*: /, '') ?? '');
    expect(await check()).toEqual([]);
    expect(await rotator.list(target, never())).toHaveLength(2);
  });

  it('says which right is missing to end sessions, after the account was taken out of use', async () => {
    await asAdmin(['CREATE USER, PROCESS ON *.*', 'SELECT ON mysql.*']);
    const reader = await stage.login(user, password);
    const error = await refusal(rotator.revoke(target, user, { endSessions: true }, never()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'applied' });
    expect(error.remedy).toContain('GRANT CONNECTION ADMIN');
    expect(await stage.authenticates(user, password)).toBe(false);
    await reader.end();
  });

  it('takes the rights of its roles into account', async () => {
    await sql(`CREATE ROLE r_${user}`);
    await sql(`GRANT CREATE USER, PROCESS ON *.* TO r_${user}`);
    await sql(`GRANT SELECT ON mysql.* TO r_${user}`);
    await asAdmin([`r_${user}`]);
    await sql(`SET DEFAULT ROLE r_${user} FOR ${name(`admin_${user}`)}`);
    expect(await check()).toEqual([]);
    await rotator.test(target, await setIdle(), never());
  });

  it('ends a lock and an expiry with the next password, and sees an expired account', async () => {
    await sql(`ALTER USER ${name(alternate)} ACCOUNT LOCK PASSWORD EXPIRE`);
    expect(await check()).toEqual([]);
    await rotator.test(target, await setIdle(), never());
    await sql(`ALTER USER ${name(user)} PASSWORD EXPIRE`);
    const error = await refusal(rotator.test(target, current(), never()));
    expect(error).toMatchObject({ code: 'CREDENTIAL_REJECTED', effect: 'none' });
  });

  it.each(['ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES', 'ANSI', 'ORACLE', ''])(
    'is not misled by names, whatever the mode of the server: %s',
    async (mode) => {
      const [before] = await sql('SELECT @@GLOBAL.sql_mode AS mode');
      const odd = `x'"\\\` of ${mode || 'no mode'}`;
      const pair = await stage.mysql.createPair({ name: odd, alternate: `${odd}\\' --;` });
      await sql(`GRANT CREATE ON \`${odd.replaceAll('`', '``')}\`.* TO ${name(odd)}`);
      const where = {
        credentialId: odd,
        alternateCredentialId: pair.alternate,
        providerAddress: `127.0.0.1:${stage.port}`,
      };
      target = rotator.parseTarget(where);
      ({ user, alternate, password } = pair);
      await sql(`SET GLOBAL sql_mode = '${mode}'`);
      try {
        const [blocker] = await check();
        expect(blocker).toMatchObject({ code: 'GRANTS_DIFFER' });
        await obey(blocker?.remedy ?? '');
        await rotator.test(target, await setIdle(), never());
        expect(await stage.authenticates(user, password)).toBe(true);
        expect((await rotator.list(target, never())).map(({ slot }) => slot)).toEqual([user, alternate]);
        await rotator.revoke(target, user, { endSessions: true }, never());
        expect(await stage.authenticates(user, password)).toBe(false);
      } finally {
        await sql(`SET GLOBAL sql_mode = '${String(before?.['mode'])}'`);
      }
    },
  );

  it('rotates accounts of another host part than %, and leaves their namesakes alone', async () => {
    const at = (who: string): string => `${name(who).slice(0, -3)}'127.0.0._'`;
    const value = mintPassword();
    for (const who of [user, alternate]) {
      await sql(`CREATE USER ${at(who)} IDENTIFIED BY PASSWORD '${nativeHash(value)}'`);
      await sql(`GRANT SELECT ON app.* TO ${at(who)}`);
    }
    target = rotator.parseTarget({
      credentialId: user,
      providerAddress: `mysql://127.0.0.1:${stage.port}/app?accountHost=127.0.0._`,
    });
    password = value.reveal();
    const hash = `SELECT authentication_string AS hash FROM mysql.user WHERE User = '${alternate}' AND Host = '%'`;
    const before = await sql(hash);
    expect(await check()).toEqual([]);
    const { value: next } = await setIdle();
    const [row] = await sql(
      `SELECT authentication_string AS hash FROM mysql.user WHERE User = '${alternate}' AND Host <> '%'`,
    );
    expect(row).toEqual({ hash: nativeHash(next) });
    expect(await sql(hash)).toEqual(before);
  });

  it('refuses accounts that log in in a way for which it can set no password', async () => {
    await sql(`ALTER USER ${name(alternate)} IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR unix_socket`);
    expect(await check()).toMatchObject([{ code: 'CONFIG_INVALID' }]);
    await sql(`ALTER USER ${name(alternate)} IDENTIFIED VIA unix_socket`);
    const [blocker] = await check();
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(blocker?.message).toContain('unix_socket');
    const error = await refusal(rotator.revoke(target, alternate, { endSessions: false }, never()));
    expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', effect: 'none' });
    expect(error.remedy).toContain('ACCOUNT LOCK');
  });

  it('refuses accounts for which a password is not enough', async () => {
    await sql(`ALTER USER ${name(user)} REQUIRE SUBJECT '/CN=app'`);
    expect((await check())[0]).toMatchObject({ code: 'CONFIG_INVALID' });
    const attempt = rotator.bootstrap?.(target, { dryRun: true }, never()) ?? Promise.resolve();
    expect(await refusal(attempt)).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
  });

  it('says how to go on when the server insists on seeing passwords', async () => {
    await sql("INSTALL SONAME 'simple_password_check'");
    try {
      const error = await refusal(rotator.set(target, pending(), never()));
      expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'none' });
      expect(error.remedy).toContain('strict_password_validation = OFF');
      await sql('SET GLOBAL strict_password_validation = OFF');
      await rotator.test(target, await setIdle(), never());
    } finally {
      await sql("UNINSTALL SONAME 'simple_password_check'");
    }
  });

  it('says so when the database is missing or closed to the account, or the administrator is an account', async () => {
    const elsewhere = (database: string) =>
      rotator.parseTarget({ credentialId: user, providerAddress: `mysql://127.0.0.1:${stage.port}/${database}` });
    expect(await refusal(rotator.test(elsewhere('mysql'), current(), never()))).toMatchObject({
      code: 'ACCESS_DENIED',
    });
    await sql(`GRANT SELECT ON gone.* TO ${name(user)}`);
    expect(await refusal(rotator.test(elsewhere('gone'), current(), never()))).toMatchObject({
      code: 'TARGET_NOT_FOUND',
    });
    await sql(`GRANT CREATE USER, PROCESS ON *.* TO ${name(user)}`);
    await sql(`GRANT SELECT ON mysql.* TO ${name(user)}`);
    admin = { kind: 'password', user, password: new SecretValue(password) };
    expect((await check())[0]).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('refuses a replica, which can only be read', async () => {
    await sql('SET GLOBAL read_only = ON');
    try {
      expect(await refusal(rotator.set(target, pending(), never()))).toMatchObject({
        code: 'CONFIG_INVALID',
        effect: 'none',
      });
    } finally {
      await sql('SET GLOBAL read_only = OFF');
    }
  });

  it('does not log in with an empty value', async () => {
    const empty = { ...current(), value: new SecretValue('') };
    expect(await refusal(rotator.test(target, empty, never()))).toMatchObject({ code: 'CREDENTIAL_REJECTED' });
    expect(seen()).toEqual([]);
  });

  it('refuses a server whose certificate it cannot verify', async () => {
    const distrusting: Rotator = mysqlRotator({ administrators });
    const error = await refusal(distrusting.list(target, never()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
    expect(error.message).toContain('never downgraded');
    expect(seen()).toEqual([]);
  });
});
