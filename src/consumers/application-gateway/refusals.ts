import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Refreshed } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import type { GatewayState } from './config.ts';

/* Why a gateway is not changed just now, or not by us; each with what to do. */

/** `-g <group> -n <name>`, as the az commands want it. */
function arguments_(gatewayId: string): string {
  return `-g ${gatewayId.split('/')[4] ?? '<group>'} -n ${nameIn(gatewayId)}`;
}

/**
 * A gateway that nobody may touch now. A PUT would start a stopped one (azure-docs PR #107660), and its owner pays for one that runs; a
 * failed one may be worse off after the next change. @throws CONFLICT while somebody else changes it @returns undefined where it is at rest
 */
export function standstill(gatewayId: string, { operational, provisioning }: GatewayState): Refreshed | undefined {
  const which = arguments_(gatewayId);
  if (/^(?:Stopped|Stopping)$/i.test(operational)) {
    return {
      is: 'reported',
      detail: `${gatewayId} is ${operational.toLowerCase()}; it is not started for a certificate`,
      remedy: `Start it, it then looks into the vault: az network application-gateway start ${which}`,
    };
  }
  if (/^Failed$/i.test(provisioning)) {
    return {
      is: 'reported',
      detail: `${gatewayId} is in the state Failed since its last change, and is not changed any further`,
      remedy: `See why, and repeat the change that failed: az network application-gateway show ${which}; az network application-gateway update ${which}`,
    };
  }
  if (/^(?:Succeeded|Canceled|)$/i.test(provisioning)) return undefined;
  throw new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${gatewayId} is ${provisioning}: somebody changes it just now`,
  });
}

export function pinnedIsLeft(gatewayId: string, certificate: string, pinned: string, isOfCluster: boolean): Refreshed {
  const detail = `the certificate ${certificate} of ${gatewayId} names version ${pinned}`;
  const command = `az network application-gateway ssl-cert update -g ${gatewayId.split('/')[4] ?? '<group>'} --gateway-name ${nameIn(gatewayId)} -n ${certificate} --key-vault-secret-id <secret id without version>`;
  if (isOfCluster) {
    return {
      is: 'reported',
      detail: `${detail}, and the gateway is written by the ingress controller of a cluster, which undoes other changes`,
      remedy: `Take the version out where the controller gets it from: ${command}, then name the certificate in appgw.ingress.kubernetes.io/appgw-ssl-certificate`,
    };
  }
  return {
    is: 'reported',
    detail,
    remedy: `Let it follow the newest version: ${command}; or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

/** What the gateway says of a vault that it cannot read (docs: application-gateway-key-vault-common-errors.md). */
const VAULT_TROUBLE = /KeyVault|Secret|Identity/i;

/** The operation has ended without success. */
export function operationFailed(
  gatewayId: string,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
): RotationError {
  const what = `the change of ${gatewayId} failed: ${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`;
  const which = arguments_(gatewayId);
  if (!VAULT_TROUBLE.test(code)) {
    const remedy = `See what it is now: az network application-gateway show ${which}`;
    return new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown', message: what, remedy });
  }
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    effect: 'unknown',
    message: what,
    remedy: `Let the gateway's own identity read the vault, also through its firewall: az network application-gateway identity show -g ${gatewayId.split('/')[4] ?? '<group>'} --gateway-name ${nameIn(gatewayId)}; az role assignment create --assignee-object-id <object id of that identity> --role "Key Vault Secrets User" --scope <ARM id of the vault>`,
  });
}
