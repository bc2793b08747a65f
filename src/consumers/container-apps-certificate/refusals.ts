import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Refreshed, VersionRef } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import { argumentsOf, saysVaultIsClosed } from '../container-apps.ts';
import { isSuffix, versionless, type Holder } from './holder.ts';

/* Why an environment does not take a version; each with what to do. */

export function pinnedIsLeft({ id, environmentId, url, suffix = '<suffix>' }: Holder, pinned: string): Refreshed {
  const follow = versionless(url);
  const command = isSuffix(id)
    ? `az containerapp env update ${argumentsOf(environmentId)} --dns-suffix ${suffix} --certificate-akv-url ${follow} --certificate-identity <identity>`
    : `az containerapp env certificate upload ${argumentsOf(environmentId)} --certificate-name ${nameIn(id)} --akv-url ${follow} --identity <identity>`;
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}`,
    remedy: `Let it follow the newest version: ${command}; or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

const grant = (environmentId: string, { object }: VersionRef): string =>
  `Let the environment's own identity read ${object.vault}, also through its firewall, which Container Apps is no trusted service of: az containerapp env identity show ${argumentsOf(environmentId)}; az role assignment create --assignee-object-id <principalId> --assignee-principal-type ServicePrincipal --role "Key Vault Secrets User" --scope <ARM id of the vault>`;

/** A refusal that is about the vault, in words only: there is no code for it. */
export function putRefused(error: unknown, { environmentId }: Holder, version: VersionRef): unknown {
  if (!(error instanceof RotationError) || error.code !== 'CONFIG_INVALID' || !saysVaultIsClosed(error.message))
    return error;
  const { message } = error;
  return new RotationError({
    ...{ code: 'ACCESS_DENIED', recovery: 'reconfigure', message },
    remedy: grant(environmentId, version),
  });
}

/** Its state is Failed since it was put. */
export function provisioningFailed({ id, environmentId, errors }: Holder, version: VersionRef): RotationError {
  return failed(id, environmentId, errors === '' ? 'it says no reason' : errors, version);
}

export function operationFailed(
  id: string,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
  version: VersionRef,
): RotationError {
  return failed(id, id.split('#')[0] ?? id, `${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`, version);
}

function failed(id: string, environmentId: string, why: string, version: VersionRef): RotationError {
  const message = `${id} could not take ${version.object.name}: ${why}`;
  if (saysVaultIsClosed(why)) {
    const remedy = grant(environmentId, version);
    return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'unknown', message, remedy });
  }
  const remedy = `See what it is now: az containerapp env certificate list ${argumentsOf(environmentId)}; az containerapp env show ${argumentsOf(environmentId)}`;
  return new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown', message, remedy });
}
