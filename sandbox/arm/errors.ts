/** ARM's own refusals: status, code, message and headers as Azure sends them. */
import { HttpProblem } from '../http.ts';
import type { TokenCheck } from '../identity/identity.ts';

export function armProblem(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpProblem {
  return new HttpProblem(status, { error: { code, message } }, headers);
}

/** 401 for each way in which a token can be wrong. */
export function unauthenticated(check: Extract<TokenCheck, { ok: false }>, audience: string, now: Date): HttpProblem {
  const [code, message] = reason(check, audience, now);
  const challenge = `Bearer authorization_uri="https://login.windows.net/", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`;
  return armProblem(401, code, message, { 'www-authenticate': challenge });
}

function reason(check: Extract<TokenCheck, { ok: false }>, audience: string, now: Date): readonly [string, string] {
  switch (check.fault) {
    case 'missing':
      return ['AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing."];
    case 'expired':
      return [
        'ExpiredAuthenticationToken',
        `The access token expiry UTC time is earlier than current UTC time '${now.toISOString()}'.`,
      ];
    case 'audience':
      return [
        'InvalidAuthenticationTokenAudience',
        `The access token has been obtained for wrong audience or resource '${check.found ?? ''}'. It should exactly match with one of the allowed audiences '${audience}'.`,
      ];
    case 'issuer':
      return [
        'InvalidAuthenticationTokenTenant',
        `The access token is from the wrong issuer '${check.found ?? ''}'. It must match the tenant associated with this subscription.`,
      ];
    case 'malformed':
    case 'signature':
    case 'revoked':
      return ['InvalidAuthenticationToken', 'The access token is invalid.'];
  }
}

export function forbidden(client: string, objectId: string, action: string, scope: string): HttpProblem {
  return armProblem(
    403,
    'AuthorizationFailed',
    `The client '${client}' with object id '${objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}

export const subscriptionNotFound = (id: string): HttpProblem =>
  armProblem(404, 'SubscriptionNotFound', `The subscription '${id}' could not be found.`);

export const groupNotFound = (name: string): HttpProblem =>
  armProblem(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);

export const resourceNotFound = (type: string, name: string, group: string): HttpProblem =>
  armProblem(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${name}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );

export function throttled(subscriptionId: string, retryAfterSeconds: number | undefined): HttpProblem {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return armProblem(
    429,
    'SubscriptionRequestsThrottled',
    `Number of requests for subscription '${subscriptionId}' exceeded. Please try again after '${retryAfterSeconds ?? 5}' seconds after additional tokens are available.`,
    { ...headers, 'x-ms-ratelimit-remaining-subscription-writes': '0' },
  );
}

export const busy = (name: string): HttpProblem =>
  armProblem(
    409,
    'StorageAccountOperationInProgress',
    `An operation is currently performing on storage account ${name} that requires exclusive access.`,
  );

export const locked = (scope: string): HttpProblem =>
  armProblem(
    409,
    'ScopeLocked',
    `The scope '${scope}' cannot perform write operation because following scope(s) are locked: '${scope}'. Please remove the lock and try again.`,
  );

export const inProgress = (name: string): HttpProblem =>
  armProblem(409, 'AnotherOperationInProgress', `Another operation on ${name} is in progress. Please try again later.`);
