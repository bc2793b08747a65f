import { RotationError } from '../rotation/errors.ts';
import { commonFailure, readFailure, type RemoteAction, type RemoteFailure } from '../azure/remote.ts';
import { ROLES } from './access.ts';

/** A call on the vault, as errors speak of it. */
export interface VaultAction extends RemoteAction {
  /** The vault's origin. */
  readonly vault: string;
  readonly name?: string;
  /** The access-policy permission that it takes. */
  readonly permission: 'get' | 'set' | 'list' | 'update' | 'rotate' | 'getrotationpolicy' | 'create';
  /** What the call is about; a secret when absent. `content`: a certificate with its key, read as the secret that backs it. */
  readonly of?: 'key' | 'certificate' | 'content';
}

/** What differs between secrets, keys and certificates in the commands that mend a refusal. */
const WORDS = {
  secret: { noun: 'secret', role: ROLES.secret, policy: '--secret-permissions get list set' },
  key: {
    noun: 'key',
    role: ROLES.key,
    policy: '--key-permissions get list update rotate getrotationpolicy',
  },
  certificate: {
    noun: 'certificate',
    role: ROLES.certificate,
    policy: '--certificate-permissions get list create update',
  },
  content: { noun: 'certificate', role: ROLES.content, policy: '--secret-permissions get' },
} as const;

function wordsOf({ of }: VaultAction): (typeof WORDS)[keyof typeof WORDS] {
  return WORDS[of ?? 'secret'];
}

/**
 * Translates what `@azure/keyvault-secrets` throws (facts A5). The error never carries the SDK's request, whose
 * body is the secret value. What is no failure of the call (a `TypeError`) is given back as it is.
 */
export function vaultError(error: unknown, action: VaultAction, now: Date): unknown {
  const failure = readFailure(error, now);
  if (failure === undefined) return error;
  return commonFailure(failure, action) ?? statusError(failure, action);
}

function statusError(failure: RemoteFailure, action: VaultAction): unknown {
  const base = { cause: failure.cause, recovery: 'reconfigure' as const };
  const { noun } = wordsOf(action);
  const because = (why: string): string => `${action.doing}: ${why}`;
  if (failure.status === 400 || failure.status === 405) {
    return new RotationError({ ...base, code: 'CONFIG_INVALID', message: because(oneLine(failure.message)) });
  }
  if (failure.status === 404) {
    const at = `--vault-name ${vaultName(action)} --name ${action.name ?? '<name>'}`;
    return new RotationError({
      ...base,
      code: 'TARGET_NOT_FOUND',
      message: because(`there is no such ${noun} or version`),
      remedy: `If it was deleted: az keyvault ${noun} recover ${at}`,
    });
  }
  if (failure.status === 409) return conflict(failure, action);
  if (failure.status === 401 || failure.status === 403) return denied(failure, action);
  // Thrown by the SDK itself when the 401's challenge names another domain than the vault's (facts A2).
  if (failure.message.startsWith('The challenge resource')) {
    return new RotationError({
      ...base,
      code: 'ACCESS_DENIED',
      message: because(oneLine(failure.message)),
      remedy: 'The address in KEYTURN_VAULTS is not that of a Key Vault of this cloud; correct it.',
    });
  }
  return new RotationError({ ...base, recovery: 'retry', code: 'UNAVAILABLE', message: because(failure.message) });
}

function conflict(failure: RemoteFailure, action: VaultAction): RotationError {
  const inner = failure.innerCode ?? '';
  const message = `${action.doing}: ${oneLine(failure.message)}`;
  if (inner === 'ObjectIsDeletedButRecoverable') {
    const at = `--vault-name ${vaultName(action)} --name ${action.name ?? '<name>'}`;
    const remedy = `az keyvault ${wordsOf(action).noun} recover ${at}`;
    return new RotationError({ code: 'CONFLICT', recovery: 'reconfigure', message, remedy, cause: failure.cause });
  }
  return new RotationError({ code: 'CONFLICT', recovery: 'retry', message, cause: failure.cause });
}

