import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';
import { ARC, MACHINES, SETS, type Machines } from './machines.ts';

export const KIND = 'vm-extension';

/** Of an extension; a scale set shows its own as a part of itself. */
export function actionsOf(machines: Machines) {
  const read = machines === SETS ? 'Microsoft.Compute/virtualMachineScaleSets/read' : `${machines.extensionType}/read`;
  return { read, write: `${machines.extensionType}/write` };
}

const to = 'has the extension look into the vault at once. Who may write extensions may run anything on the machine';

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      ...{ at: 'the machine or scale set', to, builtIn: MACHINES.role },
      actions: [...Object.values(actionsOf(MACHINES)), ...Object.values(actionsOf(SETS))],
    },
    { at: 'the Arc machine', to, builtIn: ARC.role, actions: Object.values(actionsOf(ARC)) },
    readsTheVault('the machine'),
  ],
};
