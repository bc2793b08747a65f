import { siteOf, certificateOf, thumbprintOf } from '../arm/services/web/state.ts';
import { takeCertificate } from '../arm/services/web/certificates.ts';
import { startSite } from '../arm/services/web/settings.ts';
import type { Resource } from '../arm/service.ts';
import { PLAIN, SELF_SIGNED, type Holder, type World } from './holder.ts';

const SITE = { address: 'Microsoft.Web/sites/{name}', names: { name: 'shop' } } as const;
const SLOT = { address: 'Microsoft.Web/sites/{name}/slots/{slot}', names: { name: 'shop', slot: 'staging' } } as const;
const SETTING = 'PAYMENT_KEY';

const OF_THE_SITE = ['www.shop.sandbox.test', 'pay.shop.sandbox.test'] as const;
const OF_THE_SLOT = ['staging.shop.sandbox.test'] as const;

/** A certificate of App Service, bound to two host names of a site and to one of its slot. */
export const appServiceCertificate: Holder = {
  kind: 'app-service-certificate',
  uses: [{ object: SELF_SIGNED, hosts: [...OF_THE_SITE, ...OF_THE_SLOT] }],
  put({ arm, vaultId, directories }) {
    const plan = arm.create('Microsoft.Web/serverfarms/{name}', { name: 'shop' });
    const certificate = arm.create('Microsoft.Web/certificates/{name}', { name: 'shop' });
    const state = certificateOf(certificate);
    Object.assign(state, { keyVaultId: vaultId, keyVaultSecretName: SELF_SIGNED, serverFarmId: plan.id });
    takeCertificate(certificate, directories);
    const { seen } = state;
    const bind = (resource: Resource, hosts: readonly string[]): void => {
      const site = siteOf(resource);
      site.serverFarmId = plan.id;
      const held = { thumbprint: thumbprintOf(seen), ...(seen === undefined ? {} : { seen }) };
      for (const host of hosts) site.bindings.set(host, { sslState: 'SniEnabled', ...held });
    };
    bind(siteAt(arm, SITE), OF_THE_SITE);
    bind(siteAt(arm, SLOT), OF_THE_SLOT);
  },
};

/** The same site and slot have a reference each: one follows, the slot's names a version. */
export const appServiceReferences: Holder = {
  kind: 'app-service-reference',
  uses: [
    { object: PLAIN, hosts: [] },
    { object: PLAIN, hosts: [] },
  ],
  put({ arm, now, secretUrl, newest, directories }) {
    const refer = (resource: Resource, url: string): void => {
      siteOf(resource).settings = { [SETTING]: `@Microsoft.KeyVault(SecretUri=${url})` };
      startSite(resource, directories.secrets, now);
    };
    refer(siteAt(arm, SITE), `${secretUrl(PLAIN)}/`);
    refer(siteAt(arm, SLOT), `${secretUrl(PLAIN)}/${newest(PLAIN)}`);
  },
};

/** The versions that the processes of the site and of its slot have in their environment. */
export function versionsInUse(arm: World['arm']): readonly string[] {
  return [SITE, SLOT].map((which) => siteOf(siteAt(arm, which)).environment.get(`appsettings/${SETTING}`) ?? '');
}

function siteAt(arm: World['arm'], { address, names }: typeof SITE | typeof SLOT): Resource {
  const found = arm.resources
    .all()
    .find(({ service, names: own }) => service.address === address && own['name'] === names.name);
  return found ?? arm.create(address, names);
}
