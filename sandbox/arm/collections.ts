/** Lists of the resources of one type in a group: `GET …/resourceGroups/{group}/providers/Microsoft.Web/sites`. */
import type { SandboxRequest } from '../http.ts';
import type { Ask } from './requests.ts';
import { SERVICES } from './resources.ts';
import type { Resource } from './service.ts';

export interface Listing {
  readonly ask: Ask;
  body(): unknown;
}

/** Undefined when it is no such list, or no resource of the type can be listed. */
export function listIn(request: SandboxRequest, all: readonly Resource[]): Listing | undefined {
  const [subscriptions, subscriptionId = '', groups, group = '', providers, namespace = '', type = '', ...rest] =
    request.segments;
  const frame = [subscriptions, groups, providers].join('/').toLowerCase();
  const apiVersion = request.query.get('api-version') ?? '';
  if (request.method !== 'GET' || frame !== 'subscriptions/resourcegroups/providers' || rest.length > 0)
    return undefined;
  const start = `${namespace}/${type}/{`.toLowerCase();
  const known = SERVICES.some((one) => one.listed !== undefined && one.address.toLowerCase().startsWith(start));
  if (!known || apiVersion === '') return undefined;
  const scope = `/subscriptions/${subscriptionId}/resourceGroups/${group}`;
  const prefix = `${scope}/providers/${namespace}/${type}/`.toLowerCase();
  // Slots are children of their sites, and come only when they are asked for.
  const slots = request.query.get('includeSlots')?.toLowerCase() === 'true';
  const ask: Ask = { subscriptionId, group, name: '', action: `${namespace}/${type}/read`, scope, reads: true };
  return {
    ask,
    body: () => ({
      value: all
        .filter(({ id }) => id.toLowerCase().startsWith(prefix))
        .filter(({ id }) => slots || !id.slice(prefix.length).includes('/'))
        .flatMap((one) => one.service.listed?.(one) ?? []),
    }),
  };
}
