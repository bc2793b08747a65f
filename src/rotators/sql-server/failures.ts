import { RotationError, type ErrorCode, type RotationErrorInit } from '../../rotation/errors.ts';
import { SqlFailure, type Place } from './client.ts';
import { identifier } from './sql.ts';

/** Who was talking to the server when it failed. */
export interface Speaker {
  readonly role: 'administrator' | 'account';
  readonly name: string;
  readonly place: Place;
  /** The account that was to be changed. */
  readonly about?: string;
}

type Said = Pick<RotationErrorInit, 'code' | 'recovery' | 'message'> &
  Partial<Pick<RotationErrorInit, 'remedy' | 'retryAfterMs'>>;

/** Numbers of learn.microsoft.com, "Database Engine errors" and "Troubleshoot transient errors in Azure SQL". */
const THROTTLED = new Set([10928, 10929, 40501, 40544, 40549, 40550, 40551, 40552, 40553, 49918, 49919, 49920]);
const PASSING = new Set([
  596, 615, 926, 1205, 1222, 4221, 10053, 10054, 17142, 40143, 40166, 40197, 40540, 40613, 42108, 42109,
]);
const NOT_PERMITTED = new Set([229, 230, 262, 297, 300, 916, 4613, 6102, 15151, 15247]);
const LOGIN_NUMBERS = new Set([18456, 18470, 18486, 18487, 18488]);
const TLS_CODE = /CERT|SELF_SIGNED|UNABLE_TO|TLS|SSL/;

/**
 * Turns what the driver said into the service's own error; anything but a `SqlFailure` is given back as it is.
 * The effect is `unknown` only where a change was on its way and no answer came.
 */
export function translate(error: unknown, speaker: Speaker): unknown {
  if (!(error instanceof SqlFailure)) return error;
  const said = byNumber(error, speaker) ?? byCode(error, speaker);
  const lost = error.phase === 'change' && error.numbers.length === 0;
  return new RotationError({ ...said, effect: lost ? 'unknown' : 'none', cause: error });
}

function byNumber(error: SqlFailure, speaker: Speaker): Said | undefined {
  const { place, name } = speaker;
  const is = (numbers: ReadonlySet<number>): number | undefined => error.numbers.find((number) => numbers.has(number));
  const server = `${place.host}:${place.port}`;
  if (error.numbers.includes(40615)) return firewall(speaker);
  // 4060 comes together with 18456, and says more.
  if (error.numbers.includes(4060)) {
    return {
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: `${name} may not open the database ${place.database} on ${server}, or there is no such database (error 4060)`,
      remedy: `In ${place.database}: CREATE USER ${identifier(name)} FOR LOGIN ${identifier(name)}; or correct the database in ProviderAddress.`,
    };
  }
  const login = is(LOGIN_NUMBERS);
  if (login !== undefined) return refusedLogin(login, speaker);
  const throttled = is(THROTTLED);
  if (throttled !== undefined) {
    return {
      code: 'THROTTLED',
      recovery: 'retry',
      message: `${server} is too busy (error ${throttled})`,
      // The text of 40501 says 10 seconds; the others name no time.
      ...(throttled === 40501 ? { retryAfterMs: 10_000 } : {}),
    };
  }
  const passing = is(PASSING);
  if (passing !== undefined) {
    return {
      code: 'UNAVAILABLE',
      recovery: 'retry',
      message: `${server} is not available now (error ${passing}): ${error.message}`,
    };
  }
  const denied = is(NOT_PERMITTED);
  if (denied !== undefined) {
    return {
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: `${name} may not do this on ${server}, or the account ${speaker.about ?? ''} does not exist (error ${denied}): ${error.message}`,
      remedy: permissionRemedy(speaker),
    };
  }
  const policy = error.numbers.find((number) => number >= 15113 && number <= 15119);
  if (policy !== undefined) {
    return {
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: `${server} refused the generated password of ${speaker.about ?? name} (error ${policy}): ${error.message}`,
      remedy:
        'Make the password policy of the server and the generated passwords of Keyturn (32 characters of four classes) agree.',
    };
  }
  return undefined;
}

