import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { Entity } from './entity.ts';
import { arguments_ } from './service.ts';

/* What the kinds of consumers in API Management are refused alike. */

/** What the service's identity needs, and how to give it that. */
export function grant(serviceId: string): string {
  return (
    `Let the service's own identity read the vault, also through its firewall: az apim show ${arguments_(serviceId)} --query identity; ` +
    `az role assignment create --assignee-object-id <object id of that identity> --assignee-principal-type ServicePrincipal ` +
    `--role "Key Vault Secrets User" --scope <ARM id of the vault>`
  );
}

/** In API Management's words, which have no code of their own: its identity has no access, or there is none. */
export const NO_ACCESS = /managed (?:service )?identity|access ?denied|forbidden|unauthori[sz]ed|permission/i;

/** A 400 that is about the vault, in words only. */
export function refusedForVault(error: RotationError, serviceId: string): RotationError {
  if (error.code !== 'CONFIG_INVALID' || !NO_ACCESS.test(error.message)) return error;
  const { message } = error;
  return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy: grant(serviceId) });
}

/** The operation has ended without success. @param what was changed */
export function operationFailed(
  what: string,
  serviceId: string,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
): RotationError {
  const isDenied = NO_ACCESS.test(`${code} ${message}`);
  return new RotationError({
    ...(isDenied ? { code: 'ACCESS_DENIED', recovery: 'reconfigure' } : { code: 'HUMAN_REQUIRED', recovery: 'human' }),
    effect: 'unknown',
    message: `the change of ${what} failed: ${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`,
    remedy: isDenied ? grant(serviceId) : `See what it is now: az resource show --ids "${what}"`,
  });
}

export function pinnedIsLeft({ id }: Reference, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}`,
    remedy: `Take the version out of its secret identifier (az resource show --ids "${id}" --query properties.keyVault); or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

/** It was made to follow, and names its old version still: somebody else has changed it back, most likely. */
export function changedBack({ id }: Reference): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${id} was made to follow, and names a version still: that has not ended, or somebody else changes it, too`,
  });
}

/** How its last look into the vault went. @returns undefined where nothing is wrong */
export function troubleOf(
  { id, parent }: Reference,
  { code, message }: Entity,
  { object }: VersionRef,
): RotationError | undefined {
  if (/^(?:Success|)$/i.test(code)) return undefined;
  const isDenied = NO_ACCESS.test(`${code} ${message}`);
  const look = `See whether its newest version is enabled, and whether the vault's firewall lets the service in: az keyvault secret list-versions --vault-name ${new URL(object.vault).hostname.split('.')[0] ?? '<vault>'} --name ${object.name}`;
  return new RotationError({
    code: isDenied ? 'ACCESS_DENIED' : 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${id} could not read ${object.name}: ${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`,
    remedy: isDenied ? grant(parent) : look,
  });
}
