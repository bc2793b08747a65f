import type { Access } from '../../azure/access.ts';

export const ACCESS: Access = {
  of: 'sas-token',
  needs: [
    {
      at: 'the vault of the source',
      to: 'reads the secret that it is computed from; a vault that is served grants it already',
      role: 'Key Vault Secrets User',
    },
  ],
};
