import type { Access } from '../../azure/access.ts';
import { OWNS_APPLICATION } from '../entra/access.ts';

export const ACCESS: Access = { of: 'entra-app-secret', needs: [OWNS_APPLICATION] };
