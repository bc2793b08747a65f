import { RotationError } from '../../rotation/errors.ts';
import type { ErrorCode, Recovery } from '../../rotation/errors.ts';
import type { Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import { siteArguments } from '../app-service.ts';
import type { Binding } from './sites.ts';

/* Why App Service does not take a version; each with what to do. */

/** App Service reads vaults with a principal of its own, the same application in every tenant of the public cloud; Gov has another. */
const PROVIDER = 'abfa0a7c-a6b6-4736-8310-5855508787cd';

const grant = ({ object }: VersionRef): string =>
  `Let App Service itself read ${object.vault}: az role assignment create --assignee ${PROVIDER} --role "Key Vault Certificate User" --scope <ARM id of the vault> (US Government: 6a02c803-dafd-4136-b4c3-5a6f318b4714); and let trusted services through the vault's firewall: az keyvault update --name <vault> --bypass AzureServices`;
const look = ({ object }: VersionRef): string =>
  `See whether it is there and enabled: az keyvault certificate show --id ${object.vault}/certificates/${object.name}`;

type Reason = readonly [code: ErrorCode, recovery: Recovery, remedy: (version: VersionRef) => string];

/** `keyVaultSecretStatus`. What is not in it is no failure: `Succeeded`, and `Initialized` before the first look. */
const REASONS: Readonly<Record<string, Reason>> = {
  OperationNotPermittedOnKeyVault: ['ACCESS_DENIED', 'reconfigure', grant],
  AzureServiceUnauthorizedToAccessKeyVault: ['ACCESS_DENIED', 'reconfigure', grant],
  KeyVaultDoesNotExist: ['CONFIG_INVALID', 'reconfigure', look],
  KeyVaultSecretDoesNotExist: ['CONFIG_INVALID', 'reconfigure', look],
  ExternalPrivateKey: ['CONFIG_INVALID', 'reconfigure', () => 'Import it into the vault together with its key.'],
  CertificateOrderFailed: ['HUMAN_REQUIRED', 'human', () => 'Look at the App Service Certificate order that it comes from.'], // prettier-ignore
  WaitingOnCertificateOrder: ['CONFLICT', 'retry', () => 'Complete the App Service Certificate order that it comes from.'], // prettier-ignore
  UnknownError: ['UNAVAILABLE', 'retry', look],
  Unknown: ['UNAVAILABLE', 'retry', look],
};

/** What its last look into the vault came to. @returns undefined where nothing is wrong */
export function troubleOf({ id }: Reference, status: string, version: VersionRef): RotationError | undefined {
  const reason = REASONS[status];
  if (reason === undefined) return undefined;
  const [code, recovery, remedy] = reason;
  return new RotationError({
    ...{ code, recovery },
    effect: 'none',
    message: `App Service could not take ${version.object.name} for ${id}: ${status}`,
    remedy: remedy(version),
  });
}

/**
 * A 400 that is about the vault, in words only: there is no code for it. And a 404: it had just been read, so what is not there is
 * something that it names, as its plan; the certificate serves on, and is not gone.
 */
export function putRefused(error: RotationError, { id }: Reference, version: VersionRef): RotationError {
  if (error.code === 'TARGET_NOT_FOUND') {
    const { message, effect } = error;
    const remedy = `See whether its plan is there still: az resource show --ids "${id}" --query properties.serverFarmId; if not, import the certificate anew: az webapp config ssl import`;
    return new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect, message, remedy });
  }
  const isVault = error.code === 'CONFIG_INVALID' && /does not have access to .*Key Vault/i.test(error.message);
  if (!isVault) return error;
  const { message } = error;
  return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy: grant(version) });
}

/** It took something else than the newest version that we know of. */
export function tookAnother(
  { id }: Reference,
  thumbprint: string | undefined,
  { object, version }: VersionRef,
): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${id} has the thumbprint ${thumbprint ?? 'of none'} now, not that of ${object.name} ${version}: there is a newer version, or the vault was read too early`,
  });
}

/** It has the version already, and a host is bound to something that nobody here can tell from another's wish. */
export function boundOtherwise({ siteId, host, thumbprint }: Binding, wanted: string): Refreshed {
  return {
    is: 'reported',
    detail: `${host} of ${siteId} is bound to ${thumbprint}, which the certificate does not have any more`,
    remedy: `If that is its old version: az webapp config ssl bind ${siteArguments(siteId)} --hostname ${host} --certificate-thumbprint ${wanted} --ssl-type SNI`,
  };
}
