import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import type { Domain } from './profile.ts';

/* Why a profile does not take a version; each with what to do. */

/** `-g <group> --profile-name <name>`, as the az commands want it. */
function arguments_(profileId: string): string {
  return `-g ${profileId.split('/')[4] ?? '<group>'} --profile-name ${nameIn(profileId)}`;
}

export function pinnedIsLeft({ id, parent }: Reference, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}`,
    remedy: `Make a secret that follows, az afd secret create ${arguments_(parent)} --secret-name <new name> --secret-source <ARM id of the vault's secret> --use-latest-version true, and give it to each domain (az afd custom-domain update --secret); or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

export function referenceIsGone({ id }: Reference, { object }: VersionRef): RotationError {
  return new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'reconfigure',
    message: `no domain of the profile uses ${id} for ${object.name} any more`,
    remedy: 'Nothing, if that was meant.',
  });
}

/** What validateSecret says. @returns undefined when it is content */
export function invalid(
  profileId: string,
  { object, version }: VersionRef,
  { status, message }: { readonly status: string; readonly message: string },
): RotationError | undefined {
  if (status === 'Valid') return undefined;
  const said = `${profileId} cannot take version ${version} of ${object.name}: ${status}${message === '' ? '' : `: ${message.slice(0, 300)}`}`;
  if (status === 'AccessDenied') {
    return new RotationError({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: said,
      remedy: `Let the profile's own identity read the vault, also through its firewall: az afd profile show ${arguments_(profileId)} --query identity; az role assignment create --assignee-object-id <object id of that identity> --role "Key Vault Secrets User" --scope <ARM id of the vault>. A profile without an identity uses the application 205478c0-bd83-4e1b-a9d6-db63a3e1e1c8, which needs get on secrets and certificates.`,
    });
  }
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: said,
    remedy:
      'It takes an RSA certificate with its whole chain, of an authority on the list of Microsoft, from a vault in the subscription of the profile: make a version that is one.',
  });
}

export function operationFailed(
  profileId: string,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
): RotationError {
  return needsPerson(
    `a change of ${profileId} failed: ${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`,
    profileId,
  );
}

export function deploymentFailed(profileId: string, { host, provisioning, deployment }: Domain): RotationError {
  return needsPerson(`${host} was not deployed: provisioning ${provisioning}, deployment ${deployment}`, profileId);
}

function needsPerson(message: string, profileId: string): RotationError {
  const remedy = `See what it says: az afd secret list ${arguments_(profileId)}; az afd custom-domain list ${arguments_(profileId)}`;
  return new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown', message, remedy });
}
