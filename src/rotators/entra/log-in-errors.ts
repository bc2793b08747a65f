import type { Asked } from '../../azure/rest-errors.ts';
import type { RotationErrorInit } from '../../rotation/errors.ts';
import { RotationError } from '../../rotation/errors.ts';

export interface LogInFacts extends Asked {
  readonly appId: string;
  readonly tenant: string;
}

/**
 * A refusal of the token endpoint: `{"error","error_description":"AADSTS…: …","error_codes":[…]}`. Codes:
 * learn.microsoft.com/entra/identity-platform/reference-error-codes. Nothing was changed by asking.
 */
export function logInRefusal(
  status: number,
  body: unknown,
  facts: LogInFacts,
  wait: number | undefined,
): RotationError {
  const { code, sentence } = said(body);
  const what = `${facts.what} was answered ${status}${sentence === '' ? '' : ` ${sentence}`}`;
  return new RotationError({
    message: what,
    ...classify(status, code, facts),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function classify(status: number, code: number, facts: LogInFacts): Omit<RotationErrorInit, 'message'> {
  const { appId, tenant, host } = facts;
  switch (code) {
    case 7000215: // wrong, or so new that this replica does not know it yet
    case 7000222: // expired
    case 700027: // a certificate that is not registered, or not known yet, or expired
      return { code: 'CREDENTIAL_REJECTED', recovery: 'retry' };
    case 700016:
    case 7000229: {
      const remedy = `The tenant ${tenant} has no service principal of the application: az ad sp create --id ${appId}; or KEYTURN_TENANT is not the application's tenant.`;
      return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', remedy };
    }
    case 90002:
    case 900023: {
      const remedy = `There is no tenant ${tenant} at ${host}: correct the settings KEYTURN_TENANT and KEYTURN_LOGIN_ENDPOINT.`;
      return { code: 'CONFIG_INVALID', recovery: 'reconfigure', remedy };
    }
    case 7000112: {
      const remedy = `The application is disabled in the tenant: az ad sp update --id ${appId} --set accountEnabled=true`;
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
    }
    case 700024: {
      const remedy =
        'The signed assertion is not valid yet, or not any more: the clocks of the app and of Entra differ.';
      return { code: 'UNAVAILABLE', recovery: 'retry', remedy };
    }
    default:
      return unrelated(status, code, facts);
  }
}

/** Nothing was said about the credential. */
function unrelated(status: number, code: number, { host }: LogInFacts): Omit<RotationErrorInit, 'message'> {
  if (status === 429) return { code: 'THROTTLED', recovery: 'retry' };
  if (status === 408) return { code: 'TIMED_OUT', recovery: 'retry' };
  if (status >= 500 || code === 0) return { code: 'UNAVAILABLE', recovery: 'retry' };
  // 53003 and its like: Conditional Access may let a workload in from its own network only, and this app is elsewhere.
  const remedy = `Entra refuses the log-in for another reason than the credential, such as Conditional Access: https://${host}/error?code=${code}`;
  return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
}

/** The number of Entra's code, 0 where there is none, and its first line: what follows are ids of the request. */
function said(body: unknown): { readonly code: number; readonly sentence: string } {
  const of = (key: string): unknown =>
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  const description = of('error_description');
  const text = typeof description === 'string' ? description : '';
  const codes = of('error_codes');
  const listed: unknown = Array.isArray(codes) ? codes[0] : undefined;
  const written = Number(/^AADSTS(\d+)/.exec(text)?.[1] ?? Number.NaN);
  const code = typeof listed === 'number' ? listed : written;
  const sentence = text.split(/\r?\n| Trace ID:/)[0] ?? '';
  return { code: Number.isNaN(code) ? 0 : code, sentence };
}
