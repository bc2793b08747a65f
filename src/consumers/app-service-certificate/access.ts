import type { Access } from '../../azure/access.ts';
import { onSitesAndSlots, ROLE } from '../app-service.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'app-service-certificate';

export const ACTIONS = {
  read: 'Microsoft.Web/certificates/read',
  write: 'Microsoft.Web/certificates/write',
  sites: 'Microsoft.Web/sites/read',
  sitesOnPlan: 'Microsoft.Web/serverfarms/sites/read',
} as const;

/** After the type of the site or slot. */
export const BINDINGS = { read: 'hostNameBindings/read', write: 'hostNameBindings/write' } as const;

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      at: 'the resource group of the certificate, and those of its sites',
      to: 'puts the certificate again, and gives bindings that kept the old one the new one',
      actions: [...Object.values(ACTIONS), ...onSitesAndSlots(Object.values(BINDINGS))],
      builtIn: ROLE,
    },
    readsTheVault(
      'App Service itself, application abfa0a7c-a6b6-4736-8310-5855508787cd (US Government 6a02c803-dafd-4136-b4c3-5a6f318b4714)',
      'Key Vault Certificate User',
    ),
  ],
};
