import { putUp } from '../arm/services/network/gateway.ts';
import { SELF_SIGNED, SIGNED, type Holder } from './holder.ts';

const FOLLOWS = 'store.shop.sandbox.test';
const PINNED = 'orders.edge.sandbox.test';

/** One gateway with two listeners: the certificate of one follows, that of the other names a version. */
export const applicationGateway: Holder = {
  kind: 'application-gateway',
  uses: [
    { object: SELF_SIGNED, hosts: [FOLLOWS] },
    { object: SIGNED, hosts: [PINNED] },
  ],
  put({ arm, now, secretUrl, newest, directories }) {
    const gateway = arm.create('Microsoft.Network/applicationGateways/{name}', { name: 'shop' });
    const address = arm.create('Microsoft.Network/publicIPAddresses/{name}', { name: 'shop' });
    const child = (array: string, name: string): object => ({ id: `${gateway.id}/${array}/${name}` });
    const listener = (name: string, hostName: string): object => ({
      name,
      properties: {
        protocol: 'Https',
        hostName,
        sslCertificate: child('sslCertificates', name),
        frontendIPConfiguration: child('frontendIPConfigurations', 'public'),
        frontendPort: child('frontendPorts', 'tls'),
      },
    });
    const certificate = (name: string, keyVaultSecretId: string): object => ({
      name,
      properties: { keyVaultSecretId },
    });
    const body = {
      location: 'westeurope',
      tags: { owner: 'shop' },
      identity: { type: 'UserAssigned', userAssignedIdentities: { [`${gateway.id}-identity`]: {} } },
      properties: {
        sku: { name: 'WAF_v2', tier: 'WAF_v2' },
        frontendIPConfigurations: [{ name: 'public', properties: { publicIPAddress: { id: address.id } } }],
        frontendPorts: [{ name: 'tls', properties: { port: 443 } }],
        sslCertificates: [
          certificate('store', `${secretUrl(SELF_SIGNED)}/`),
          certificate('orders', `${secretUrl(SIGNED)}/${newest(SIGNED)}`),
        ],
        httpListeners: [listener('store', FOLLOWS), listener('orders', PINNED)],
      },
    };
    putUp(gateway, body, directories, now);
  },
};
