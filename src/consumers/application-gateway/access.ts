import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'application-gateway';
export const ROLE = 'Network Contributor';
export const TYPE = 'Microsoft.Network/applicationGateways';

export const ACTIONS = { read: `${TYPE}/read`, write: `${TYPE}/write` } as const;
/** Lets the gateway itself be asked; without it the app goes where DNS says. */
export const READ_ADDRESS = { action: 'Microsoft.Network/publicIPAddresses/read', role: 'Reader' } as const;

/** What ARM checks besides, when the whole gateway is put: that the caller may use what the gateway uses. Not the exact list, maybe [U]. */
const JOINED = [
  'Microsoft.Network/virtualNetworks/subnets/join/action',
  'Microsoft.Network/publicIPAddresses/join/action',
  'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
];

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      at: 'the gateway, and its public addresses',
      to: 'sets a tag, which makes the gateway look into the vault, and asks the gateway itself',
      actions: [...Object.values(ACTIONS), READ_ADDRESS.action],
      builtIn: ROLE,
    },
    {
      at: 'the gateway, its subnet, public addresses and identity',
      to: 'puts the gateway with a certificate that names no version any more',
      actions: JOINED,
      options: ['rewritePinned'],
    },
    readsTheVault('the gateway (its user-assigned identity)'),
  ],
};
