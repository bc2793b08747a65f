/** Resources that are only looked at (consumer facts 4, 8): they show what they were given, and serve what they were told to. */
import type { CertificateSeen } from '../../certificate-directory.ts';
import type { Operation, Resource, Service } from '../service.ts';
import { noKey, type Json } from './bodies.ts';

export interface Look {
  /** `properties` of the resource. */
  properties: Json;
  /** By name, `properties` of its parts, where it has a list of them. */
  parts: Readonly<Record<string, Json>>;
  /** By host. */
  readonly serves: Map<string, CertificateSeen>;
}

const LOOKS = new WeakMap<Resource, Look>();

export function lookOf(resource: Resource): Look {
  const found = LOOKS.get(resource) ?? { properties: {}, parts: {}, serves: new Map<string, CertificateSeen>() };
  LOOKS.set(resource, found);
  return found;
}

function kind(address: string, parts?: readonly [path: string, action: string]): Service {
  const type = address.replaceAll(/\/\{\w+\}/g, '');
  const whole: Operation = {
    method: 'GET',
    path: /^$/,
    action: `${type}/read`,
    begin:
      ({ resource }) =>
      () => ({ status: 200, body: { id: resource.id, properties: lookOf(resource).properties } }),
  };
  const list = ([path, action]: readonly [string, string]): Operation => ({
    method: 'GET',
    path: new RegExp(`^${path}$`, 'i'),
    action,
    begin({ resource }) {
      const value = Object.entries(lookOf(resource).parts).map(([name, properties]) => ({ name, properties }));
      return () => ({ status: 200, body: { value } });
    },
  });
  return {
    address,
    slots: [],
    mint: noKey,
    graph: (resource) => ({ location: 'westeurope', properties: lookOf(resource).properties }),
    serves(resource, host) {
      const seen = lookOf(resource).serves.get(host);
      return seen === undefined ? undefined : [seen];
    },
    operations: parts === undefined ? [whole] : [whole, list(parts)],
  };
}

export const SHOWN_SERVICES: readonly Service[] = [
  kind('Microsoft.Network/firewallPolicies/{name}'),
  kind('Microsoft.Network/connections/{name}'),
  kind('Microsoft.Network/frontDoors/{name}'),
  kind('Microsoft.Cdn/profiles/{profile}/endpoints/{name}', [
    '/customDomains',
    'Microsoft.Cdn/profiles/endpoints/customdomains/read',
  ]),
  kind('Microsoft.EventGrid/namespaces/{name}'),
  kind('Microsoft.Compute/virtualMachines/{name}'),
  kind('Microsoft.AppPlatform/Spring/{name}', ['/certificates', 'Microsoft.AppPlatform/Spring/certificates/read']),
];
