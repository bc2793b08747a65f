import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError, type Effect } from '../../rotation/errors.ts';
import type { Refreshed, VersionRef } from '../../rotation/ports.ts';
import { argumentsOf, saysVaultIsClosed } from '../container-apps.ts';
import { hasRoom } from './mark.ts';
import type { VaultSecret, Workload } from './workload.ts';

/* Why an app or a job does not get a version; each with what to do. */

const command = (id: string): string => (/\/jobs\/[^/]+$/i.test(id) ? 'az containerapp job' : 'az containerapp');

/** What only a person may change. @returns undefined where nothing is in the way */
export function leftAlone(
  { id, tags, isStopped }: Workload,
  own: readonly VaultSecret[],
  { version }: VersionRef,
  rewritePinned: boolean,
): Refreshed | undefined {
  const older = own.find(({ address }) => address.version !== undefined && address.version !== version.toLowerCase());
  if (older !== undefined && !rewritePinned) {
    return {
      is: 'reported',
      detail: `the secret ${older.name} of ${id} names version ${older.address.version ?? ''}`,
      remedy: `Let it follow: ${command(id)} secret set ${argumentsOf(id)} --secrets "${older.name}=keyvaultref:<secret id without version>,identityref:<identity>"; or allow the app to name the new one: KEYTURN_CONSUMERS {"rewritePinned":true}`,
    };
  }
  if (isStopped) {
    return {
      is: 'reported',
      detail: `${id} is stopped; it is not started for a secret`,
      remedy: `Start it and push again, or delete it: az containerapp start ${argumentsOf(id)}`,
    };
  }
  if (hasRoom(tags)) return undefined;
  return {
    is: 'reported',
    detail: `${id} has no room for one more tag, and without it nobody can tell later what it was given`,
    remedy: `Take a tag away that is not needed: az tag update --resource-id ${id} --operation Delete --tags <name>=<value>`,
  };
}

/** @throws CONFLICT while somebody else changes it */
export function refuseBusy({ id, provisioning }: Workload): void {
  if (/^(?:Succeeded|Failed|Canceled|)$/i.test(provisioning)) return;
  throw new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${id} is ${provisioning}: somebody changes it just now`,
  });
}

/** Not all values were given out: what would be sent would lose some. */
export function incomplete(id: string): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${id} did not give out all of its secrets, so that none is set: the others would be lost`,
    remedy: `See whether each has a value or a reference: ${command(id)} secret list ${argumentsOf(id)}`,
  });
}

/** Its identity gets nothing from a vault; from which one, the service does not say, only for which of its secrets. */
export function vaultClosed(id: string, { object }: VersionRef, effect: Effect): RotationError {
  return new RotationError({
    ...{ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect },
    message: `${id} cannot fetch all of its secrets from their vaults, ${object.name} of ${object.vault} among them or not (what was answered may quote values, and is left out)`,
    remedy: `See which it cannot: ${command(id)} secret list ${argumentsOf(id)}. Let its own identity read the vault, also through its firewall, which Container Apps is no trusted service of: ${command(id)} identity show ${argumentsOf(id)}; az role assignment create --assignee-object-id <principalId> --assignee-principal-type ServicePrincipal --role "Key Vault Secrets User" --scope <ARM id of the vault>; and see that the version is enabled: az keyvault secret show --id ${object.vault}/secrets/${object.name} --query attributes`,
  });
}

/** The operation has ended without success. What it says may quote values. */
export function operationFailed(
  id: string,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
  version: VersionRef,
): RotationError {
  if (saysVaultIsClosed(message)) return vaultClosed(id, version, 'unknown');
  return new RotationError({
    ...{ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown' },
    message: `the change of ${id} failed: ${code} (what was answered may quote values, and is left out)`,
    remedy: `See what it is now: ${command(id)} show ${argumentsOf(id)} --query properties.provisioningState`,
  });
}
