import type { Access, ActionsNeed, CommandNeed, Need, RoleNeed } from './azure/access.ts';
import { CERTIFICATE_ROTATOR } from './config/certificate-tags.ts';
import { KEY_ROTATOR } from './config/key-tags.ts';
import { CONSUMER_ACCESS, DISCOVERY_ACCESS } from './consumers/access.ts';
import { keyUserAccess } from './consumers/key-users/access.ts';
import { ACCESS as armKeys } from './rotators/arm-key/access.ts';
import { ACCESS as derived } from './rotators/derived/access.ts';
import { ACCESS as entraAppCertificate } from './rotators/entra-app-certificate/access.ts';
import { ACCESS as entraAppSecret } from './rotators/entra-app-secret/access.ts';
import { ACCESS as mysql } from './rotators/mysql/access.ts';
import { ACCESS as postgres } from './rotators/postgres/access.ts';
import { ACCESS as sasToken } from './rotators/sas-token/access.ts';
import { ACCESS as sqlServer } from './rotators/sql-server/needs.ts';
import { STATE_ACCESS } from './state/access.ts';
import { VAULT_ACCESS } from './vault/access.ts';

/* Who must be allowed what, collected from the declarations beside the code. Data: no client is built, and the app does not load it. */

export { CONSUMER_ACCESS, DISCOVERY_ACCESS, STATE_ACCESS, VAULT_ACCESS };

/** Nothing of Azure's: what they change is reached with a credential that is a secret of a vault, or is nothing at all. */
const NOTHING: readonly Access[] = ['http-api', 'external', 'external-pair', 'random', 'manual'].map((of) => ({
  of,
  needs: [],
}));

/** Every kind of rotator, with what it needs besides the vault. Certificates need nothing but that. */
export const ROTATOR_ACCESS: readonly Access[] = [
  ...sqlServer,
  ...postgres,
  ...mysql,
  ...armKeys,
  entraAppSecret,
  entraAppCertificate,
  ...NOTHING,
  derived,
  sasToken,
  keyUserAccess(KEY_ROTATOR),
  { of: CERTIFICATE_ROTATOR, needs: [] },
];

/** A role definition of ours. */
export interface CustomRole {
  readonly description: string;
  readonly actions: readonly string[];
  readonly dataActions: readonly string[];
}

/** A role that is assigned: one of Azure's by its name, or one of ours by its key. */
export interface Grant {
  readonly role: string;
  readonly custom: boolean;
  /** The choices of KEYTURN_CONSUMERS any of which makes it needed; empty: it always is. */
  readonly options: readonly string[];
}

/** What infra/ assigns, and the role definitions that it takes. */
export interface Grants {
  readonly roles: Readonly<Record<string, CustomRole>>;
  readonly vault: Readonly<Record<string, readonly Grant[]>>;
  readonly systems: Readonly<Record<string, readonly Grant[]>>;
  readonly consumers: Readonly<Record<string, readonly Grant[]>>;
}

export const isRole = (need: Need): need is RoleNeed => 'role' in need;
export const isActions = (need: Need): need is ActionsNeed => 'actions' in need;
export const isCommand = (need: Need): need is CommandNeed => 'command' in need;

const READER = 'Reader';

/** Everything that is assigned by roles. Pure. */
export function grants(): Grants {
  const roles: Record<string, CustomRole> = {};
  const all = (accesses: readonly Access[], prefix: string): Readonly<Record<string, readonly Grant[]>> =>
    Object.fromEntries(accesses.map((access) => [access.of, grantsOf(access, prefix, roles)]));
  const vault = Object.entries(VAULT_ACCESS).map(([need, access]) => [need, grantsOf(access, '', roles)] as const);
  return {
    vault: Object.fromEntries(vault),
    systems: all(ROTATOR_ACCESS, 'rotator '),
    consumers: all(CONSUMER_ACCESS, 'consumer '),
    roles,
  };
}

/** @param roles those that the grants take are put in */
function grantsOf({ of, needs }: Access, prefix: string, roles: Record<string, CustomRole>): readonly Grant[] {
  const found = new Map<string, Grant>();
  for (const [choice, same] of byChoice(needs)) {
    const options = same[0]?.options ?? [];
    const builtIn = same.flatMap((need) => builtInFor(need) ?? []);
    for (const role of builtIn) found.set(`${role}${choice}`, { role, custom: false, options });
    const own = same.filter(isActions).filter((need) => builtInFor(need) === undefined && need.builtIn !== READER);
    if (own.length === 0) continue;
    const role = `${prefix}${of}${choice}`;
    roles[role] = {
      description: [...new Set(own.map(({ to }) => to))].join('; '),
      actions: sorted(own.flatMap(({ actions }) => actions)),
      dataActions: sorted(own.flatMap(({ dataActions = [] }) => dataActions)),
    };
    found.set(role, { role, custom: true, options });
  }
  return [...found.values()];
}

/** Needs that no role can grant are no matter of roles; finding consumers takes Reader for all of them. */
function builtInFor(need: Need): string | undefined {
  if (isRole(need)) return need.role === READER ? undefined : need.role;
  return isActions(need) && need.unlisted !== undefined ? need.builtIn : undefined;
}

/** In the order of the needs: by the choices that make them needed, as a suffix for a key. */
function byChoice(needs: readonly Need[]): ReadonlyMap<string, readonly Need[]> {
  const found = new Map<string, Need[]>();
  for (const need of needs) {
    const choice = (need.options ?? []).map((option) => `+${option}`).join('');
    found.set(choice, [...(found.get(choice) ?? []), need]);
  }
  return found;
}

/** Compared without regard to case, as Azure does. */
function sorted(actions: readonly string[]): readonly string[] {
  const once = new Map(actions.map((action) => [action.toLowerCase(), action]));
  return [...once].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, action]) => action);
}
