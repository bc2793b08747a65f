import { RotationError, type Effect, type ErrorCode, type Recovery } from '../../rotation/errors.ts';
import type { MysqlConfig } from './config.ts';
import { MysqlFailure } from './driver-error.ts';
import { identifier, literal } from './sql.ts';

/** What was being done when it failed. */
export interface Failing {
  readonly server: MysqlConfig;
  readonly user: string;
  readonly as: 'administrator' | 'account';
  /** The statement that is being waited for changes something. */
  mutating: boolean;
  /** A statement that changed something has been acknowledged. */
  applied: boolean;
  /** The statement that is being waited for, in words that may be shown; absent while logging in. */
  statement: string | undefined;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly recovery: Recovery;
  readonly why: string;
  readonly remedy?: string;
  /** Of a mutating statement; `none` when the server itself said no. */
  readonly effect?: Effect;
}

/** Turns a failure into the service's own error, once. Anything but a `MysqlFailure` is a bug and is given back. */
export function translate(error: unknown, failing: Failing): unknown {
  if (!(error instanceof MysqlFailure)) return error;
  const verdict = judge(error, failing);
  const { host, port } = failing.server;
  const doing = failing.statement ?? `logging in as ${failing.user}`;
  return new RotationError({
    code: verdict.code,
    recovery: verdict.recovery,
    effect: effectOf(failing, verdict.effect),
    message: `${host}:${port}: ${doing}: ${verdict.why}`,
    ...(verdict.remedy === undefined ? {} : { remedy: verdict.remedy }),
    cause: error,
  });
}

/** The error of a call whose signal was aborted. */
export function interrupted(failing: Failing, reason: unknown): RotationError {
  const { host, port } = failing.server;
  const when =
    failing.statement === undefined ? `before or while logging in as ${failing.user}` : `during: ${failing.statement}`;
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    effect: effectOf(failing, undefined),
    message: `${host}:${port}: the call was stopped ${when}`,
    cause: reason,
  });
}

function effectOf(failing: Failing, ofStatement: Effect | undefined): Effect {
  if (failing.mutating && failing.statement !== undefined && ofStatement === undefined) return 'unknown';
  return failing.applied ? 'applied' : 'none';
}

function judge(error: MysqlFailure, failing: Failing): Verdict {
  if (error.number !== 0) return ofServer(error, failing);
  const { code, message } = error;
  if (code === 'PROTOCOL_SEQUENCE_TIMEOUT' || code === 'ETIMEDOUT') {
    return { code: 'TIMED_OUT', recovery: 'retry', why: 'no answer in time' };
  }
  // The driver gives every failure during the TLS handshake the same code, a connection that was cut included.
  const cut = /ECONN|EPIPE|socket disconnected|socket hang up/.test(message);
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT' || (code === 'HANDSHAKE_SSL_ERROR' && !cut)) return tls(error, failing);
  if (code === 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED' || code === 'AUTH_SWITCH_PLUGIN_ERROR') {
    const remedy = `Give ${failing.user} one of mysql_native_password, caching_sha2_password; a managed identity has to be named as such in KEYTURN_ADMINISTRATORS.`;
    // The driver's own words advise to allow it.
    const how =
      code === 'AUTH_SWITCH_PLUGIN_ERROR' ? message : 'the password in clear text, which only a token is given';
    const why = `the server asks for another kind of log-in: ${how}`;
    return { code: 'ACCESS_DENIED', recovery: 'human', why, remedy };
  }
  return { code: 'UNAVAILABLE', recovery: 'retry', why: `no connection (${code || message})` };
}

type Rule = readonly [numbers: readonly number[], verdict: (why: string, failing: Failing) => Verdict];

