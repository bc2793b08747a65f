/** Application Gateway v2 and the public addresses of its frontends (consumer facts 3). */
import { randomUUID } from 'node:crypto';
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import { entries, gatewayOf, look, lookWhenDue, refuseWhatIsDisabled, servesHost, shownGateway } from './gateway.ts';

const GATEWAYS = 'Microsoft.Network/applicationGateways';
const ADDRESSES = 'Microsoft.Network/publicIPAddresses';

function shown({ resource, vault, now }: Asked): ReturnType<Operation['begin']> {
  const gateway = gatewayOf(resource);
  lookWhenDue(gateway, vault, now);
  return () => ({ status: 200, body: shownGateway(resource) });
}

/** Takes the place of all tags, as the worst case of what is not verified; and makes the gateway look (docs: renew-certificates.md). */
function tag({ resource, request, vault }: Asked): ReturnType<Operation['begin']> {
  const tags = at(request.json, 'tags');
  if (typeof tags !== 'object' || tags === null) throw badRequest('The request has no tags.');
  if (Object.keys(tags).length > 50) throw badRequest('The resource would have more than 50 tags.', 'TooManyTags');
  const gateway = gatewayOf(resource);
  return () => {
    gateway.body = { ...gateway.body, tags };
    resource.etag = randomUUID();
    if (gateway.operationalState === 'Running') look(gateway, vault);
    return { status: 200, body: shownGateway(resource) };
  };
}

/**
 * The whole gateway. What the request leaves out is gone; a stopped gateway starts (azure-docs PR #107660); If-Match is not looked at
 * (azure-cli #28615).
 */
function replace({ resource, request, vault }: Asked): ReturnType<Operation['begin']> {
  const gateway = gatewayOf(resource);
  const body = request.json as Json;
  for (const { name, properties } of entries(body, 'sslCertificates')) {
    const url = properties['keyVaultSecretId'];
    const isKnown = entries(gateway.body, 'sslCertificates').some((one) => one.name === name);
    if (typeof url !== 'string' && properties['data'] === undefined && !isKnown) {
      throw badRequest(`Data must be specified for ${name}.`, 'ApplicationGatewaySslCertificateDataMustBeSpecified');
    }
    // azure-powershell #12052.
    if (typeof url === 'string' && !/^\/secrets\//i.test(new URL(url).pathname)) {
      throw badRequest(`${url} is not a secret identifier.`, 'ApplicationGatewaySslCertificateInvalidSecretId');
    }
  }
  gateway.provisioningState = 'Updating';
  return () => {
    gateway.body = body;
    resource.etag = randomUUID();
    gateway.operationalState = 'Running';
    look(gateway, vault);
    gateway.provisioningState = gateway.disabled.size === 0 ? 'Succeeded' : 'Failed';
    refuseWhatIsDisabled(gateway, resource);
    return { status: 200, body: shownGateway(resource) };
  };
}

const gateways: Service = {
  address: `${GATEWAYS}/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: shownGateway(resource)['properties'] }),
  serves: servesHost,
  busy: () => armProblem(429, 'RetryableError', 'A retryable error occurred.'),
  operations: [
    { method: 'GET', path: /^$/, action: `${GATEWAYS}/read`, begin: shown },
    { method: 'PATCH', path: /^$/, action: `${GATEWAYS}/write`, begin: tag },
    {
      method: 'PUT',
      path: /^$/,
      action: `${GATEWAYS}/write`,
      begin: replace,
      later: { style: 'status', status: 201, isSuperseded: true },
    },
  ],
};

const addresses: Service = {
  address: `${ADDRESSES}/{name}`,
  slots: [],
  mint: noKey,
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${ADDRESSES}/read`,
      begin:
        ({ resource }) =>
        () => ({ status: 200, body: { id: resource.id, properties: { ipAddress: '127.0.0.1' } } }),
    },
  ],
};

export const NETWORK_SERVICES: readonly Service[] = [gateways, addresses];
