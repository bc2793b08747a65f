import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue, type Administrator, type Rotator, type Target } from '../../src/rotation/ports.ts';
import { postgresRotator } from '../../src/rotators/postgres/rotator.ts';
import { sandboxStage } from './postgres.stage.ts';
import { never } from './rotator-bench.ts';

type Stage = Awaited<ReturnType<typeof sandboxStage>>;
const name = (role: string): string => pg.escapeIdentifier(role);

describe('the postgres rotator on a server', { timeout: 60_000 }, () => {
  let stage: Stage;
  let rotator: Rotator;
  let target: Target;
  let user: string;
  let alternate: string;
  let password: string;
  let admin: Administrator;
  let asked: string[] = [];

  const administrators = {
    for: (host: string, scope: string) => {
      asked.push(`${host} ${scope}`);
      return Promise.resolve(admin);
    },
  };
  const current = () => ({ credentialId: user, slot: user, value: new SecretValue(password) });
  const pending = () => ({ rotationId: 'r', slot: alternate, value: mintPassword(), current: current() });
  const sql = (statement: string) => stage.postgres.query(statement);
  const refusal = async (promise: Promise<unknown>): Promise<RotationError> => {
    const error: unknown = await promise.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(RotationError);
    return error as RotationError;
  };
  const seen = async (): Promise<readonly string[]> => {
    await stage.postgres.settled();
    return stage.ctx.traffic.entries.map(({ operation, outcome }) => `${operation}: ${outcome}`);
  };

  beforeAll(async () => {
    stage = await sandboxStage();
  }, 120_000);
  afterAll(() => stage.stop());
  beforeEach(async () => {
    rotator = postgresRotator({ administrators, ...(stage.ca === undefined ? {} : { ca: stage.ca }) });
    admin = { kind: 'password', user: stage.admin.user, password: new SecretValue(stage.admin.password) };
    ({ user, alternate, password } = await stage.postgres.createPair());
    target = rotator.parseTarget({ credentialId: user, providerAddress: `127.0.0.1:${stage.port}/postgres` });
    await stage.postgres.settled();
    stage.ctx.traffic.clear();
    asked = [];
  });

  it('sets with one log-in, one SELECT and one ALTER ROLE, and tests with one log-in and nothing else', async () => {
    const issued = await rotator.set(target, pending(), never());
    if (issued === 'pending') throw new Error('not expected of this rotator');
    await rotator.test(target, issued, never());
    expect(await seen()).toEqual([
      `LOGIN ${stage.admin.user}: ok`,
      'WITH account: ok',
      'ALTER ROLE: ok',
      `LOGIN ${alternate}: ok`,
    ]);
    expect(asked).toEqual([`127.0.0.1:${stage.port} https://ossrdbms-aad.database.windows.net/.default`]);
  });

  it('logs in with an Entra token as well', async () => {
    const token = new SecretValue(`eyJ.${'canary'.repeat(300)}`);
    await stage.postgres.acceptToken(token.reveal());
    admin = { kind: 'token', user: stage.postgres.entraAdmin, token };
    expect(await rotator.check(target, alternate, current(), never())).toEqual([]);
    admin = { kind: 'token', user: stage.postgres.entraAdmin, token: new SecretValue('eyJ.expired') };
    const error = await refusal(rotator.check(target, alternate, current(), never()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('pgaadauth_create_principal');
    expect(await stage.written()).not.toContain(token.reveal());
  });

  const drift: readonly (readonly [string, (a: string, s: string) => string, string])[] = [
    ['a table', (a, s) => `GRANT DELETE ON ${s}.orders TO ${a}`, 'DELETE ON TABLE'],
    ['a column', (a, s) => `GRANT SELECT (card) ON ${s}.orders TO ${a}`, 'SELECT (card) ON TABLE'],
    ['a schema', (a, s) => `GRANT CREATE ON SCHEMA ${s} TO ${a}`, 'CREATE ON SCHEMA'],
    ['a sequence', (a, s) => `GRANT UPDATE ON SEQUENCE ${s}.numbers TO ${a}`, 'UPDATE ON SEQUENCE'],
    [
      'a grant option',
      (a, s) => `GRANT USAGE ON SEQUENCE ${s}.numbers TO ${a} WITH GRANT OPTION`,
      'GRANT OPTION FOR USAGE',
    ],
    ['the database', (a) => `GRANT TEMPORARY ON DATABASE postgres TO ${a}`, 'TEMPORARY ON DATABASE'],
    [
      'a default privilege',
      (a, s) => `ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA ${s} GRANT USAGE ON SEQUENCES TO ${a}`,
      'USAGE ON SEQUENCES',
    ],
    ['a membership', (a) => `GRANT pg_read_all_stats TO ${a}`, 'MEMBER OF pg_read_all_stats'],
    ['a setting', (a) => `ALTER ROLE ${a} SET statement_timeout TO '7s'`, 'SETTING statement_timeout=7s'],
    [
      'a setting of one database',
      (a) => `ALTER ROLE ${a} IN DATABASE postgres SET search_path TO "a b", public`,
      'IN DATABASE postgres search_path',
    ],
    ['an attribute', (a) => `ALTER ROLE ${a} CONNECTION LIMIT 7`, 'CONNECTION LIMIT 7'],
    ['a row security policy', (a, s) => `CREATE POLICY mine ON ${s}.orders TO ${a}`, 'POLICY mine'],
  ];

  it.each(drift)('refuses a pair that differs in %s, and its remedy mends it', async (_, grant, shown) => {
    await sql(grant(name(user), name(`s_${user}`)));
    const [blocker, ...more] = await rotator.check(target, alternate, current(), never());
    expect(more).toEqual([]);
    expect(blocker).toMatchObject({ code: 'GRANTS_DIFFER' });
    expect(blocker?.message).toContain(shown);
    const error = await refusal(rotator.set(target, pending(), never()));
    expect(error).toMatchObject({ code: 'GRANTS_DIFFER', recovery: 'reconfigure', effect: 'none' });
    expect(await seen()).not.toContain('ALTER ROLE: ok');
    for (const statement of (blocker?.remedy ?? '').split('; ')) await sql(statement);
    expect(await rotator.check(target, alternate, current(), never())).toEqual([]);
  });

  it('refuses an idle account that has more, and says what to take away', async () => {
    await sql(`GRANT DELETE ON ${name(`s_${user}`)}.orders TO ${name(alternate)}`);
    const [blocker] = await rotator.check(target, alternate, current(), never());
    expect(blocker?.remedy).toMatch(/^REVOKE DELETE ON TABLE /);
    await sql(blocker?.remedy ?? '');
    expect(await rotator.check(target, alternate, current(), never())).toEqual([]);
  });

  it('sees grants in another database, and that the current account owns objects', async () => {
    await sql(`CREATE TABLE ${name(`s_${user}`)}.own (id int)`);
    await sql(`ALTER TABLE ${name(`s_${user}`)}.own OWNER TO ${name(user)}`);
    const [owner] = await rotator.check(target, alternate, current(), never());
    expect(owner).toMatchObject({ code: 'GRANTS_DIFFER', remedy: `GRANT ${user} TO ${name(alternate)}` });
    await sql(owner?.remedy ?? '');
    expect(await rotator.check(target, alternate, current(), never())).toEqual([]);
    const elsewhere = rotator.parseTarget({ credentialId: user, providerAddress: `127.0.0.1:${stage.port}/template1` });
    await sql(`GRANT DELETE ON ${name(`s_${user}`)}.orders TO ${name(user)}`);
    await sql(`GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO ${name(user)}`);
    const [far] = await rotator.check(elsewhere, alternate, current(), never());
    expect(far?.message).toContain('GRANTS IN DATABASE postgres');
  });

  it('bootstraps the second account with the same grants, once, and dry runs change nothing', async () => {
    await sql(`GRANT SELECT (card) ON ${name(`s_${user}`)}.orders TO ${name(user)}`);
    await sql(`DROP OWNED BY ${name(alternate)}`);
    await sql(`DROP ROLE ${name(alternate)}`);
    const [blocker] = await rotator.check(target, alternate, current(), never());
    expect(blocker).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(blocker?.remedy).toContain('POST /api/bootstrap');
    const planned = await rotator.bootstrap?.(target, { dryRun: true }, never());
    expect(planned?.[0]).toBe(`CREATE ROLE ${name(alternate)} LOGIN`);
    expect(await rotator.check(target, alternate, current(), never())).toHaveLength(1);
    const done = await rotator.bootstrap?.(target, { dryRun: false }, never());
    expect(done).toEqual(planned);
    expect(await rotator.check(target, alternate, current(), never())).toEqual([]);
    expect(await rotator.bootstrap?.(target, { dryRun: false }, never())).toEqual([]);
    const issued = await rotator.set(target, pending(), never());
    if (issued === 'pending') throw new Error('not expected of this rotator');
    await rotator.test(target, issued, never());
  });

  it('bootstraps all or nothing when the administrator may not grant everything', async () => {
    await sql(`CREATE SCHEMA ${name(`private_${user}`)}`);
    await sql(`GRANT USAGE ON SCHEMA ${name(`private_${user}`)} TO ${name(user)}`);
    await sql(`DROP OWNED BY ${name(alternate)}`);
    await sql(`DROP ROLE ${name(alternate)}`);
    const error = await refusal(rotator.bootstrap?.(target, { dryRun: false }, never()) ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(await sql(`SELECT FROM pg_roles WHERE rolname = '${alternate}'`)).toEqual([]);
  });

  it('lists who is logged in, and ends their sessions only when it is told so', async () => {
    const reader = await stage.postgres.login(user, password);
    const ended = new Promise((resolve) => reader.once('end', resolve));
    const [before] = (await rotator.list(target, never())).filter(({ slot }) => slot === user);
    expect(before?.sessions).toHaveLength(1);
    expect(before?.sessions?.[0]).toMatch(/^pid \d+, reader, from 127\.0\.0\.1, since /);
    await rotator.revoke(target, user, { endSessions: false }, never());
    expect((await reader.query('SELECT 1')).rows).toHaveLength(1);
    await rotator.revoke(target, user, { endSessions: true }, never());
    await ended;
    const after = await rotator.list(target, never());
    expect(after.map(({ sessions }) => sessions)).toEqual([[], []]);
  });

  it('lists an end of validity, and set clears it', async () => {
    await sql(`ALTER ROLE ${name(alternate)} NOLOGIN VALID UNTIL '2001-02-03 04:05:06+00'`);
    const live = await rotator.list(target, never());
    expect(live.find(({ slot }) => slot === alternate)?.notAfter).toEqual(new Date('2001-02-03T04:05:06Z'));
    const issued = await rotator.set(target, pending(), never());
    if (issued === 'pending') throw new Error('not expected of this rotator');
    await rotator.test(target, issued, never());
    expect((await rotator.list(target, never())).every(({ notAfter }) => notAfter === undefined)).toBe(true);
  });

  it('stores the verifier as it was computed, so that the server never saw the password', async () => {
    await rotator.set(target, pending(), never());
    const [row] = await sql(`SELECT rolpassword FROM pg_authid WHERE rolname = '${alternate}'`);
    expect(row?.['rolpassword']).toMatch(/^SCRAM-SHA-256\$4096:/);
    expect(await stage.written()).toContain(`PASSWORD '${String(row?.['rolpassword'])}'`);
  });

  it('refuses a server whose certificate it cannot verify, by authority and by name', async () => {
    const distrusting: Rotator = postgresRotator({ administrators });
    expect(await refusal(distrusting.list(target, never()))).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
    await seen();
    expect(await seen()).toEqual([]);
  });

  it('says so when the database is missing, or the administrator is an account of the pair', async () => {
    const gone = rotator.parseTarget({ credentialId: user, providerAddress: `127.0.0.1:${stage.port}/gone` });
    expect(await refusal(rotator.list(gone, never()))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await refusal(rotator.test(gone, current(), never()))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    admin = { kind: 'password', user, password: new SecretValue(password) };
    const [blocker] = await rotator.check(target, alternate, current(), never());
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('does not ask the environment for a password when the value is empty', async () => {
    const empty = { ...current(), value: new SecretValue('') };
    expect(await refusal(rotator.test(target, empty, never()))).toMatchObject({ code: 'CREDENTIAL_REJECTED' });
    expect(await seen()).toEqual([]);
  });
});
