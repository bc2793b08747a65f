import { serviceOf } from '../arm/services/api-management/state.ts';
import { SIGNED, type Holder } from './holder.ts';

const HOST = 'api.edge.sandbox.test';

/** A service in one region with a host name of its own, whose certificate follows the vault. */
export const apiManagement: Holder = {
  kind: 'api-management-host',
  uses: [{ object: SIGNED, hosts: [HOST] }],
  put({ arm, secretUrl, certificate }) {
    const resource = arm.create('Microsoft.ApiManagement/service/{name}', { name: 'edge' });
    Object.assign(serviceOf(resource), {
      more: {
        identity: { type: 'SystemAssigned', principalId: 'ca1d33f7-0000-42ec-0000-d526a1ee953a' },
        properties: { virtualNetworkType: 'None', publicIPAddresses: ['127.0.0.1'] },
      },
      hosts: [
        { body: { type: 'Proxy', hostName: 'edge.azure-api.sandbox.test', certificateSource: 'BuiltIn' } },
        {
          body: { type: 'Proxy', hostName: HOST, keyVaultId: `${secretUrl(SIGNED)}/`, certificateSource: 'KeyVault' },
          held: certificate(SIGNED),
          status: 'Completed',
        },
      ],
    });
  },
};
