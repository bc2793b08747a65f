/** What MariaDB cannot show, over the wire: other servers' certificates, log-ins in clear text, the answers of MySQL 8. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEndpoint, type Endpoint, type EndpointOptions } from '../../sandbox/mysql/endpoint.ts';
import type { Answer } from '../../sandbox/mysql/packets.ts';
import { createPki, type Pki } from '../../sandbox/pki.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import type { Administrator, Rotator, Target } from '../../src/rotation/ports.ts';
import { nativeHash } from '../../src/rotators/mysql/password.ts';
import { mysqlRotator } from '../../src/rotators/mysql/rotator.ts';
import { never, rejection, Wiretap } from './rotator-bench.ts';

const tap = new Wiretap();
const password = mintPassword();
const BY_PASSWORD: Administrator = { kind: 'password', user: 'keyturn', password };
const BY_TOKEN: Administrator = { kind: 'token', user: 'keyturn', token: password };

let pki: Pki;
let endpoint: Endpoint | undefined;

beforeAll(async () => {
  pki = await createPki();
});
afterEach(() => endpoint?.stop());

async function scene(options: EndpointOptions, admin: Administrator, how: { disable?: boolean; host?: string } = {}) {
  endpoint = await startEndpoint(options);
  const rotator: Rotator = mysqlRotator({
    administrators: { for: () => Promise.resolve(admin) },
    ca: pki.caPem,
    disableOnRevoke: how.disable === true,
  });
  const providerAddress = `mysql://${how.host ?? '127.0.0.1'}:${endpoint.port}`;
  const target: Target = rotator.parseTarget({ credentialId: 'app', providerAddress });
  const current = { credentialId: 'app', slot: 'app', value: mintPassword() };
  return { rotator, target, current, endpoint };
}

describe('TLS', () => {
  it('is not given up when the server offers none: nothing is sent, not even the name of the user', async () => {
    for (const admin of [BY_PASSWORD, BY_TOKEN]) {
      const { rotator, target, current, endpoint: server } = await scene({}, admin);
      for (const attempt of [() => rotator.list(target, never()), () => rotator.test(target, current, never())]) {
        expect(await rejection(attempt(), tap)).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
      }
      expect(server.logIns).toBe(0);
      await server.stop();
    }
  });

  it.each([
    ['127.0.0.1', ['localhost', 'db.example.com'], 0],
    ['127.0.0.1', ['127.0.0.1'], 1],
    ['localhost', ['127.0.0.1', 'db.example.com'], 0],
    ['localhost', ['localhost'], 1],
  ])('of a server reached as %s with a certificate for %j ends in %d log-ins', async (host, names, logIns) => {
    const {
      rotator,
      target,
      current,
      endpoint: server,
    } = await scene({ tls: await pki.issue(names) }, BY_PASSWORD, { host });
    const attempt = rotator.test(target, current, never());
    if (logIns === 0) {
      const error = await rejection(attempt, tap);
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    } else await attempt;
    expect(server.logIns).toBe(logIns);
  });
});

describe('a server that asks for the password in clear text', () => {
  it('gets a token, inside TLS', async () => {
    const tls = await pki.issue(['127.0.0.1']);
    const { rotator, target, endpoint: server } = await scene({ tls, plugin: 'mysql_clear_password' }, BY_TOKEN);
    await rotator.list(target, never());
    expect(server.passwords).toEqual([password.reveal()]);
  });

  it('gets no password of an administrator or of an account', async () => {
    const tls = await pki.issue(['127.0.0.1']);
    const {
      rotator,
      target,
      current,
      endpoint: server,
    } = await scene({ tls, plugin: 'mysql_clear_password' }, BY_PASSWORD);
    for (const attempt of [() => rotator.list(target, never()), () => rotator.test(target, current, never())]) {
      expect(await rejection(attempt(), tap)).toMatchObject({
        code: 'ACCESS_DENIED',
        recovery: 'human',
        effect: 'none',
      });
    }
    expect(server.passwords).toEqual([]);
  });
});

/** MySQL 8, as far as the rotator asks it. */
function mysql8(plugin: string, knowsSecondPassword: boolean): (sql: string) => Answer {
  const created = (user: string): Answer => ({
    rows: [
      [
        `CREATE USER \`${user}\`@\`%\` IDENTIFIED WITH '${plugin}' AS '$A$005$'"\`\\' DEFAULT ROLE \`rw\`@\`%\` REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT`,
      ],
    ],
  });
  const granted = (user: string): Answer => ({
    rows: [[`GRANT USAGE ON *.* TO \`${user}\`@\`%\``], [`GRANT \`rw\`@\`%\` TO \`${user}\`@\`%\``]],
  });
  return (sql) => {
    const [, what = '', user = ''] = /^SHOW (CREATE USER|GRANTS FOR) `(\w+)`/.exec(sql) ?? [];
    if (what !== '') return what === 'GRANTS FOR' ? granted(user) : created(user);
    if (sql === 'SHOW GRANTS') return { rows: [['GRANT PROCESS, CREATE USER ON *.* TO `keyturn`@`%`']] };
    if (sql.includes('INNODB_TRX')) return { rows: [['1']] };
    if (sql.endsWith('DISCARD OLD PASSWORD') && !knowsSecondPassword) {
      return { error: { number: 1064, message: `You have an error in your SQL syntax near '${sql}'` } };
    }
    return {};
  };
}

