import { RotationError, type Effect, type ErrorCode, type Recovery } from '../../rotation/errors.ts';
import type { PostgresConfig } from './config.ts';

/** What was being done when it failed. */
export interface Failing {
  readonly server: PostgresConfig;
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

const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const NETWORK_CODE = /^(?:E(?:CONN|HOST|NET|PIPE|AI_)|ENOTFOUND|EADDRNOTAVAIL)/;

/** Turns an error of the driver or the server into the service's own, once. Bugs are passed on as they are. */
export function translate(error: unknown, failing: Failing): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error;
  const verdict = judge(error, failing);
  const { host, port, database } = failing.server;
  const doing = failing.statement === undefined ? `logging in as ${failing.user}` : failing.statement;
  return new RotationError({
    code: verdict.code,
    recovery: verdict.recovery,
    effect: effectOf(failing, verdict.effect),
    message: `${host}:${port}/${database}: ${doing}: ${verdict.why}`,
    ...(verdict.remedy === undefined ? {} : { remedy: verdict.remedy }),
    cause: error,
  });
}

/** The error of a call whose signal was aborted. */
export function interrupted(failing: Failing, reason: unknown): RotationError {
  const { host, port } = failing.server;
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    effect: effectOf(failing, undefined),
    message: `${host}:${port}: the call was stopped ${failing.statement === undefined ? `before or while logging in as ${failing.user}` : `during: ${failing.statement}`}`,
    cause: reason,
  });
}

function effectOf(failing: Failing, ofStatement: Effect | undefined): Effect {
  if (failing.mutating && failing.statement !== undefined && ofStatement === undefined) return 'unknown';
  return failing.applied ? 'applied' : 'none';
}

function judge(error: Error, failing: Failing): Verdict {
  const code = (error as { code?: unknown }).code;
  const state = typeof code === 'string' ? code : '';
  if (TLS_CODE.test(state) || /SSL/.test(error.message)) return tls(error, failing);
  if (/^[0-9A-Z]{5}$/.test(state) && /\d/.test(state)) return ofServer(state, error.message, failing);
  if (/timeout/i.test(error.message) || state === 'ETIMEDOUT') {
    return { code: 'TIMED_OUT', recovery: 'retry', why: 'no answer in time' };
  }
  if (NETWORK_CODE.test(state) || /Connection terminated|socket|ECONN/i.test(error.message)) {
    return { code: 'UNAVAILABLE', recovery: 'retry', why: `no connection (${state || error.message})` };
  }
  if (error.message.startsWith('SASL')) return sasl(error);
  return { code: 'UNAVAILABLE', recovery: 'retry', why: error.message };
}

/** SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function ofServer(state: string, message: string, failing: Failing): Verdict {
  const why = `${message} (${state})`;
  if (state === '28P01' || state === '28000') return refused(why, message, failing);
  // 42501 of CREATEROLE without ADMIN OPTION; 42704 is ALTER ROLE's own word for a role that does not exist.
  if (state === '42501') return denied(why, failing);
  if (state === '42704') return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', why, effect: 'none' };
  if (state === '3D000') {
    const remedy = `Correct the database in the tag ProviderAddress, or: CREATE DATABASE "${failing.server.database.replaceAll('"', '""')}"`;
    return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', why, remedy, effect: 'none' };
  }
  if (state === '53300' || state === '53400') {
    const remedy = 'If it goes on: raise max_connections, or the CONNECTION LIMIT of the account.';
    return { code: 'THROTTLED', recovery: 'retry', why, remedy, effect: 'none' };
  }
  if (state === '57014') return { code: 'TIMED_OUT', recovery: 'retry', why };
  // Two sessions altered the same role at the same time; ours did nothing.
  if (state === 'XX000' && /concurrently/.test(message)) {
    return { code: 'CONFLICT', recovery: 'retry', why, effect: 'none' };
  }
  if (state === '08P01' && /startup parameter/.test(message)) {
    const remedy = 'Point ProviderAddress at the server itself (port 5432), not at its connection pooler.';
    return { code: 'CONFIG_INVALID', recovery: 'reconfigure', why, remedy, effect: 'none' };
  }
  // 55000 at log-in: the database accepts no connections. 57P0x: shutting down, starting, session ended.
  if (/^(?:08|53|57|58|55|XX|40)/.test(state)) return { code: 'UNAVAILABLE', recovery: 'retry', why };
  if (state === '25006') {
    const remedy = 'Point ProviderAddress at the primary server: this one is a read replica.';
    return { code: 'CONFIG_INVALID', recovery: 'reconfigure', why, remedy, effect: 'none' };
  }
  const remedy = `Read the statement's error ${state} in the server's log.`;
  return { code: 'HUMAN_REQUIRED', recovery: 'human', why, remedy, effect: 'none' };
}

function refused(why: string, message: string, failing: Failing): Verdict {
  if (message.includes('pg_hba.conf')) {
    const name = failing.server.host.split('.', 1)[0] ?? failing.server.host;
    const rule = `az postgres flexible-server firewall-rule create --resource-group <group> --server-name ${name} --name keyturn --start-ip-address <outbound ip> --end-ip-address <outbound ip>`;
    const remedy = `Let this app reach the server. In Azure: ${rule}; elsewhere a rule in pg_hba.conf with TLS and scram-sha-256.`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why, remedy };
  }
  if (failing.as === 'account') {
    return { code: 'CREDENTIAL_REJECTED', recovery: 'human', why };
  }
  const remedy = `Correct the administrator of ${failing.server.host} in the settings. For a managed identity, as an Entra administrator in the database postgres: SELECT * FROM pgaadauth_create_principal('${failing.user.replaceAll("'", "''")}', true, false)`;
  return {
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    why: `the administrator's log-in is refused: ${why}`,
    remedy,
  };
}

function denied(why: string, failing: Failing): Verdict {
  if (failing.statement?.startsWith('ending the sessions') === true) {
    const remedy = `GRANT pg_signal_backend TO "${failing.user.replaceAll('"', '""')}"`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why, remedy, effect: 'none' };
  }
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const remedy =
    failing.statement === undefined
      ? `GRANT CONNECT ON DATABASE ${quoted(failing.server.database)} TO ${quoted(failing.user)}`
      : `Run as an administrator of the server: ALTER ROLE ${quoted(failing.user)} CREATEROLE; and for each account of the pair: GRANT <account> TO ${quoted(failing.user)} WITH ADMIN OPTION`;
  return { code: 'ACCESS_DENIED', recovery: 'reconfigure', why, remedy, effect: 'none' };
}

function tls(error: Error, failing: Failing): Verdict {
  return {
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    why: `no verified TLS connection: ${error.message}. TLS is required and never downgraded; nothing was sent`,
    remedy: `Turn on TLS on the server with a certificate for ${failing.server.host}, and if a private authority issued it, name its certificate in NODE_EXTRA_CA_CERTS.`,
  };
}

/** The driver's own refusal of what the server said in the log-in: a server that cannot prove that it knows the verifier. */
function sasl(error: Error): Verdict {
  return {
    code: 'ACCESS_DENIED',
    recovery: 'human',
    why: `the SCRAM log-in could not be completed: ${error.message}`,
    remedy:
      'Check that ProviderAddress names the right server, and that it offers SCRAM-SHA-256 (password_encryption).',
  };
}
