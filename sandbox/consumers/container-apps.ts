import { addRevision, makeApp } from '../arm/services/app/app.ts';
import { environmentOf, heldBy, take } from '../arm/services/app/environment.ts';
import { PLAIN, SELF_SIGNED, type Holder } from './holder.ts';

const HOST = 'cart.shop.sandbox.test';
const IDENTITY = { type: 'SystemAssigned', principalId: 'ca1d33f7-0000-42ec-0000-d526a1ee953b' };

/** An environment with a certificate, and an app that serves it under a name of its own. */
export const containerAppsCertificate: Holder = {
  kind: 'container-apps-certificate',
  uses: [{ object: SELF_SIGNED, hosts: [HOST] }],
  put({ arm, now, secretUrl, directories }) {
    const place = arm.create('Microsoft.App/managedEnvironments/{name}', { name: 'shop' });
    const address = 'Microsoft.App/managedEnvironments/{environment}/certificates/{name}';
    const certificate = arm.create(address, { environment: 'shop', name: 'shop' });
    const held = heldBy(certificate);
    Object.assign(held, { keyVaultUrl: secretUrl(SELF_SIGNED), identity: 'system' });
    take(held, directories);
    environmentOf(place).certificates.set(certificate.id.toLowerCase(), held);
    const resource = arm.create('Microsoft.App/containerApps/{name}', { name: 'cart' });
    const customDomains = [{ name: HOST, certificateId: certificate.id, bindingType: 'SniEnabled' }];
    const configuration = {
      ingress: { external: true, targetPort: 8080, customDomains },
      secrets: [{ name: 'payment-key', keyVaultUrl: secretUrl(PLAIN), identity: 'system' }],
    };
    const template = { containers: [{ name: 'cart', env: [{ name: 'PAYMENT_KEY', secretRef: 'payment-key' }] }] };
    const body = { identity: IDENTITY, properties: { environmentId: place.id, configuration, template } };
    const app = makeApp(resource, body, directories, now);
    app.environment = place;
    addRevision(app, 'cart--1', now);
  },
};

/** The same app has the plain secret in its environment. */
export const containerAppsSecret: Holder = {
  kind: 'container-apps-secret',
  uses: [{ object: PLAIN, hosts: [] }],
  put: () => undefined,
};
