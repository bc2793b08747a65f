import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { about, siteType } from '../app-service.ts';
import { listAll } from '../arm-lists.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { ACTIONS, BINDINGS } from './access.ts';

/** A host name of a site or a slot, with the certificate that it is served with. */
export interface Binding {
  readonly siteId: string;
  readonly host: string;
  /** Upper-case hex. */
  readonly thumbprint: string;
}

const GROUP_OF = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i;

/**
 * The bindings with a certificate of all sites and slots that a certificate may be bound to: those of its own resource group, and of the
 * groups that have a site on its plan. One plan's certificates are also for the other plans of its group and region: a site on another
 * plan and in a third group is not seen. Read-only; @throws as `ArmClient.start` does
 */
export async function bindingsAround(
  arm: ArmClient,
  certificateId: string,
  planId: string | undefined,
  call: Call,
): Promise<readonly Binding[]> {
  const onPlan = planId === undefined ? [] : await sitesOnPlan(arm, planId, call);
  const ids = [certificateId, ...onPlan.flatMap((site) => textIn(site, 'id') ?? [])];
  const groups = new Map(ids.map((id) => GROUP_OF.exec(id)?.[0] ?? '').map((group) => [group.toLowerCase(), group]));
  const found = new Map<string, Binding>();
  for (const group of groups.values()) {
    for (const site of await listAll(arm, listing(group), call)) {
      for (const binding of bindingsOf(site)) found.set(`${binding.siteId} ${binding.host}`.toLowerCase(), binding);
    }
  }
  return [...found.values()];
}

/** A list has the path of an item without its name. */
function listing(group: string): ArmRequest {
  const base = about(`${group}/providers/Microsoft.Web/sites/any`);
  return {
    ...base,
    path: base.path.slice(0, -'/any'.length),
    query: { ...base.query, includeSlots: 'true' },
    scope: group,
    method: 'GET',
    action: ACTIONS.sites,
    mutates: false,
  };
}

/** None where the plan is gone: a certificate may outlive it. */
async function sitesOnPlan(arm: ArmClient, planId: string, call: Call): Promise<readonly Json[]> {
  try {
    return await listAll(
      arm,
      { ...about(planId, '/sites'), method: 'GET', action: ACTIONS.sitesOnPlan, mutates: false },
      call,
    );
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return [];
    throw error;
  }
}

function bindingsOf(site: Json): readonly Binding[] {
  const siteId = textIn(site, 'id');
  if (siteId === undefined) return [];
  return listIn(objectIn(site, 'properties'), 'hostNameSslStates').flatMap((entry) => {
    const [host, thumbprint] = [textIn(entry, 'name'), textIn(entry, 'thumbprint')];
    if (host === undefined || thumbprint === undefined) return [];
    return [{ siteId, host: host.toLowerCase(), thumbprint: thumbprint.toUpperCase() }];
  });
}

/**
 * Gives one host name another certificate. Everything else of the binding is sent back as it came: one that has an address of its own
 * (IpBasedEnabled) would lose it otherwise. May be repeated.
 * @throws CONFLICT when the site is being changed, or the certificate is not for this host; else as `ArmClient.start` does
 */
export async function rebind(
  arm: ArmClient,
  { siteId, host, thumbprint: old }: Binding,
  thumbprint: string,
  call: Call,
): Promise<void> {
  const type = siteType(siteId);
  const at = about(siteId, `/hostNameBindings/${encodeURIComponent(host)}`);
  const reading = { method: 'GET', action: `${type}/${BINDINGS.read}`, mutates: false } as const;
  const outcome = await arm.start({ ...at, ...reading }, call);
  const properties = objectIn('body' in outcome ? outcome.body : undefined, 'properties');
  // Somebody else has given it another one since.
  if (textIn(properties, 'thumbprint')?.toUpperCase() !== old) return;
  const writing = { method: 'PUT', action: `${type}/${BINDINGS.write}`, mutates: true } as const;
  await arm.start({ ...at, ...writing, body: { properties: { ...properties, thumbprint } } }, call);
}
