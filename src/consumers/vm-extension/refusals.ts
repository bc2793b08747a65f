import type { OperationState } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Reference, Refreshed } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import type { Extension } from './extension.ts';
import { machinesOf, ownerOf } from './machines.ts';

/* Why an extension is not told, or tells nothing; each with what to do. */

export function pinnedIsLeft({ id }: Extension, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} observes version ${pinned}`,
    remedy: `Take the version out of its settings.secretsManagementSettings.observedCertificates, in the template that made it (${machinesOf(id).show(id)}); or allow the app to do it: KEYTURN_CONSUMERS {"rewritePinned":true}`,
  };
}

/** `/certificates/` gives the public part only (docs: extensions/key-vault-linux.md). */
export function hasNoKey({ id }: Extension, url: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} observes ${url}, which has no private key`,
    remedy: `Let it observe ${url.replace('/certificates/', '/secrets/')}: ${machinesOf(id).show(id)}`,
  };
}

/** 409 OperationNotAllowed; nothing but starting the machine helps, and that is its owner's to do. */
export function machineIsOff({ id }: Extension): Refreshed {
  return {
    is: 'reported',
    detail: `the machine of ${id} is not running, and is not started for a certificate`,
    remedy: `Start it, the extension then looks into the vault: az vm start --ids "${ownerOf(id)}"; then push again: POST /api/propagations`,
  };
}

export function saysOff(error: unknown): boolean {
  return (
    error instanceof RotationError && error.code === 'CONFLICT' && /when the VM is not running/i.test(error.message)
  );
}

/** What to do where the extension says nothing of what it has installed. */
export function lookInside({ id }: Extension, { id: reference }: Reference): string {
  const name = reference.split('#secrets/')[1]?.split('/')[0] ?? nameIn(id);
  return `See on the machine which ${name} it has (Linux: openssl x509 -noout -serial -fingerprint -sha256 -in <certificateStoreLocation>/<file>; Windows: Get-ChildItem Cert:\\LocalMachine\\My), and which one its server has loaded. With "requireInitialSync": true in its settings the extension tells whether it has them all.`;
}

/** What it says when it cannot read the vault; its words are documented nowhere [U]. */
const VAULT_TROUBLE = /\b403\b|forbidden|access denied|unauthori[sz]ed|identity|msi\b/i;

/** The operation has ended without success. */
export function operationFailed(
  { id }: Pick<Extension, 'id'>,
  { code, message }: Extract<OperationState, { is: 'failed' | 'canceled' }>,
): RotationError {
  const what = `the start of ${id} failed: ${code}: ${message.split('\n')[0]?.slice(0, 300) ?? ''}`;
  const see = machinesOf(id).show(id);
  if (!VAULT_TROUBLE.test(message)) {
    return new RotationError({
      ...{ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown', message: what },
      remedy: `See what it says: ${see}. A chain that the machine does not trust keeps the extension for Windows from installing a certificate.`,
    });
  }
  return new RotationError({
    ...{ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'unknown', message: what },
    remedy: `Let the machine's own identity read the vault, also through its firewall (with several identities, settings.authenticationSettings says which): az role assignment create --assignee-object-id <principal id of the machine> --assignee-principal-type ServicePrincipal --role "Key Vault Secrets User" --scope <ARM id of the vault>; ${see}`,
  });
}
