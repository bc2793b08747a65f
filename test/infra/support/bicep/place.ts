/** Where something is deployed, and what ids and runtime properties look like there. */
import { guid, TENANT } from './functions.ts';
import { isFields, textOf, type Fields, type Value } from './values.ts';

export interface Place {
  readonly subscriptionId: string;
  /** Absent: the subscription itself. */
  readonly resourceGroup?: string;
}

export const LOCATION = 'westeurope';

export function placeId({ subscriptionId, resourceGroup }: Place): string {
  const subscription = `/subscriptions/${subscriptionId}`;
  return resourceGroup === undefined ? subscription : `${subscription}/resourceGroups/${resourceGroup}`;
}

/** What `scope:` of a module or a resource means. */
export function placeOf(scope: Value): Place | undefined {
  const id = isFields(scope) ? textOf(scope['id'] ?? '') : '';
  const [, subscriptionId, resourceGroup] = /^\/subscriptions\/([^/]+)(?:\/resourceGroups\/([^/]+))?/i.exec(id) ?? [];
  if (subscriptionId === undefined) return undefined;
  return { subscriptionId, ...(resourceGroup === undefined ? {} : { resourceGroup }) };
}

/** `resourceGroup()`, `subscription()` and their like, and the functions that put ids together. */
export function placed(name: string, args: readonly Value[], place: Place): Value {
  const [first = '', second] = args;
  switch (name) {
    case 'subscription': {
      const subscriptionId = args.length === 0 ? place.subscriptionId : textOf(first);
      return {
        id: `/subscriptions/${subscriptionId}`,
        subscriptionId,
        tenantId: TENANT,
        displayName: 'a subscription',
      };
    }
    case 'resourceGroup': {
      const subscriptionId = second === undefined ? place.subscriptionId : textOf(first);
      const group =
        second === undefined ? (args.length === 0 ? (place.resourceGroup ?? '') : textOf(first)) : textOf(second);
      return { id: placeId({ subscriptionId, resourceGroup: group }), name: group, location: LOCATION, tags: {} };
    }
    case 'deployment':
      return { name: 'a-deployment', location: LOCATION };
    case 'tenantResourceId':
      return `/providers${typedPath(args)}`;
    case 'extensionResourceId':
      return `${textOf(first)}/providers${typedPath(args.slice(1))}`;
    case 'subscriptionResourceId': {
      const other = !textOf(first).includes('/');
      const subscriptionId = other ? textOf(first) : place.subscriptionId;
      return `/subscriptions/${subscriptionId}/providers${typedPath(other ? args.slice(1) : args)}`;
    }
    default: {
      const typeAt = args.findIndex((one) => textOf(one).includes('/'));
      const [subscriptionId = place.subscriptionId] = typeAt === 2 ? [textOf(first)] : [];
      const resourceGroup = typeAt === 0 ? place.resourceGroup : textOf(args[typeAt - 1] ?? '');
      const home = placeId({ subscriptionId, ...(resourceGroup === undefined ? {} : { resourceGroup }) });
      return `${home}/providers${typedPath(args.slice(typeAt))}`;
    }
  }
}

/** `A.B/c/d` and its names: `/A.B/c/<name>/d/<name>`. */
export function typedPath(args: readonly Value[]): string {
  const [type = '', ...names] = args.map(textOf);
  const [provider = '', ...kinds] = type.split('/');
  return `/${provider}${kinds.map((kind, index) => `/${kind}/${names[index] ?? '‹a name›'}`).join('')}`;
}

/** Runtime properties that strings are made of, as Azure gives them in the public cloud. */
export function runtime(resource: Fields, path: string): Value | undefined {
  const name = textOf(resource['name'] ?? '');
  const id = textOf(resource['id'] ?? '');
  if (/(?:^|\.)(?:principalId|clientId|objectId)$/.test(path)) return guid([id, path]);
  const endpoint = /^properties\.primaryEndpoints\.(blob|queue|table|file)$/.exec(path)?.[1];
  if (endpoint !== undefined) return `https://${name}.${endpoint}.core.windows.net/`;
  const type = textOf(resource['type'] ?? '');
  switch (`${type}:${path}`.toLowerCase()) {
    case 'microsoft.keyvault/vaults:properties.vaulturi':
      return `https://${name}.vault.azure.net/`;
    case 'microsoft.keyvault/vaults:properties.tenantid':
      return TENANT;
    case 'microsoft.eventgrid/topics:properties.endpoint':
      return `https://${name}.${LOCATION}-1.eventgrid.azure.net/api/events`;
    case 'microsoft.web/sites:properties.defaulthostname':
      return `${name}.azurewebsites.net`;
    case 'microsoft.insights/components:properties.connectionstring':
      return `InstrumentationKey=${guid([id])};IngestionEndpoint=https://${LOCATION}.in.applicationinsights.azure.com/`;
    case 'microsoft.operationalinsights/workspaces:properties.customerid':
      return guid([id, 'customer']);
    default:
      return path === 'location' ? LOCATION : undefined;
  }
}
