import type { ArmRequest } from '../azure/arm/client.ts';
import { armPath } from './arm-id.ts';

/* What the kinds of consumers in Container Apps share. */

export const API_VERSION = '2025-07-01';

export type Role =
  'Container Apps Contributor' | 'Container Apps Jobs Contributor' | 'Container Apps ManagedEnvironments Contributor';

/** What every request about a resource of Microsoft.App has in common. @param id its ARM id @param below what follows it, from `/` on */
export function about(
  id: string,
  role: Role,
  below = '',
): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  return { path: `${armPath(id)}${below}`, query: { 'api-version': API_VERSION }, scope: id, role, found: true };
}

/**
 * How Container Apps says that an identity got nothing from a vault. There is no code for it (azure-container-apps #1174, #888); it is no
 * trusted service of the vault's firewall either.
 */
const VAULT_TROUBLE = /managed ?identity|key ?vault|not a trusted service|client address is not authorized/i;

export function saysVaultIsClosed(text: string): boolean {
  return VAULT_TROUBLE.test(text);
}

/** `-g <group> -n <name>`, as the az commands want it. @param id of a resource, or of a reference that it holds */
export function argumentsOf(id: string): string {
  const [, , , , group = '<group>', , , , name = '<name>'] = id.split('#')[0]?.split('/') ?? [];
  return `-g ${group} -n ${name}`;
}