/** What the administrator is to be granted, on SQL Server and in Azure SQL. */
export function permissionRemedy({ name, place }: Speaker): string {
  const who = identifier(name);
  return (
    `In master, as sysadmin: GRANT ALTER ANY LOGIN TO ${who}; GRANT VIEW ANY DEFINITION TO ${who}; GRANT VIEW SERVER STATE TO ${who}. ` +
    `In Azure SQL: ALTER SERVER ROLE [##MS_LoginManager##] ADD MEMBER ${who} in master, or make it the server's Entra administrator. ` +
    `For contained users, in ${place.database}: GRANT ALTER ANY USER TO ${who}; GRANT VIEW DEFINITION TO ${who}.`
  );
}

function refusedLogin(number: number, { role, name, place }: Speaker): Said {
  const server = `${place.host}:${place.port}`;
  if (role === 'administrator') {
    return {
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: `${server} refused the log-in of the administrator ${name} (error ${number})`,
      remedy: `Correct the administrator of ${place.host} in the settings (KEYTURN_ADMINISTRATORS), or its password in the vault; a managed identity has to be the server's Entra administrator or: CREATE LOGIN ${identifier(name)} FROM EXTERNAL PROVIDER.`,
    };
  }
  const login = identifier(name);
  const why: Record<number, readonly [string, string]> = {
    18456: [
      'the password is not the account’s, or the account does not exist',
      `ALTER LOGIN ${login} WITH PASSWORD = '<the value in the vault>', or rotate with force.`,
    ],
    18470: ['the account is disabled', `ALTER LOGIN ${login} ENABLE`],
    18486: ['the account is locked', `ALTER LOGIN ${login} WITH PASSWORD = '<the value in the vault>' UNLOCK`],
    18487: ['the password has expired', `ALTER LOGIN ${login} WITH CHECK_EXPIRATION = OFF`],
    18488: [
      'the password must be changed at the next log-in',
      `ALTER LOGIN ${login} WITH PASSWORD = '<the value in the vault>' without MUST_CHANGE`,
    ],
  };
  const [reason = '', remedy = ''] = why[number] ?? [];
  return {
    code: 'CREDENTIAL_REJECTED',
    recovery: 'human',
    message: `${server} refused the log-in of ${name}: ${reason} (error ${number})`,
    remedy,
  };
}

function firewall({ place }: Speaker): Said {
  const server = place.host.split('.')[0] ?? place.host;
  return {
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    message: `the firewall of ${place.host} does not let this app in (error 40615)`,
    remedy: `Reach it through a private endpoint, or: az sql server firewall-rule create -g <resource group> -s ${server} -n keyturn --start-ip-address <outbound ip> --end-ip-address <outbound ip>`,
  };
}

function byCode(error: SqlFailure, { place }: Speaker): Said {
  const server = `${place.host}:${place.port}`;
  const changing = error.phase === 'change';
  const timedOut = (message: string): Said => ({ code: 'TIMED_OUT' satisfies ErrorCode, recovery: 'retry', message });
  if (error.code === 'ABORTED') {
    return timedOut(
      changing ? `the call was aborted while ${server} had a change in hand` : `the call to ${server} was aborted`,
    );
  }
  if (error.code === 'ETIMEOUT') return timedOut(`${server} did not answer in time`);
  if (error.code === 'EENCRYPT' || TLS_CODE.test(error.system ?? '')) {
    return {
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: `${server} cannot be trusted: ${error.message}`,
      remedy: `Give the server a certificate for ${place.host} from a known authority, or add its authority to NODE_EXTRA_CA_CERTS. Encryption and verification cannot be turned off.`,
    };
  }
  // ESOCKET while connecting, the socket's own code (ECONNRESET) or ECLOSE afterwards: no answer of the server.
  if (error.numbers.length === 0 && error.code !== 'EINVALIDSTATE') {
    return changing
      ? timedOut(`the connection to ${server} was lost before it answered a change: ${error.message}`)
      : { code: 'UNAVAILABLE', recovery: 'retry', message: `${server} cannot be reached: ${error.message}` };
  }
  return {
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `${server} answered with error ${error.numbers.join(', ') || error.code}: ${error.message}`,
    remedy:
      'Look the number up in the Database Engine errors of SQL Server; nothing was changed by the statement that failed.',
  };
}
