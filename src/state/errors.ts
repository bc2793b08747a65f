import { RotationError } from '../rotation/errors.ts';
import { commonFailure, readFailure, type RemoteAction, type RemoteFailure } from '../azure/remote.ts';
import { ROLES } from './access.ts';

export type StateService = 'table' | 'queue' | 'topic';

/** The built-in role that grants the calls made here (facts E), and on what. */
const GRANTS: Readonly<Record<StateService, { readonly role: string; readonly scope: string }>> = {
  table: { role: ROLES.table, scope: '<storage account id>' },
  queue: { role: ROLES.queue, scope: '<storage account id>' },
  topic: { role: ROLES.topic, scope: '<topic id>' },
};

/**
 * Translates what the storage and Event Grid SDKs throw. On a table 404, 409 and 412 mean that the row is not what the
 * caller took it for: LEASE_LOST, nothing was written. What is an error already, or a bug, is given back as it is.
 */
export function storageError(error: unknown, service: StateService, action: RemoteAction, now: Date): unknown {
  const failure = readFailure(error, now);
  if (failure === undefined) return error;
  return commonFailure(failure, action) ?? statusError(failure, service, action);
}

function statusError(failure: RemoteFailure, service: StateService, action: RemoteAction): unknown {
  const { status, cause } = failure;
  // Tables put a request id and a time on lines of their own.
  const said = (failure.message.split('\n', 1)[0] ?? '').trim();
  const message = `${action.doing}: ${said}${failure.code === undefined ? '' : ` (${failure.code})`}`;
  if (status === 401 || status === 403) {
    return new RotationError({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message,
      remedy: grant(service),
      cause,
    });
  }
  if (service === 'table' && (status === 404 || status === 409 || status === 412)) {
    return new RotationError({
      code: 'LEASE_LOST',
      recovery: 'retry',
      message: `${action.doing}: somebody else has written the row since it was read (${failure.code ?? status})`,
      cause,
    });
  }
  if (status === 404) {
    const remedy = 'Correct the address in the settings (KeyturnStorage__queueServiceUri, KEYTURN_TOPIC_ENDPOINT).';
    return new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message, remedy, cause });
  }
  if (status === 409 || status === 412) {
    return new RotationError({ code: 'CONFLICT', recovery: 'retry', message, cause });
  }
  if (status !== undefined && status >= 400) {
    return new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', message, cause });
  }
  // No status and nothing known of the connection: taken as passing, with the effect left open where one was possible.
  return new RotationError({
    code: 'UNAVAILABLE',
    recovery: 'retry',
    effect: action.writes ? 'unknown' : 'none',
    message,
    cause,
  });
}

/** Is it only that the table or the queue has not been made yet? */
export function isMissingContainer(error: unknown): boolean {
  const code = readFailure(error, new Date(0))?.code;
  return code === 'TableNotFound' || code === 'QueueNotFound';
}

function grant(service: StateService): string {
  const { role, scope } = GRANTS[service];
  const firewall =
    service === 'topic'
      ? ''
      : "; AuthorizationFailure can also mean the account's firewall (az storage account show --name <account> --query networkRuleSet)";
  return `az role assignment create --role "${role}" --assignee-object-id <principal id of the app> --assignee-principal-type ServicePrincipal --scope ${scope} (role assignments take minutes to arrive)${firewall}`;
}
