import type { ArmRequest } from '../azure/arm/client.ts';
import { armPath } from './arm-id.ts';

/* What the kinds of consumers in App Service share. */

const API_VERSION = '2025-05-01';
/** The built-in role with the fewest rights that has all that is done there. */
export const ROLE = 'Website Contributor';
const SITES = 'Microsoft.Web/sites';
const SLOTS = 'Microsoft.Web/sites/slots';

/** What every request about a resource of Microsoft.Web has in common. @param id its ARM id @param below what follows it, from `/` on */
export function about(id: string, below = ''): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  return {
    path: `${armPath(id)}${below}`,
    query: { 'api-version': API_VERSION },
    scope: id,
    role: ROLE,
    found: true,
  };
}

/** The type as RBAC actions spell it: slots have actions of their own. */
export function siteType(siteId: string): string {
  return /\/slots\/[^/]+$/i.test(siteId) ? SLOTS : SITES;
}

/** The same actions on sites and on their slots, for a role. @param verbs what follows the type */
export function onSitesAndSlots(verbs: readonly string[]): readonly string[] {
  return [SITES, SLOTS].flatMap((type) => verbs.map((verb) => `${type}/${verb}`));
}

/** `-g <group> -n <name> [--slot <slot>]`, as the az commands want it. */
export function siteArguments(siteId: string): string {
  const [, , , , group = '<group>', , , , name = '<name>', , slot] = siteId.split('/');
  return `-g ${group} -n ${name}${slot === undefined ? '' : ` --slot ${slot}`}`;
}
