import { install, type Extension } from '../../sandbox/arm/services/compute/extension.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export const MACHINE = 'Microsoft.Compute/virtualMachines/{machine}/extensions/{name}';
export const ARC_MACHINE = 'Microsoft.HybridCompute/machines/{machine}/extensions/{name}';
export const SET = 'Microsoft.Compute/virtualMachineScaleSets/{name}';

let made = 0;

export interface Installed {
  readonly resource: Resource;
  readonly extension: Extension;
}

/**
 * A Key Vault extension that observes these, and has been told of nothing since.
 * @param observed texts or objects, as its settings have them
 * @param more of `secretsManagementSettings`, and of the properties beside `settings`
 */
export function makeExtension(
  cloud: ConsumerCloud,
  observed: readonly unknown[],
  more: { readonly management?: object; readonly properties?: object } = {},
  address: string = MACHINE,
): Installed {
  made += 1;
  const name = address === SET ? `set${made}` : 'KeyVaultForLinux';
  const resource = cloud.arm.create(address, { machine: `vm${made}`, name });
  const settings = {
    secretsManagementSettings: {
      ...{ pollingIntervalInS: '3600', requireInitialSync: true, observedCertificates: observed },
      ...more.management,
    },
    authenticationSettings: { msiClientId: '00001111-aaaa-2222-bbbb-3333cccc4444' },
  };
  const properties = {
    ...{ publisher: 'Microsoft.Azure.KeyVault', type: 'KeyVaultForLinux', typeHandlerVersion: '3.0' },
    ...{ autoUpgradeMinorVersion: true, settings },
    ...more.properties,
  };
  return { resource, extension: install(resource, properties, { certificates: cloud.vault }, cloud.ctx.clock.now()) };
}

/** The tag of one that was told of what the vault has now. */
export function toldOf(cloud: ConsumerCloud, name: string): { readonly forceUpdateTag: string } {
  const version = cloud.vault.lookUp('kv', name)?.version ?? '';
  return { forceUpdateTag: `keyturn 2026-01-01T00:00:00.000Z ${version.slice(0, 12)}` };
}
