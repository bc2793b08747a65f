import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Effect } from '../../rotation/errors.ts';
import type { Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { HubRow } from './rows.ts';

/* Why a resource does not take a version; each with what to do. The codes of the service are documented nowhere: its words are read. */

export function pinnedIsLeft(id: string, pinned: string): Refreshed {
  const body = `'{"properties":{"keyVaultBaseUri":"<the vault's address>","keyVaultSecretName":"<name>"}}'`;
  const remedy = `Make it follow the newest version: ${ask('put', id)} --body ${body}; or allow the app to name the new one: KEYTURN_CONSUMERS {"rewritePinned":true}`;
  return { is: 'reported', detail: `${id} names version ${pinned}`, remedy };
}

export function isOfTier(said: string): boolean {
  return /\bpremium\b|sku\b|\btier\b/i.test(said);
}

/** The service's own words in the error of a request: before them stands the id, and names may be any words. */
export function saidIn({ message }: RotationError): string {
  return message.split(' was answered ').at(-1) ?? '';
}

/** A PUT that was refused at once. @returns the error as it was, where it is about nothing of this */
export function putRefused(row: HubRow, id: string, version: VersionRef, error: RotationError): RotationError {
  if (error.code !== 'CONFIG_INVALID') return error;
  return reasonOf(row, id, version, { words: saidIn(error), message: error.message, effect: error.effect }) ?? error;
}

/** The operation has ended without success. */
export function operationFailed(
  row: HubRow,
  id: string,
  version: VersionRef,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
): RotationError {
  const words = `${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`;
  const said = `${id} did not take version ${version.version}: ${words}`;
  return reasonOf(row, id, version, { words, message: said, effect: 'unknown' }) ?? needsPerson(id, said);
}

/** Somebody else's change of it does not end. */
export function isBusy(id: string, provisioning: string, since: string): RotationError {
  return needsPerson(id, `${id} is ${provisioning} since ${since} at least`);
}

function reasonOf(
  { command }: HubRow,
  id: string,
  { object }: VersionRef,
  { words, message, effect }: { readonly words: string; readonly message: string; readonly effect: Effect },
): RotationError | undefined {
  const hub = hubIn(id);
  if (isOfTier(words)) {
    const remedy = `Custom certificates need the Premium tier: ${command} update -g ${hub.group} -n ${hub.name} --sku Premium_P1`;
    return new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect, message, remedy });
  }
  if (/access|forbidden|denied|identity|unauthorized/i.test(words)) {
    const remedy = `Let the resource's own identity read the vault, also through its firewall: ${command} identity show -g ${hub.group} -n ${hub.name}; az role assignment create --assignee-object-id <principalId> --assignee-principal-type ServicePrincipal --role "Key Vault Secrets User" --scope <ARM id of the vault>`;
    return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect, message, remedy });
  }
  if (/self.?signed|chain|trust/i.test(words)) {
    const remedy = `It takes no self-signed certificate: let ${object.name} be issued by an authority that clients trust.`;
    return new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect, message, remedy });
  }
  return undefined;
}

function needsPerson(id: string, message: string): RotationError {
  const remedy = `See what it says: ${ask('get', id)}`;
  return new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown', message, remedy });
}

function ask(method: 'get' | 'put', id: string): string {
  return `az rest --method ${method} --url "${id}?api-version=2024-03-01"`;
}

/** Of the id of a certificate: its resource. */
function hubIn(id: string): { readonly group: string; readonly name: string } {
  const parts = id.split('/');
  return { group: parts[4] ?? '<group>', name: parts[8] ?? '<name>' };
}
