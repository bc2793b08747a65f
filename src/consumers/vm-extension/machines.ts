import type { ArmRequest } from '../../azure/arm/client.ts';
import { armPath, nameIn } from '../arm-id.ts';

/** The places where the extension can be: each with what its own requests need. */
export interface Machines {
  /** What Resource Graph lists, lower case. */
  readonly listed: string;
  /** As RBAC actions spell it. */
  readonly extensionType: string;
  readonly apiVersion: string;
  /** Grants reading and writing extensions. */
  readonly role: string;
  /** Shows the extension, and what it says of itself. */
  readonly show: (extensionId: string) => string;
}

export const MACHINES: Machines = {
  listed: 'microsoft.compute/virtualmachines/extensions',
  extensionType: 'Microsoft.Compute/virtualMachines/extensions',
  apiVersion: '2025-04-01',
  role: 'Virtual Machine Contributor',
  show: (id) => `az vm extension show ${at(id, '--vm-name')} --instance-view`,
};

/** Its extensions are a part of the set itself, and every instance has its own copy. */
export const SETS: Machines = {
  listed: 'microsoft.compute/virtualmachinescalesets',
  extensionType: 'Microsoft.Compute/virtualMachineScaleSets/extensions',
  apiVersion: '2025-04-01',
  role: 'Virtual Machine Contributor',
  show: (id) => `az vmss extension show ${at(id, '--vmss-name')}`,
};

export const ARC: Machines = {
  listed: 'microsoft.hybridcompute/machines/extensions',
  extensionType: 'Microsoft.HybridCompute/machines/extensions',
  apiVersion: '2024-07-10',
  role: 'Azure Connected Machine Resource Administrator',
  show: (id) => `az connectedmachine extension show ${at(id, '--machine-name')}`,
};

export const PLACES: readonly Machines[] = [MACHINES, SETS, ARC];

/** Of an extension, or of a set. */
export function machinesOf(id: string): Machines {
  const lower = id.toLowerCase();
  if (lower.includes('/providers/microsoft.hybridcompute/')) return ARC;
  return lower.includes('/virtualmachinescalesets/') ? SETS : MACHINES;
}

/** The set or machine that an extension belongs to. */
export function ownerOf(extensionId: string): string {
  return extensionId.replace(/\/extensions\/[^/]+$/i, '');
}

/** What every request about an extension, or about its set, has in common. */
export function about(id: string): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  const { apiVersion, role } = machinesOf(id);
  return { path: armPath(id), query: { 'api-version': apiVersion }, scope: id, role, found: true };
}

function at(extensionId: string, owner: string): string {
  const group = extensionId.split('/')[4] ?? '<group>';
  return `-g ${group} ${owner} ${nameIn(ownerOf(extensionId))} -n ${nameIn(extensionId)}`;
}
