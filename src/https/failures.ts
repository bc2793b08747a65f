import { RotationError, type Effect, type RotationErrorInit } from '../rotation/errors.ts';
import { ADDRESS_REFUSED } from './address.ts';

/** What a request is for, in the words of an error. */
export interface Doing {
  /** `creating a key at sendgrid (POST https://api.sendgrid.com/v3/api_keys)`; never a value. */
  readonly what: string;
  /** Does it change something? Then a lost answer leaves the effect unknown. */
  readonly writes: boolean;
  /** The setting that names the endpoint, for the remedy: `KEYTURN_HTTP_APIS["sendgrid"]`. */
  readonly setting: string;
}

/** Sockets that were never opened: the request cannot have had an effect. */
const UNREACHABLE = /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/;
const TLS = /CERT|^ERR_TLS_|^ERR_SSL_|^UNABLE_TO_|^EPROTO$|^HOSTNAME_MISMATCH$|^INVALID_CA$/;
/** Socket and stream errors are marked so; whatever has no such code is a bug. */
const OF_THE_WIRE = /^(?:E[A-Z_]+|HPE_[A-Z_]+|ABORT_ERR)$/;

/**
 * No answer came, or none that could be read to its end. Anything that is no failure of the wire is given back as it is.
 * No request is kept as the cause: it has the credential in its headers.
 */
export function unanswered(
  error: unknown,
  doing: Doing,
  { host, sent, aborted }: { readonly host: string; readonly sent: boolean; readonly aborted: boolean },
): unknown {
  if (!(error instanceof Error) || error instanceof RotationError || error instanceof TypeError) return error;
  const effect: Effect = doing.writes && sent ? 'unknown' : 'none';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (code === ADDRESS_REFUSED) return refusedAddress(doing, error.message);
  if (aborted || error.name === 'AbortError' || code === 'ETIMEDOUT') {
    const message = `${doing.what}: ${host} gave no answer in time`;
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect, message });
  }
  if (TLS.test(code)) {
    const message = `${doing.what}: the certificate of ${host} is refused (${code})`;
    const remedy = `Look at what it presents: openssl s_client -connect ${withPort(host)} -servername ${host.replace(/:\d+$/, '')}. A private authority is added with NODE_EXTRA_CA_CERTS.`;
    return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, remedy });
  }
  if (UNREACHABLE.test(code)) {
    const message = `${doing.what}: ${host} cannot be reached (${code})`;
    const remedy = `Check the name and the way out of the app's network: nslookup ${host.replace(/:\d+$/, '')}`;
    return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, remedy });
  }
  if (!OF_THE_WIRE.test(code)) return error;
  const message = `${doing.what}: the connection to ${host} was cut before the answer (${code})`;
  return new RotationError({
    code: effect === 'none' ? 'UNAVAILABLE' : 'TIMED_OUT',
    recovery: 'retry',
    effect,
    message,
  });
}

function withPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host}:443`;
}

function refusedAddress(doing: Doing, why: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${doing.what}: ${why}`,
    remedy: `If the system is in your own network, say so: "allowPrivate": true in ${doing.setting}. If it is not, find out who answers for its name.`,
  });
}

export function headerInvalid(doing: Doing, name: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${doing.what}: the header ${name} would hold a character that no header may hold`,
    remedy: `Look for a line end or a letter outside ASCII in the secret and in the variables of ${doing.setting}: az keyvault secret show --id <secret> --query value --output tsv | xxd | tail -1`,
  });
}

export function tooLarge(doing: Doing, bytes: number): RotationError {
  return new RotationError({
    code: 'UNAVAILABLE',
    recovery: 'retry',
    effect: doing.writes ? 'unknown' : 'none',
    message: `${doing.what}: the answer is larger than ${bytes} bytes and was not read to its end`,
  });
}

/** What an answer that is not a success means, whatever the service calls it. */
export type Meaning =
  | 'refused-login' // the caller is not known
  | 'denied'
  | 'absent'
  | 'conflict'
  | 'throttled'
  | 'unavailable'
  | 'timed-out'
  | 'redirect'
  | 'see-other' // 303: it was done, and the answer points to the result
  | 'unexpected' // it was done, or begun, and the answer is not the one that was to come
  | 'invalid';

/** The meaning of a status where the service says nothing more precise. Pure. */
export function meaningOf(status: number): Meaning {
  if (status < 300) return 'unexpected';
  if (status === 303) return 'see-other';
  if (status >= 300 && status < 400) return 'redirect';
  if (status === 401) return 'refused-login';
  if (status === 403) return 'denied';
  if (status === 404 || status === 410) return 'absent';
  if (status === 408 || status === 504) return 'timed-out';
  if (status === 409) return 'conflict';
  if (status === 429) return 'throttled';
  return status >= 500 ? 'unavailable' : 'invalid';
}

/** Code, recovery and effect of a meaning; the remedy is the caller's to say. Pure. */
export function outcomeOf(meaning: Meaning, writes: boolean): Pick<RotationErrorInit, 'code' | 'recovery' | 'effect'> {
  const lost: Effect = writes ? 'unknown' : 'none';
  switch (meaning) {
    case 'refused-login':
    case 'denied':
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure' };
    case 'absent':
      return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure' };
    case 'conflict':
      return { code: 'CONFLICT', recovery: 'retry' };
    case 'throttled':
      return { code: 'THROTTLED', recovery: 'retry' };
    case 'unavailable':
      return { code: 'UNAVAILABLE', recovery: 'retry', effect: lost };
    case 'timed-out':
      return { code: 'TIMED_OUT', recovery: 'retry', effect: lost };
    case 'unexpected':
    case 'see-other':
      return { code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: lost };
    case 'redirect':
    case 'invalid':
      return { code: 'CONFIG_INVALID', recovery: 'reconfigure' };
  }
}
