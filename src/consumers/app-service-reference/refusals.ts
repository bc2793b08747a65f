import { RotationError } from '../../rotation/errors.ts';
import type { ErrorCode, Recovery } from '../../rotation/errors.ts';
import type { Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import { siteArguments } from '../app-service.ts';
import type { VaultSetting } from './settings.ts';

/* Why an app does not get a version; each with what to do. */

export function pinnedIsLeft({ id, parent }: Reference, { name }: VaultSetting, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}`,
    remedy: `Take the version out of the setting ${name} (az webapp config appsettings list ${siteArguments(parent)}); or allow the app to name the new one: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

type Reason = readonly [code: ErrorCode, recovery: Recovery, remedy: (siteId: string, version: VersionRef) => string];

const grant = (siteId: string): string =>
  `Let the app's own identity read the vault, also through its firewall: az webapp identity show ${siteArguments(siteId)}; az role assignment create --assignee-object-id <principalId> --assignee-principal-type ServicePrincipal --role "Key Vault Secrets User" --scope <ARM id of the vault>`;
const look = (_siteId: string, { object }: VersionRef): string =>
  `See whether the version is enabled, and whether the vault's firewall lets the app in: az keyvault secret show --id ${object.vault}/secrets/${object.name}`;

/** What App Service says of a reference that it could not resolve (its SDK has the list, and no explanations). */
const REASONS: Readonly<Record<string, Reason>> = {
  InvalidSyntax: ['CONFIG_INVALID', 'reconfigure', () => 'Correct the reference: @Microsoft.KeyVault(SecretUri=…)'],
  MSINotEnabled: ['ACCESS_DENIED', 'reconfigure', (id) => `Give the app an identity: az webapp identity assign ${siteArguments(id)}`], // prettier-ignore
  AccessToKeyVaultDenied: ['ACCESS_DENIED', 'reconfigure', grant],
  UnauthorizedClient: ['ACCESS_DENIED', 'reconfigure', grant],
  VaultNotFound: ['CONFIG_INVALID', 'reconfigure', look],
  SecretNotFound: ['CONFIG_INVALID', 'reconfigure', look],
  SecretVersionNotFound: ['CONFIG_INVALID', 'reconfigure', look],
  OtherReasons: ['CONFIG_INVALID', 'reconfigure', look],
  FetchTimedOut: ['UNAVAILABLE', 'retry', look],
};

/** @returns undefined where it is resolved, or has not been tried yet */
export function unresolved(
  siteId: string,
  { name, status, details }: VaultSetting,
  version: VersionRef,
): RotationError | undefined {
  const reason = REASONS[status];
  if (reason === undefined) return undefined;
  const [code, recovery, remedy] = reason;
  const said = details === '' ? '' : `: ${details.split('\n')[0]?.slice(0, 300) ?? ''}`;
  return new RotationError({
    ...{ code, recovery },
    message: `${siteId} cannot resolve its setting ${name} to ${version.object.name}: ${status}${said}`,
    remedy: remedy(siteId, version),
  });
}
