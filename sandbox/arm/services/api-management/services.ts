/** API Management: the service with its host names, named values and certificates (consumer facts 5). */
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import { entityOperations } from './entities.ts';
import { lookWhenDue, replaceHosts, servesHost, serviceOf, shownService } from './state.ts';

const SERVICE = 'Microsoft.ApiManagement/service';

function show({ resource, vault, now }: Asked): ReturnType<Operation['begin']> {
  lookWhenDue(serviceOf(resource), vault, now);
  return () => ({ status: 200, body: shownService(resource) });
}

/** The array replaces the old one; "while the service is updating, other service infrastructure changes can't be made". */
function update({ resource, request, vault }: Asked): ReturnType<Operation['begin']> {
  const service = serviceOf(resource);
  if (service.provisioningState === 'Updating') {
    const text = `The API Service ${resource.names['name'] ?? ''} is transitioning at this time. Please try the request again later.`;
    throw armProblem(409, 'ServiceLocked', text);
  }
  const wanted = at(request.json, 'properties', 'hostnameConfigurations');
  if (!Array.isArray(wanted)) throw badRequest('The sandbox only updates host names.');
  const replace = replaceHosts(resource, wanted as readonly Json[], vault);
  service.provisioningState = 'Updating';
  service.updates += 1;
  return () => {
    replace();
    service.provisioningState = 'Succeeded';
    return { status: 200, body: shownService(resource) };
  };
}

export const API_MANAGEMENT_SERVICES: readonly Service[] = [
  {
    address: `${SERVICE}/{name}`,
    slots: [],
    mint: noKey,
    graph: (resource) => ({ location: 'westeurope', properties: shownService(resource)['properties'] }),
    serves: servesHost,
    busy: () =>
      armProblem(409, 'PessimisticConcurrencyConflict', 'Operation on the API is in progress, please try again later.'),
    operations: [
      { method: 'GET', path: /^$/, action: `${SERVICE}/read`, begin: show },
      {
        method: 'PATCH',
        path: /^$/,
        action: `${SERVICE}/write`,
        begin: update,
        later: { style: 'location', status: 202 },
      },
      ...entityOperations('namedValues', 'PATCH'),
      ...entityOperations('certificates', 'PUT'),
    ],
  },
];
