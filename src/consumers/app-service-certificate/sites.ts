import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { about, siteType } from '../app-service.ts';
import { listAll } from '../arm-lists.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { ACTIONS, BINDINGS } from './access.ts';
import type { WebCertificate } from './certificate.ts';

/** A host name of a site or a slot, with the certificate that it is served with. */
export interface Binding {
  readonly siteId: string;
  readonly host: string;
  /** Upper-case hex. */
  readonly thumbprint: string;
}

const GROUP_OF = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i;

/**
 * The bindings with a certificate of all sites and slots that this certificate may be bound to: those of its own resource group, and of
 * the groups that have a site on its plan. One plan's certificates are also for the other plans of its group and region: a site on another
 * plan and in a third group is not seen. Whatever has vanished meanwhile has no bindings. Read-only; @throws as `ArmClient.start` does
 */
export async function bindingsAround(
  arm: ArmClient,
  certificateId: string,
  certificate: Pick<WebCertificate, 'planId' | 'location'>,
  call: Call,
): Promise<readonly Binding[]> {
  const { planId } = certificate;
  const onPlan = planId === undefined ? [] : await listOrNone(arm, onThePlan(planId), call);
  const ids = [certificateId, ...onPlan.flatMap((site) => textIn(site, 'id') ?? [])];
  const groups = new Map(ids.map((id) => groupOf(id)).map((group) => [group.toLowerCase(), group]));
  const found = new Map<string, Binding>();
  for (const group of groups.values()) {
    for (const site of (await listOrNone(arm, listing(group), call)).filter((one) => mayUse(one, certificate))) {
      for (const binding of bindingsOf(site)) found.set(`${binding.siteId} ${binding.host}`.toLowerCase(), binding);
    }
  }
  return [...found.values()];
}

/**
 * A certificate is there for its region and the group of its plan, and for no other site, though another certificate of the same vault
 * object, and so with the same thumbprint, may be there for that one. What is not said excludes nobody: a name that is looked at without
 * need is seen, one that is not looked at is not. That Windows and Linux are apart as well is not told by a site [U]: see `rebind`.
 */
function mayUse(site: Json, { planId, location }: Pick<WebCertificate, 'planId' | 'location'>): boolean {
  const region = (text: string): string => text.replaceAll(' ', '').toLowerCase();
  const [own, theirs] = [region(location), region(textIn(site, 'location') ?? '')];
  const plan = textIn(objectIn(site, 'properties'), 'serverFarmId');
  const [ownGroup, theirGroup] = [groupOf(planId ?? '').toLowerCase(), groupOf(plan ?? '').toLowerCase()];
  const differ = (one: string, other: string): boolean => one !== '' && other !== '' && one !== other;
  return !differ(own, theirs) && !differ(ownGroup, theirGroup);
}

function groupOf(id: string): string {
  return GROUP_OF.exec(id)?.[0] ?? '';
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

function onThePlan(planId: string): ArmRequest {
  return { ...about(planId, '/sites'), method: 'GET', action: ACTIONS.sitesOnPlan, mutates: false };
}

/** None where the plan or the group is gone: a certificate may outlive the one, and is not the only thing in the other. */
async function listOrNone(arm: ArmClient, request: ArmRequest, call: Call): Promise<readonly Json[]> {
  try {
    return await listAll(arm, request, call);
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
 * (IpBasedEnabled) would lose it otherwise. May be repeated. A binding or site that has vanished is left, and so is one that cannot use
 * the certificate ("Cannot find Certificate with thumbprint"), since it has one of its own: neither says anything about the certificate.
 * What is left with the old thumbprint is seen by the next look at the bindings.
 * @throws CONFLICT when the site is being changed, or the certificate is not for this host; else as `ArmClient.start` does
 */
export async function rebind(arm: ArmClient, binding: Binding, thumbprint: string, call: Call): Promise<void> {
  try {
    await rebindOne(arm, binding, thumbprint, call);
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'TARGET_NOT_FOUND') throw error;
  }
}

async function rebindOne(
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
