/** Custom certificates and domains of SignalR and Web PubSub, which have them alike (consumer facts 8). */
import type { SandboxResponse } from '../../../http.ts';
import type { Asked, Operation, Resource, Service } from '../../service.ts';
import * as state from './state.ts';

const LATER = { style: 'status', status: 201 } as const;

function listCertificates({ resource, vault, now }: Asked): () => SandboxResponse {
  const hub = state.hubOf(resource);
  state.lookWhenDue(hub, vault, now);
  const value = [...hub.certificates.values()].map((one) => state.shownCertificate(resource, one));
  return () => ({ status: 200, body: { value, nextLink: null } });
}

function listDomains({ resource }: Asked): () => SandboxResponse {
  const value = [...state.hubOf(resource).domains].map(([name, one]) => state.shownDomain(resource, name, one));
  return () => ({ status: 200, body: { value, nextLink: null } });
}

function getCertificate({ resource, match }: Asked): () => SandboxResponse {
  const found = state.hubOf(resource).certificates.get(match[1] ?? '');
  if (found === undefined) throw state.notFound(match[1] ?? '');
  return () => ({ status: 200, body: state.shownCertificate(resource, found) });
}

function putCertificate({ resource, request, match, vault }: Asked): () => SandboxResponse {
  const hub = state.hubOf(resource);
  const name = match[1] ?? '';
  const properties = state.givenIn(hub, request.json);
  const known = hub.certificates.get(name);
  const isSame = JSON.stringify(known?.properties) === JSON.stringify(properties);
  const certificate = known ?? { name, properties, provisioningState: 'Updating' };
  certificate.provisioningState = 'Updating';
  hub.certificates.set(name, certificate);
  return () => {
    certificate.properties = properties;
    if (isSame && !hub.looksWhenPut) certificate.provisioningState = 'Succeeded';
    else state.take(hub, certificate, vault);
    return { status: 200, body: state.shownCertificate(resource, certificate) };
  };
}

/** @param type as role definitions spell it */
export function customCertificates(type: string): readonly Operation[] {
  return [
    {
      method: 'GET',
      path: /^\/customCertificates$/i,
      action: `${type}/customCertificates/read`,
      begin: listCertificates,
    },
    { method: 'GET', path: /^\/customCertificates\/([^/]+)$/i, action: `${type}/customCertificates/read`, begin: getCertificate }, // prettier-ignore
    { method: 'PUT', path: /^\/customCertificates\/([^/]+)$/i, action: `${type}/customCertificates/write`, begin: putCertificate, later: LATER }, // prettier-ignore
    { method: 'GET', path: /^\/customDomains$/i, action: `${type}/customDomains/read`, begin: listDomains },
  ];
}

/** What the graph shows of such a resource, and what it serves. */
export const SERVING: Pick<Service, 'graph' | 'serves'> = {
  graph: (resource: Resource) => ({ location: 'westeurope', properties: { hostName: `${resource.names['name'] ?? ''}.service.signalr.net` } }), // prettier-ignore
  serves: state.servesHost,
};
