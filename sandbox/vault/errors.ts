/** The error bodies of Key Vault's data plane, word for word where they were recorded (facts A5). */
import { HttpProblem } from '../http.ts';
import type { Principal } from '../identity/identity.ts';

export function kvError(
  status: number,
  code: string,
  message: string,
  inner?: string,
  headers: Readonly<Record<string, string>> = {},
): HttpProblem {
  const error = inner === undefined ? { code, message } : { code, message, innererror: { code: inner } };
  return new HttpProblem(status, { error }, headers);
}

export function secretNotFound(nameOrId: string): HttpProblem {
  return kvError(
    404,
    'SecretNotFound',
    `A secret with (name/id) ${nameOrId} was not found in this key vault. If you recently deleted this secret you may be ` +
      'able to recover it using the correct recovery command. For help resolving this issue, please see ' +
      'https://go.microsoft.com/fwlink/?linkid=2125182',
  );
}

export function keyNotFound(nameOrId: string): HttpProblem {
  return kvError(
    404,
    'KeyNotFound',
    `A key with (name/id) ${nameOrId} was not found in this key vault. If you recently deleted this key you may be ` +
      'able to recover it using the correct recovery command. For help resolving this issue, please see ' +
      'https://go.microsoft.com/fwlink/?linkid=2125182',
  );
}

/** @param operation as the service spells it: `unwrapKey` */
export function keyDisabled(operation: string): HttpProblem {
  return kvError(403, 'Forbidden', `Operation ${operation} is not allowed on a disabled key.`, 'KeyDisabled');
}

export function secretDisabled(): HttpProblem {
  return kvError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
}

export function deletedNotFound(name: string): HttpProblem {
  return kvError(404, 'SecretNotFound', `Deleted Secret not found: ${name}`);
}

export function deletedButRecoverable(name: string): HttpProblem {
  return kvError(
    409,
    'Conflict',
    `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, ` +
      'the secret can only be recovered or purged.',
    'ObjectIsDeletedButRecoverable',
  );
}

export function beingDeleted(): HttpProblem {
  return kvError(409, 'Conflict', 'Secret is currently being deleted.', 'ObjectIsBeingDeleted');
}

export function beingRecovered(name: string): HttpProblem {
  return kvError(
    409,
    'Conflict',
    `Secret ${name} is currently being recovered and cannot be re-created; retry later.`,
    'ObjectIsBeingRecovered',
  );
}

/** The wording is this sandbox's own: no recording was at hand. */
export function nameInUse(name: string): HttpProblem {
  return kvError(409, 'Conflict', `Secret ${name} already exists in this vault.`);
}

export function badParameter(message: string): HttpProblem {
  return kvError(400, 'BadParameter', message);
}

/** A 429 of the real service came without Retry-After (facts A3); both forms exist here. */
export function throttled(retryAfterSeconds?: number): HttpProblem {
  return kvError(
    429,
    'Throttled',
    'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached',
    undefined,
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  );
}

/** What a caller may do, as the permission models name it. `update` is PATCH: policy permission `set`. */
export type VaultAction =
  | ('get' | 'list' | 'set' | 'update' | 'delete' | 'recover' | 'purge' | 'backup' | 'restore')
  | ('create' | 'rotate' | 'getRotationPolicy' | 'setRotationPolicy')
  | ('encrypt' | 'decrypt' | 'wrapkey' | 'unwrapkey');

export type Refusal =
  | 'AccessDenied'
  | 'ForbiddenByRbac'
  | 'ForbiddenByFirewall'
  | 'ForbiddenByConnection'
  | 'ForbiddenByPolicy'
  | 'Throttled';

const DATA_ACTIONS: Readonly<Record<VaultAction, string>> = {
  get: 'getSecret/action',
  list: 'readMetadata/action',
  set: 'setSecret/action',
  update: 'update/action',
  delete: 'delete',
  recover: 'recover/action',
  purge: 'purge/action',
  backup: 'backup/action',
  restore: 'restore/action',
  create: 'create/action',
  rotate: 'rotate/action',
  getRotationPolicy: 'rotationpolicies/read',
  setRotationPolicy: 'rotationpolicies/write',
  encrypt: 'encrypt/action',
  decrypt: 'decrypt/action',
  wrapkey: 'wrap/action',
  unwrapkey: 'unwrap/action',
};

/** Keys and certificates: as secrets, but for these two (built-in roles Key Vault Crypto Officer, Certificates Officer). */
const READ_ACTIONS: Readonly<Partial<Record<VaultAction, string>>> = { get: 'read', list: 'read' };

export interface RefusedCall {
  readonly vault: string;
  readonly vaultId: string;
  readonly action: VaultAction;
  /** The name of the secret, the key or the certificate. */
  readonly secret?: string;
  /** What `secret` names; a secret when absent. */
  readonly of?: 'key' | 'certificate';
  readonly principal: Principal;
  readonly retryAfterSeconds?: number;
}

/** As access policies call it: a secret is changed by `set`, a key by `update`. */
function permissionOf({ action, of }: RefusedCall): string {
  return action === 'update' && of === undefined ? 'set' : action.toLowerCase();
}

/** The refusal as the vault words it for this caller, action and object. */
export function refusal(kind: Refusal, call: RefusedCall): HttpProblem {
  const { vault, action, principal } = call;
  const things = `${call.of ?? 'secret'}s`;
  const dataAction = (call.of === undefined ? undefined : READ_ACTIONS[action]) ?? DATA_ACTIONS[action];
  const issuer = `https://sts.windows.net/${principal.tenantId}/`;
  const caller = `appid=${principal.clientId};oid=${principal.objectId};iss=${issuer}`;
  const location = `${vault};location=eastus`;
  const forbidden = (message: string): HttpProblem => kvError(403, 'Forbidden', message, kind);
  switch (kind) {
    case 'AccessDenied':
      return forbidden(
        `The user, group or application '${caller}' does not have ${things} ${permissionOf(call)} ` +
          `permission on key vault '${location}'. For help resolving this issue, please see ` +
          'https://go.microsoft.com/fwlink/?linkid=2125287',
      );
    case 'ForbiddenByRbac':
      return forbidden(
        [
          'Caller is not authorized to perform action on resource.',
          'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
          `Caller: ${caller}`,
          `Action: 'Microsoft.KeyVault/vaults/${things}/${dataAction}'`,
          `Resource: '${call.vaultId}${call.secret === undefined ? '' : `/${things}/${call.secret}`}'`,
          'Assignment: (not found)',
          'DenyAssignmentId: null',
          "DecisionReason: 'DeniedWithNoValidRBAC' ",
          `Vault: ${location}`,
        ].join('\r\n'),
      );
    case 'ForbiddenByFirewall':
      return forbidden(
        'Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n' +
          `Caller: ${caller}\r\nVault: ${location}`,
      );
    case 'ForbiddenByConnection':
      return forbidden(
        'Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\n' +
          `Caller: ${caller}\r\nVault: ${location}`,
      );
    case 'ForbiddenByPolicy':
      return forbidden(
        'The operation is not allowed by the policy on the object. For help resolving this issue, please see ' +
          'https://go.microsoft.com/fwlink/?linkid=2152310',
      );
    case 'Throttled':
      return throttled(call.retryAfterSeconds);
  }
}
