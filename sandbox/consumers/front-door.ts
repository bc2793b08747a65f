import { profileOf } from '../arm/services/cdn/profile.ts';
import { SIGNED, type Holder } from './holder.ts';

const HOST = 'www.edge.sandbox.test';

/** A profile with one domain, whose certificate follows the vault by itself: it takes up to three days. */
export const frontDoor: Holder = {
  kind: 'front-door',
  uses: [{ object: SIGNED, hosts: [HOST] }],
  put({ arm, vaultId, certificate }) {
    const profile = profileOf(arm.create('Microsoft.Cdn/profiles/{name}', { name: 'edge' }));
    const secret = { name: 'edge', sourceId: `${vaultId}/secrets/${SIGNED}`, useLatestVersion: true };
    profile.secrets.set('edge', { ...secret, held: certificate(SIGNED) });
    const tls = { certificateType: 'CustomerCertificate', minimumTlsVersion: 'TLS12' };
    profile.domains.set('www', { name: 'www', hostName: HOST, tls, secret: 'edge', deployedMs: 0 });
  },
};
