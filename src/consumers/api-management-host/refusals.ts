import { RotationError } from '../../rotation/errors.ts';
import type { Reference, Refreshed } from '../../rotation/ports.ts';
import { grant, refusedForVault } from '../api-management/refusals.ts';
import { arguments_ } from '../api-management/service.ts';
import type { Host } from './hosts.ts';

/* Why a service is not changed, or does not take a version; each with what to do. */

const SYNC = 'in the portal, Custom domains, "Sync certificates"';

export function pinnedIsLeft({ id }: Reference, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}`,
    remedy: `Let it follow the newest version: in the portal, Custom domains, choose the certificate without a version; or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

/** Its gateway would be down for the time of the update, which nobody but its owner may choose. */
export function downMeanwhile({ id, parent }: Reference, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}, and a service of the Developer tier is down while that is changed, for 15 minutes or more`,
    remedy: `When it may be down, choose the certificate without a version: in the portal, Custom domains of az apim show ${arguments_(parent)} --query id`,
  };
}

/** @returns undefined where it may be changed */
export function standstill(serviceId: string, provisioning: string): Refreshed | undefined {
  if (/^(?:Succeeded|)$/i.test(provisioning)) return undefined;
  return {
    is: 'reported',
    detail: `${serviceId} is in the state ${provisioning}, and is not changed any further`,
    remedy: `See why, and repeat the change that failed: az apim show ${arguments_(serviceId)}`,
  };
}

/** One change at a time; this one takes longer than any is documented to. */
export function stillUpdating(serviceId: string, since: Date): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${serviceId} is being updated since ${since.toISOString()}, and takes no other change`,
    remedy: `See what it is at: az apim show ${arguments_(serviceId)} --query provisioningState`,
  });
}

export function certificateFailed(serviceId: string, { name, status }: Host): RotationError {
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    message: `${serviceId} says of the certificate of ${name}: ${status}; it goes on with the one it has until that expires`,
    remedy: `${grant(serviceId)}; see that the version is enabled; then ${SYNC}`,
  });
}

/** The update has ended, and a host names its old version still: somebody else has changed it back. */
export function changedBack(serviceId: string, { name }: Host): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${serviceId} was updated, and ${name} names a version still: somebody else changes it, too`,
  });
}

/** A refused update: what API Management says of vaults and of uploaded certificates has no code of its own. */
export function updateRefused(error: RotationError, serviceId: string): RotationError {
  if (error.code !== 'CONFIG_INVALID') return error;
  const { message } = error;
  if (/encodedCertificate/i.test(message)) {
    const remedy = `One of its hosts has a certificate that was uploaded, which cannot be sent back: import it into a vault, and let the host refer to it there; until then, ${SYNC}`;
    return new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', message, remedy });
  }
  return refusedForVault(error, serviceId);
}
