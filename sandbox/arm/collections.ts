/** Lists of the resources of one type in a group or a subscription: `GET …/resourceGroups/{group}/providers/Microsoft.Web/sites`. */
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
  const place = placeIn(request.segments);
  const apiVersion = request.query.get('api-version') ?? '';
  if (request.method !== 'GET' || place === undefined) return undefined;
  const { subscriptionId, group, scope, namespace, type } = place;
  const start = `${namespace}/${type}/{`.toLowerCase();
  const known = SERVICES.some((one) => one.listed !== undefined && one.address.toLowerCase().startsWith(start));
  if (!known || apiVersion === '') return undefined;
  const below = `/providers/${namespace}/${type}/`.toLowerCase();
  const isBelow = (id: string): boolean => id.startsWith(`${scope.toLowerCase()}/`) && id.includes(below);
  // Slots are children of their sites, and come only when they are asked for.
  const slots = request.query.get('includeSlots')?.toLowerCase() === 'true';
  const ask: Ask = { subscriptionId, group, name: '', action: `${namespace}/${type}/read`, scope, reads: true };
  return {
    ask,
    body: () => ({
      value: all
        .filter(({ id }) => isBelow(id.toLowerCase()))
        .filter(({ id }) => slots || !id.slice(id.toLowerCase().indexOf(below) + below.length).includes('/'))
        .flatMap((one) => one.service.listed?.(one) ?? []),
    }),
  };
}

interface Place {
  readonly subscriptionId: string;
  /** Empty: the whole subscription. */
  readonly group: string;
  readonly scope: string;
  readonly namespace: string;
  readonly type: string;
}

function placeIn(segments: readonly string[]): Place | undefined {
  const [subscriptions, subscriptionId = '', ...rest] = segments;
  const inGroup = rest[0]?.toLowerCase() === 'resourcegroups';
  const group = inGroup ? (rest[1] ?? '') : '';
  const [providers, namespace = '', type = '', ...more] = inGroup ? rest.slice(2) : rest;
  const frame = [subscriptions, providers].join('/').toLowerCase();
  if (frame !== 'subscriptions/providers' || type === '' || more.length > 0) return undefined;
  const scope = `/subscriptions/${subscriptionId}${inGroup ? `/resourceGroups/${group}` : ''}`;
  return { subscriptionId, group, scope, namespace, type };
}
