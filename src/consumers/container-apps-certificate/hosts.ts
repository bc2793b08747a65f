import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath, sameId } from '../arm-id.ts';
import { listAll } from '../arm-lists.ts';
import { API_VERSION } from '../container-apps.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { LIST_APPS } from './access.ts';
import type { Holder } from './holder.ts';

/**
 * The names that are served with the certificate: of the apps that bind it to a domain of theirs; for a DNS suffix those of all apps of
 * the environment that can be reached from outside of it, besides the wildcard. Read-only; @throws as `ArmClient.start` does
 */
export async function hostsOf(arm: ArmClient, { id, environmentId, suffix }: Holder, call: Call): Promise<string[]> {
  const apps = await appsAround(arm, environmentId, call);
  if (suffix === undefined) return [...new Set(apps.flatMap((app) => boundTo(app, id)))];
  const inside = apps.filter((app) => isIn(app, environmentId) && ingressOf(app)['external'] === true);
  return [`*.${suffix}`, ...inside.flatMap((app) => nameUnder(app, suffix))];
}

/** An app may be in another group than its environment, and not in another subscription: one list has them all. */
function appsAround(arm: ArmClient, environmentId: string, call: Call): Promise<readonly Json[]> {
  const scope = armPath(environmentId).split('/').slice(0, 3).join('/');
  const request: ArmRequest = {
    method: 'GET',
    path: `${scope}/providers/Microsoft.App/containerApps`,
    query: { 'api-version': API_VERSION },
    ...{ ...LIST_APPS, scope, mutates: false, found: true },
  };
  return listAll(arm, request, call);
}

function boundTo(app: Json, certificateId: string): readonly string[] {
  return listIn(ingressOf(app), 'customDomains').flatMap((domain) => {
    const name = textIn(domain, 'name')?.toLowerCase();
    // A domain that is not bound is not served over TLS, whatever certificate it names.
    const isBound = textIn(domain, 'bindingType')?.toLowerCase() !== 'disabled';
    return name !== undefined && isBound && sameId(textIn(domain, 'certificateId'), certificateId) ? [name] : [];
  });
}

function ingressOf(app: Json): Json {
  return objectIn(app, 'properties', 'configuration', 'ingress');
}

/** `managedEnvironmentId` is the older name of the same. */
function isIn(app: Json, environmentId: string): boolean {
  const properties = objectIn(app, 'properties');
  const named = textIn(properties, 'environmentId') ?? textIn(properties, 'managedEnvironmentId');
  return sameId(named, environmentId);
}

/** `<app>.<suffix>`. */
function nameUnder(app: Json, suffix: string): readonly string[] {
  const name = textIn(app, 'name');
  return name === undefined ? [] : [`${name}.${suffix}`.toLowerCase()];
}