function denied(failure: RemoteFailure, action: VaultAction): RotationError {
  const base = { code: 'ACCESS_DENIED', recovery: 'reconfigure', cause: failure.cause } as const;
  if (failure.status === 401) {
    const message = `${action.doing}: the vault refused the app's token: ${oneLine(failure.message)}`;
    return new RotationError({ ...base, message, remedy: grant(failure.message, action) });
  }
  // Whether a disabled key can be read is not verified [U]; where it can, its attributes say so.
  if (failure.innerCode === 'SecretDisabled' || failure.innerCode === 'KeyDisabled') {
    return new RotationError({
      ...base,
      code: 'HUMAN_REQUIRED',
      recovery: 'human',
      message: `${action.doing}: the current version is disabled; readers get 403, and there is no fallback to an older version`,
      remedy: `If it is right: az keyvault ${wordsOf(action).noun} set-attributes --vault-name ${vaultName(action)} --name ${action.name ?? '<name>'} --enabled true; otherwise make a new version.`,
    });
  }
  const [why, remedy] = whyDenied(failure, action);
  return new RotationError({ ...base, message: `${action.doing}: ${why}`, remedy });
}

function whyDenied(failure: RemoteFailure, action: VaultAction): [why: string, remedy: string] {
  const vault = vaultName(action);
  switch (failure.innerCode ?? '') {
    case 'ForbiddenByFirewall':
      return [
        "the vault's firewall does not let the app in",
        `Join the app to a subnet and allow it (az keyvault network-rule add --name ${vault} --subnet <subnet id>), or allow its address (az keyvault network-rule add --name ${vault} --ip-address ${clientAddress(failure.message)}).`,
      ];
    case 'ForbiddenByConnection':
      return [
        'the vault takes no calls from public networks, and this one did not come through its private endpoint',
        `Route the app through the vault's private endpoint, or: az keyvault update --name ${vault} --public-network-access Enabled`,
      ];
    case 'AccessDenied':
      return [
        `the app's identity has no access policy with the permission ${action.permission}`,
        `az keyvault set-policy --name ${vault} --object-id ${callerId(failure.message)} ${wordsOf(action).policy}`,
      ];
    case '':
      // The SDK drops the body of a refused page (facts A4), and with it which of the refusals it is.
      return [
        'the vault refuses it: a role, an access policy or its firewall',
        `POST /api/rotations with "dryRun": true for one ${wordsOf(action).noun} of it tells which. For a role: ${grant(failure.message, action)}`,
      ];
    default:
      return [
        `the app's identity may not do this${actionOf(failure.message)}`,
        `${grant(failure.message, action)} (role assignments take minutes to arrive)`,
      ];
  }
}

/** The service's 403 names the caller and the resource; both go into the command, so that it can be pasted. */
function grant(message: string, action: VaultAction): string {
  const resource = /Resource: '([^']*?\/vaults\/[^'/]+)/i.exec(message)?.[1];
  const scope = resource ?? `$(az keyvault show --name ${vaultName(action)} --query id --output tsv)`;
  return `az role assignment create --role "${wordsOf(action).role}" --assignee-object-id ${callerId(message)} --assignee-principal-type ServicePrincipal --scope "${scope}"`;
}

function callerId(message: string): string {
  return /oid=([0-9a-f-]{8,})/i.exec(message)?.[1] ?? '<principal id of the app>';
}

function actionOf(message: string): string {
  const action = /Action: '([^']+)'/i.exec(message)?.[1];
  return action === undefined ? '' : `: no role grants ${action}`;
}

function clientAddress(message: string): string {
  return /Client address: ([0-9a-f.:]+)/i.exec(message)?.[1] ?? '<address>';
}

function vaultName(action: VaultAction): string {
  return new URL(action.vault).hostname.split('.', 1)[0] ?? action.vault;
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').trim();
}
