/** Extensions of virtual machines, Arc machines and scale sets (consumer facts 8). */
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import { extensionOf, pollWhenDue, shown, shownProperties, start } from './extension.ts';

const LATER = { style: 'status', status: 202 } as const;

/** What the request names takes the place of what was there; `settings` as a whole. Another tag, or other settings, start it anew. */
function patch({ resource, request, vault, now }: Asked): ReturnType<Operation['begin']> {
  const extension = extensionOf(resource);
  const change = at(request.json, 'properties') as Json | undefined;
  if (typeof change !== 'object') throw badRequest('The request has no properties.');
  if (extension.isMachineOff) {
    const message = 'Cannot modify extensions in the VM when the VM is not running.';
    throw armProblem(409, 'OperationNotAllowed', message);
  }
  extension.provisioningState = 'Updating';
  return () => {
    const before = JSON.stringify(extension.properties);
    extension.properties = { ...extension.properties, ...change };
    extension.provisioningState = 'Succeeded';
    if (JSON.stringify(extension.properties) !== before) start(extension, vault, now);
    return { status: 200, body: shown(resource, false) };
  };
}

const extensions = (type: string, showsUnasked: boolean): Service => ({
  address: `${type}/{machine}/extensions/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: shown(resource, false)['properties'] }),
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${type}/extensions/read`,
      begin({ resource, request, vault, now }) {
        pollWhenDue(extensionOf(resource), vault, now);
        const view = showsUnasked || request.query.get('$expand')?.toLowerCase() === 'instanceview';
        return () => ({ status: 200, body: shown(resource, view) });
      },
    },
    { method: 'PATCH', path: /^$/, action: `${type}/extensions/write`, begin: patch, later: LATER },
  ],
});

/** A set has one extension of the vault here, and one of somebody else. */
function shownSet({ resource, vault, now }: Asked): Json {
  const extension = extensionOf(resource);
  pollWhenDue(extension, vault, now);
  const one = { name: 'KeyVault', properties: shownProperties(extension, false) };
  const other = {
    name: 'Monitor',
    properties: { publisher: 'Microsoft.Azure.Monitor', type: 'AzureMonitorLinuxAgent' },
  };
  const extensionProfile = { extensions: [other, one] };
  const properties = { upgradePolicy: { mode: extension.upgrades }, virtualMachineProfile: { extensionProfile } };
  return { id: resource.id, location: 'westeurope', properties };
}

const SETS = 'Microsoft.Compute/virtualMachineScaleSets';

const sets: Service = {
  address: `${SETS}/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: shownProperties(extensionOf(resource), false) }),
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${SETS}/read`,
      begin: (asked) => () => ({ status: 200, body: shownSet(asked) }),
    },
    {
      method: 'PATCH',
      path: /^\/extensions\/KeyVault$/i,
      action: `${SETS}/extensions/write`,
      begin: patch,
      later: LATER,
    },
  ],
};

export const COMPUTE_SERVICES: readonly Service[] = [
  extensions('Microsoft.Compute/virtualMachines', false),
  extensions('Microsoft.HybridCompute/machines', true),
  sets,
];