/** Numbers: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and MariaDB's own from 1900 and 4000 on. */
const RULES: readonly Rule[] = [
  // Wrong or no password, host and plugin included; expired; locked (MySQL, MariaDB); locked after failed attempts; sandboxed.
  [[1045, 1698, 1862, 3118, 4151, 3955, 1820, 1251], refused],
  [[1129, 1130, 9000], unreachable],
  [[1044, 1095, 1142, 1143, 1227, 1370], denied],
  [[1049], noDatabase],
  [[1133, 1141, 1396], (why) => ({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', why, effect: 'none' })],
  [[1040, 1203, 1226], throttled],
  [[1205, 1969, 3024], (why) => ({ code: 'TIMED_OUT', recovery: 'retry', why, effect: 'none' })],
  // Deadlocks; two who altered at the same time.
  [[1213, 1020], (why) => ({ code: 'CONFLICT', recovery: 'retry', why, effect: 'none' })],
  [[1290, 1836], prevented],
  [[1819, 1470], (why) => ({ ...refusedValue(why), effect: 'none' })],
  // Shutting down, out of memory, network errors that the server noticed, killed.
  [
    [1041, 1053, 1080, 1152, 1153, 1156, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 4031],
    (why) => ({ code: 'UNAVAILABLE', recovery: 'retry', why }),
  ],
];

function ofServer(error: MysqlFailure, failing: Failing): Verdict {
  const why = `${error.message} (${error.number})`;
  const rule = RULES.find(([numbers]) => numbers.includes(error.number));
  if (rule !== undefined) return rule[1](why, failing);
  const remedy = `Read about error ${error.number} in the server's manual; nothing was changed by the statement that failed.`;
  return { code: 'HUMAN_REQUIRED', recovery: 'human', why, remedy, effect: 'none' };
}

function refused(why: string, failing: Failing): Verdict {
  // GRANT by somebody who may not grant is answered with the number of a refused log-in.
  if (failing.statement !== undefined && failing.as === 'administrator') return denied(why, failing);
  if (failing.as === 'account') return { code: 'CREDENTIAL_REJECTED', recovery: 'human', why };
  const me = literal(failing.user);
  const remedy = `Correct the administrator of ${failing.server.host} in the settings. For a managed identity, as the server's Entra administrator: CREATE AADUSER ${me} IDENTIFIED BY '<client id of the identity>'`;
  const said = `the administrator's log-in is refused: ${why}`;
  return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why: said, remedy };
}

function unreachable(why: string, failing: Failing): Verdict {
  const name = failing.server.host.split('.', 1)[0] ?? failing.server.host;
  const rule = `az mysql flexible-server firewall-rule create --resource-group <group> --name ${name} --rule-name keyturn --start-ip-address <outbound ip> --end-ip-address <outbound ip>`;
  const remedy = `Let this app reach the server through a private endpoint, or: ${rule}; and let ${failing.user} log in from its address.`;
  return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why, remedy };
}

/** What the administrator needs, as the README of this folder has it. */
export function permissions(user: string): string {
  const me = `${identifier(user)}@'%'`;
  return `Run as an administrator of the server: GRANT CREATE USER, PROCESS ON *.* TO ${me}; GRANT SELECT ON mysql.* TO ${me}`;
}

function denied(why: string, failing: Failing): Verdict {
  return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why, remedy: deniedRemedy(failing), effect: 'none' };
}

function deniedRemedy({ statement, user, server }: Failing): string {
  const me = `${identifier(user)}@'%'`;
  if (statement === undefined) {
    return `GRANT SELECT ON ${identifier(server.database ?? '')}.* TO both accounts, or correct the database in the tag ProviderAddress.`;
  }
  if (statement.startsWith('ending the sessions')) {
    return `On MySQL: GRANT CONNECTION_ADMIN ON *.* TO ${me}; on MariaDB: GRANT CONNECTION ADMIN ON *.* TO ${me}`;
  }
  if (statement.startsWith('GRANT ')) {
    return `Run as somebody who may grant it, then bootstrap again: ${statement}`;
  }
  return permissions(user);
}

function noDatabase(why: string, { server }: Failing): Verdict {
  const remedy = `Correct the database in the tag ProviderAddress, or: CREATE DATABASE ${identifier(server.database ?? '')}`;
  return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', why, remedy, effect: 'none' };
}

function throttled(why: string): Verdict {
  const remedy = 'If it goes on: raise max_connections, or the limits of the account (ALTER USER … WITH MAX_…).';
  return { code: 'THROTTLED', recovery: 'retry', why, remedy, effect: 'none' };
}

/** 1290 names the option that is in the way: read-only on a replica, or the password check that wants to see passwords. */
function prevented(why: string): Verdict {
  if (/strict-password-validation/.test(why)) {
    const remedy =
      'SET GLOBAL strict_password_validation = OFF: Keyturn sends MariaDB no password in plain text, for it would be in its logs.';
    return { code: 'HUMAN_REQUIRED', recovery: 'human', why, remedy, effect: 'none' };
  }
  const remedy = 'Point ProviderAddress at the primary server: this one can only be read.';
  return { code: 'CONFIG_INVALID', recovery: 'reconfigure', why, remedy, effect: 'none' };
}

function refusedValue(why: string): Verdict {
  const remedy =
    'Make the policy of the server and what Keyturn generates (40 characters of four classes) agree; names have 32 characters at most on MySQL.';
  return { code: 'CONFIG_INVALID', recovery: 'reconfigure', why, remedy };
}

function tls(error: Error, failing: Failing): Verdict {
  return {
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    why: `no verified TLS connection: ${error.message}. TLS is required and never downgraded; no password was sent`,
    remedy: `Turn on TLS on the server with a certificate for ${failing.server.host}, and if a private authority issued it, name its certificate in NODE_EXTRA_CA_CERTS.`,
  };
}