async function onMysql8(plugin: string, knowsSecondPassword = true, disable = false) {
  const options = { tls: await pki.issue(['127.0.0.1']), answer: mysql8(plugin, knowsSecondPassword) };
  const made = await scene(options, BY_PASSWORD, { disable });
  const value = mintPassword();
  const set = () =>
    made.rotator.set(made.target, { rotationId: 'r', slot: 'app_alt', value, current: made.current }, never());
  const changes = (): readonly string[] => made.endpoint.statements.filter((sql) => /^(?:ALTER|CREATE|KILL)/.test(sql));
  return { ...made, value, set, changes };
}

describe('on MySQL 8', () => {
  it.each(['caching_sha2_password', 'sha256_password'])(
    '%s gets the password, and keeps its plugin',
    async (plugin) => {
      const { set, changes, value } = await onMysql8(plugin);
      await set();
      expect(changes()).toEqual([
        `ALTER USER \`app_alt\`@\`%\` IDENTIFIED WITH '${plugin}' BY '${value.reveal()}' ACCOUNT UNLOCK`,
        'ALTER USER `app_alt`@`%` DISCARD OLD PASSWORD',
      ]);
    },
  );

  it('mysql_native_password gets the hash', async () => {
    const { set, changes, value } = await onMysql8('mysql_native_password');
    await set();
    expect(changes()[0]).toBe(
      `ALTER USER \`app_alt\`@\`%\` IDENTIFIED WITH 'mysql_native_password' AS '${nativeHash(value)}' ACCOUNT UNLOCK`,
    );
  });

  it('a server that knows no second password has none to discard', async () => {
    const { set, changes } = await onMysql8('caching_sha2_password', false);
    await expect(set()).resolves.toMatchObject({ slot: 'app_alt' });
    expect(changes()).toHaveLength(2);
  });

  it('a second password does not outlive a revoke, and the account is locked when the setting says so', async () => {
    const { rotator, target, changes } = await onMysql8('caching_sha2_password', true, true);
    await rotator.revoke(target, 'app', { endSessions: false }, never());
    expect(changes()).toHaveLength(2);
    expect(changes()[0]).toMatch(
      /^ALTER USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' BY '[\w-]{40}' ACCOUNT LOCK$/,
    );
    expect(changes()[1]).toBe('ALTER USER `app`@`%` DISCARD OLD PASSWORD');
  });

  it('a syntax error does not repeat the statement with the password', async () => {
    const {
      rotator,
      target,
      current,
      endpoint: server,
    } = await scene(
      {
        tls: await pki.issue(['127.0.0.1']),
        answer: (sql) =>
          sql.startsWith('ALTER')
            ? { error: { number: 1064, message: `You have an error near '${sql.slice(20)}'` } }
            : mysql8('caching_sha2_password', true)(sql),
      },
      BY_PASSWORD,
    );
    const value = mintPassword();
    const attempt = rotator.set(target, { rotationId: 'r', slot: 'app_alt', value, current }, never());
    const error = await rejection(attempt, tap);
    expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', effect: 'none' });
    expect(server.statements.join()).toContain(value.reveal());
    expect(tap.texts.join()).not.toContain(value.reveal());
  });

  it.each([
    ['by the procedure of Azure', {}, undefined],
    ['not at all', { error: { number: 1305, message: 'PROCEDURE mysql.az_kill does not exist' } }, 'ACCESS_DENIED'],
  ])('sessions that KILL may not end are ended %s', async (_, procedure: Answer, code) => {
    const answer = (sql: string): Answer => {
      if (sql.startsWith('KILL')) return { error: { number: 1095, message: 'You are not owner of thread 7' } };
      if (sql.startsWith('CALL')) return procedure;
      if (sql.includes('PROCESSLIST')) return { error: { number: 1109, message: 'Unknown table' } };
      if (sql.includes('performance_schema.processlist')) return { columns: ['id', 'user'], rows: [['7', 'app']] };
      return mysql8('caching_sha2_password', true)(sql);
    };
    const {
      rotator,
      target,
      endpoint: server,
    } = await scene({ tls: await pki.issue(['127.0.0.1']), answer }, BY_PASSWORD);
    const attempt = rotator.revoke(target, 'app', { endSessions: true }, never());
    if (code === undefined) await attempt;
    else expect(await rejection(attempt, tap)).toMatchObject({ code, effect: 'applied' });
    expect(server.statements.slice(-2)).toEqual(['KILL 7', 'CALL mysql.az_kill(7)']);
  });
});
