import { randomUUID } from 'node:crypto';
import { entries, gatewayOf, putUp, type Gateway } from '../../sandbox/arm/services/network/gateway.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { Json } from '../../sandbox/arm/services/bodies.ts';
import type { CertificateDirectory } from '../../sandbox/certificate-directory.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export interface Listens {
  readonly certificate: string;
  /** None: it is for every host. */
  readonly hosts: readonly string[];
}

let made = 0;

/** A gateway as ARM shows one: with members that this code knows nothing of. */
export function makeGateway(
  cloud: Pick<ConsumerCloud, 'arm' | 'ctx' | 'front'> & { readonly vault: CertificateDirectory },
  certificates: Readonly<Record<string, string>>,
  listens: readonly Listens[],
  tags: Readonly<Record<string, string>> = { owner: 'shop' },
): { readonly resource: Resource; readonly gateway: Gateway } {
  made += 1;
  const resource = cloud.arm.create('Microsoft.Network/applicationGateways/{name}', { name: `agw${made}` });
  const address = cloud.arm.create('Microsoft.Network/publicIPAddresses/{name}', { name: `pip${made}` });
  const child = (array: string, name: string): Json => ({ id: `${resource.id}/${array}/${name}` });
  const body = {
    location: 'westeurope',
    tags,
    zones: ['1', '2'],
    identity: { type: 'UserAssigned', userAssignedIdentities: { [`${resource.id}-identity`]: {} } },
    properties: {
      sku: { name: 'WAF_v2', tier: 'WAF_v2', family: 'Generation_1' },
      someFeatureOfNextYear: { enabled: true },
      frontendIPConfigurations: [{ name: 'public', properties: { publicIPAddress: { id: address.id } } }],
      frontendPorts: [{ name: 'tls', properties: { port: cloud.front.port } }],
      sslCertificates: [
        ...Object.entries(certificates).map(([name, keyVaultSecretId]) => ({ name, properties: { keyVaultSecretId } })),
        { name: 'uploaded', properties: { data: 'cGZ4', password: 'not-a-secret' } },
      ],
      httpListeners: listens.map(({ certificate, hosts }, n) => ({
        name: `listener${n}`,
        properties: {
          protocol: 'Https',
          sslCertificate: child('sslCertificates', certificate),
          frontendIPConfiguration: child('frontendIPConfigurations', 'public'),
          frontendPort: child('frontendPorts', 'tls'),
          ...(hosts.length === 1 ? { hostName: hosts[0] } : { hostNames: hosts }),
        },
      })),
    },
  };
  return { resource, gateway: putUp(resource, body, { certificates: cloud.vault }, cloud.ctx.clock.now()) };
}

/** Somebody else changes the gateway by a PUT of his own, which ends at once and cancels whatever is under way. */
export function changeBySomebodyElse(cloud: ConsumerCloud, resource: Resource, change: Json): void {
  const gateway = gatewayOf(resource);
  cloud.arm.supersede(resource.id);
  const properties = gateway.body['properties'] as Json;
  gateway.body = { ...gateway.body, properties: { ...properties, ...change } };
  gateway.provisioningState = 'Succeeded';
  resource.etag = randomUUID();
}

export function urlsOf({ body }: Gateway): readonly unknown[] {
  return entries(body, 'sslCertificates').map(({ properties }) => properties['keyVaultSecretId']);
}
