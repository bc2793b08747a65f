/** The refusals of Microsoft Graph and of Entra's token endpoint: status, code, message and body as they send them. */
import { randomUUID } from 'node:crypto';
import { HttpProblem } from '../http.ts';
import type { TokenCheck } from '../identity/identity.ts';

export function graphProblem(
  status: number,
  code: string,
  message: string,
  now: Date,
  headers: Readonly<Record<string, string>> = {},
): HttpProblem {
  const id = randomUUID();
  const innerError = { date: now.toISOString().slice(0, 19), 'request-id': id, 'client-request-id': id };
  return new HttpProblem(status, { error: { code, message, innerError } }, headers);
}

export function unauthenticated({ fault }: Extract<TokenCheck, { ok: false }>, now: Date): HttpProblem {
  const message =
    fault === 'missing'
      ? 'Access token is empty.'
      : fault === 'expired'
        ? 'Lifetime validation failed, the token is expired.'
        : fault === 'audience'
          ? 'Access token validation failure. Invalid audience.'
          : 'Access token validation failure.';
  return graphProblem(401, 'InvalidAuthenticationToken', message, now);
}

export const denied = (now: Date): HttpProblem =>
  graphProblem(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.', now);

export const notFound = (id: string, now: Date): HttpProblem =>
  graphProblem(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
    now,
  );

export function throttled(seconds: number | undefined, now: Date): HttpProblem {
  const headers: Record<string, string> = seconds === undefined ? {} : { 'retry-after': String(seconds) };
  return graphProblem(429, 'TooManyRequests', 'Too many requests.', now, headers);
}

export const badRequest = (message: string, now: Date): HttpProblem =>
  graphProblem(400, 'Request_BadRequest', message, now);

export const noCredential = (keyId: string, now: Date): HttpProblem =>
  badRequest(`No password credential found with keyId '${keyId}'.`, now);

export const noKeyCredential = (keyId: string, now: Date): HttpProblem =>
  badRequest(`No key credential found with keyId '${keyId}'.`, now);

/** So it is answered when the proof is wrong or there is no certificate to prove with (microsoft-graph-docs#22076). */
export const proofRefused = (now: Date): HttpProblem =>
  graphProblem(401, 'Authentication_MissingOrMalformed', 'Access Token missing or malformed.', now);

export const typeForbidden = (now: Date): HttpProblem =>
  graphProblem(
    400,
    'CredentialTypeNotAllowedAsPerAppPolicy',
    `Credential type not allowed as per assigned policy '${randomUUID()}'.`,
    now,
  );

export const lifetimeTooLong = (now: Date): HttpProblem =>
  graphProblem(
    400,
    'CredentialInvalidLifetimeAsPerAppPolicy',
    `Credential lifetime exceeds the max value allowed as per assigned policy '${randomUUID()}'.`,
    now,
  );

export const tooMany = (most: number, now: Date): HttpProblem =>
  graphProblem(
    400,
    'TooManyAppPasswords',
    `Not allowed to add ${most + 1} passwords. You can only add a maximum of ${most} passwords.`,
    now,
  );

/** `{"error","error_description","error_codes",…}` of the token endpoint. */
export function logInProblem(status: number, error: string, code: number, message: string, now: Date): HttpProblem {
  const timestamp = `${now.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const [trace, correlation] = [randomUUID(), randomUUID()];
  const ids = `Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`;
  return new HttpProblem(status, {
    error,
    error_description: `AADSTS${code}: ${message} ${ids}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  });
}
