import type { Access } from '../../azure/access.ts';
import type { Role } from '../container-apps.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'container-apps-certificate';
export const ROLE: Role = 'Container Apps ManagedEnvironments Contributor';

export const ACTIONS = {
  /** Of the environment itself, for its DNS suffix. */
  environment: { read: 'Microsoft.App/managedEnvironments/read', write: 'Microsoft.App/managedEnvironments/write' },
  certificate: {
    read: 'Microsoft.App/managedEnvironments/certificates/read',
    write: 'Microsoft.App/managedEnvironments/certificates/write',
  },
} as const;
/** An app may be in another group than its environment: all of the subscription are listed. */
export const LIST_APPS = { action: 'Microsoft.App/containerApps/read', role: 'Reader' } as const;

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      at: 'the environment',
      to: 'puts the certificate again, or that of the DNS suffix',
      actions: [...Object.values(ACTIONS.environment), ...Object.values(ACTIONS.certificate)],
      builtIn: ROLE,
    },
    {
      at: 'the subscription',
      to: 'lists the apps, to know the names that are served',
      actions: [LIST_APPS.action],
      builtIn: LIST_APPS.role,
    },
    readsTheVault('the environment'),
  ],
};
