import type { Access } from '../../azure/access.ts';
import { OWNS_APPLICATION } from '../entra/access.ts';

export const ACCESS: Access = {
  of: 'entra-app-certificate',
  needs: [
    OWNS_APPLICATION,
    {
      at: 'the vault of the certificate',
      to: 'reads its policy and has it renewed; its content is read as a secret',
      role: 'Key Vault Certificates Officer',
    },
  ],
};
