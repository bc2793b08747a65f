import type { RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue, type Rotator, type Target } from '../../src/rotation/ports.ts';
import { mysqlRotator } from '../../src/rotators/mysql/rotator.ts';
import { announce, name, sandboxStage, whyNoMySqlHere } from './mysql.stage.ts';
import { until } from '../support/until.ts';
import { never } from './rotator-bench.ts';

/** What MySQL itself does that MariaDB does not: second passwords, roles with hosts, passwords that stay out of the log. */
describe.runIf(announce(whyNoMySqlHere()))('the mysql rotator on MySQL itself', { timeout: 60_000 }, () => {
  let stage: Awaited<ReturnType<typeof sandboxStage>>;
  let single: Rotator;
  let target: Target;
  let user: string;
  let alternate: string;
  let password: string;

  const administrators = {
    for: () => {
      const { admin } = stage.mysql;
      return Promise.resolve({
        kind: 'password' as const,
        user: admin.user,
        password: new SecretValue(admin.password),
      });
    },
  };
  const at = (): string => `127.0.0.1:${stage.port}/app`;
  const current = () => ({ credentialId: user, slot: user, value: new SecretValue(password) });
  const set = (value: SecretValue) =>
    single.set(target, { rotationId: 'r', slot: user, value, current: current() }, never());
  const works = (value: string | SecretValue): Promise<boolean> =>
    stage.authenticates(user, typeof value === 'string' ? value : value.reveal());
  const statements = (): readonly string[] => {
    stage.mysql.settle();
    return stage.ctx.traffic.entries.map(({ operation, outcome }) => `${operation}: ${outcome}`);
  };

  beforeAll(async () => {
    stage = await sandboxStage('mysql');
  }, 120_000);
  afterAll(() => stage.stop());
  beforeEach(async () => {
    ({ user, alternate, password } = await stage.mysql.createPair());
    single = mysqlRotator({ administrators, accounts: 'single', ca: stage.ctx.pki.caPem });
    target = single.parseTarget({ credentialId: user, providerAddress: at() });
    stage.mysql.settle();
    stage.ctx.traffic.clear();
  });

  it('keeps the old password with one statement, without any log-in that is refused', async () => {
    const next = mintPassword();
    await set(next);
    const reading = ['SHOW CREATE: sent', 'SHOW GRANTS: sent', 'SHOW GRANTS: sent', 'SELECT 1: sent'];
    expect(statements()).toEqual([
      `LOGIN ${stage.mysql.admin.user}: ok`,
      'SET SESSION: sent',
      ...reading,
      expect.stringMatching(/^SELECT GET_LOCK/),
      expect.stringMatching(/^SELECT JSON_EXTRACT/),
      'ALTER USER: sent',
    ]);
    expect([await works(next), await works(password)]).toEqual([true, true]);
    await single.revoke(target, user, { endSessions: false }, never());
    expect([await works(next), await works(password)]).toEqual([true, false]);
  });

  it('writes no password into its log', async () => {
    const next = mintPassword();
    await set(next);
    expect(stage.written()).toContain('BY <secret> RETAIN CURRENT PASSWORD');
    expect(stage.written()).not.toContain(next.reveal());
  });

  it('keeps the old password when two workers set the same new one at the same time', async () => {
    const next = mintPassword();
    await Promise.all([set(next), set(next), set(next), set(next)]);
    expect([await works(next), await works(password)]).toEqual([true, true]);
  });

  it('changes nothing when the new password is live already, so that nobody who has it is locked out meanwhile', async () => {
    const next = mintPassword();
    await set(next);
    stage.mysql.settle();
    stage.ctx.traffic.clear();
    await set(next);
    expect(statements()).toContain(`LOGIN ${user}: ok`);
    expect(statements()).not.toContain('ALTER USER: sent');
  });

  it('neither looks nor changes while another session is at the same account', async () => {
    await set(mintPassword());
    const [, lock = ''] = /GET_LOCK\('(keyturn [^']+)', 20\)(?!.*GET_LOCK)/s.exec(stage.mysql.log()) ?? [];
    const other = await stage.connect();
    // The session before says goodbye without waiting to be heard, and holds the lock until it is.
    const [[got]] = await other.query<RowDataPacket[]>('SELECT GET_LOCK(?, 20) AS got', [lock]);
    expect(got).toEqual({ got: 1 });
    stage.mysql.settle();
    stage.ctx.traffic.clear();
    const next = mintPassword();
    const attempt = set(next);
    await until('a session that waits for the lock', async () => {
      const waiting = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'";
      return (await stage.mysql.query(waiting))[0];
    });
    expect(statements().filter((one) => /^ALTER|JSON_EXTRACT/.test(one))).toEqual([]);
    await other.end();
    await attempt;
    expect([await works(next), await works(password)]).toEqual([true, true]);
  });

  it('keeps the old password when it had become the second one by then', async () => {
    const [lost, next] = [mintPassword(), mintPassword()];
    await set(lost);
    await set(next);
    expect([await works(next), await works(password), await works(lost)]).toEqual([true, true, false]);
  });

  it('keeps the old password when the account is locked by the first log-in that fails', async () => {
    await set(mintPassword());
    await stage.mysql.query(`ALTER USER ${name(user)} FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED`);
    const next = mintPassword();
    await set(next);
    expect([await works(next), await works(password)]).toEqual([true, true]);
  });

  it('gives readers their password back where a person had made it the second one, and it was discarded', async () => {
    await stage.mysql.query(`ALTER USER ${name(user)} IDENTIFIED BY 'by hand' RETAIN CURRENT PASSWORD`);
    await single.revoke(target, user, { endSessions: false }, never());
    expect(await works(password)).toBe(false);
    await set(new SecretValue(password));
    expect([await works(password), await works('by hand')]).toEqual([true, false]);
  });

  it('keeps what is there when the readers’ own password does not log in: a forced rotation makes it no primary one', async () => {
    await stage.mysql.query(`ALTER USER ${name(user)} IDENTIFIED BY 'by hand' RETAIN CURRENT PASSWORD`);
    const next = mintPassword();
    const mistaken = new SecretValue('in the vault by mistake');
    await single.set(
      target,
      { rotationId: 'r', slot: user, value: next, current: { ...current(), value: mistaken } },
      never(),
    );
    expect([await works(next), await works('by hand'), await works(mistaken)]).toEqual([true, true, false]);
  });

  it('of a compromised password ends the sessions too, and an account that is gone is out of use', async () => {
    const reader = await stage.login(user, password);
    const ended = new Promise((resolve) => reader.once('error', resolve));
    await set(mintPassword());
    await single.revoke(target, user, { endSessions: true }, never());
    expect(await ended).toBeInstanceOf(Error);
    expect(await works(password)).toBe(false);
    await stage.mysql.query(`DROP USER ${name(user)}`);
    await single.revoke(target, user, { endSessions: false }, never());
  });

  it('takes an empty password, which cannot be kept, for what it is', async () => {
    await stage.mysql.query(`ALTER USER ${name(user)} IDENTIFIED BY ''`);
    const next = mintPassword();
    await set(next);
    expect([await works(next), await works('')]).toEqual([true, false]);
  });

  it('bootstraps the second account of a pair with the same grants, roles and limits, and rotates to it', async () => {
    const pair = mysqlRotator({ administrators, ca: stage.ctx.pki.caPem });
    const both = pair.parseTarget({ credentialId: user, alternateCredentialId: alternate, providerAddress: at() });
    await stage.mysql.query(`DROP USER ${name(alternate)}`);
    await stage.mysql.query(`GRANT SELECT (card) ON app.\`orders of ${user}\` TO ${name(user)} WITH GRANT OPTION`);
    const check = () => pair.check(both, alternate, current(), never());
    expect(await check()).toMatchObject([{ code: 'TARGET_NOT_FOUND' }]);
    await pair.bootstrap?.(both, { dryRun: false }, never());
    expect(await check()).toEqual([]);
    const issued = await pair.set(
      both,
      { rotationId: 'r', slot: alternate, value: mintPassword(), current: current() },
      never(),
    );
    if (issued === 'pending') throw new Error('not expected of this rotator');
    await pair.test(both, issued, never());
    expect(await works(password)).toBe(true);
  });
});
