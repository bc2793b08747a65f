import { takeCertificate } from '../../sandbox/arm/services/web/certificates.ts';
import { startSite } from '../../sandbox/arm/services/web/settings.ts';
import {
  certificateOf,
  siteOf,
  thumbprintOf,
  type CertificateState,
  type SiteState,
  type SslState,
} from '../../sandbox/arm/services/web/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export const SITE = 'Microsoft.Web/sites/{name}';
export const SLOT = 'Microsoft.Web/sites/{name}/slots/{slot}';

let made = 0;

/** A site that runs, with what App Service had fetched when it was started. @param slot a slot of that name of another site */
export function makeSite(
  cloud: ConsumerCloud,
  state: Partial<Pick<SiteState, 'kind' | 'state' | 'settings' | 'connectionStrings' | 'identity' | 'lag'>>,
  slot?: string,
): { readonly resource: Resource; readonly site: SiteState } {
  made += 1;
  const names = { name: `app${made}`, ...(slot === undefined ? {} : { slot }) };
  const resource = cloud.arm.create(slot === undefined ? SITE : SLOT, names);
  const site = siteOf(resource);
  Object.assign(site, state);
  startSite(resource, cloud.vault, cloud.ctx.clock.now());
  return { resource, site };
}

export const VAULT_ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv';

/** A certificate of App Service that has taken what is the newest in the vault. @param secret its name there */
export function makeCertificate(
  cloud: ConsumerCloud,
  secret: string,
  plan?: string,
): { readonly resource: Resource; readonly state: CertificateState } {
  made += 1;
  const resource = cloud.arm.create('Microsoft.Web/certificates/{name}', { name: `cert${made}` });
  const state = certificateOf(resource);
  const tags = { owner: 'shop' };
  Object.assign(state, { keyVaultId: VAULT_ID, keyVaultSecretName: secret, serverFarmId: plan ?? '', tags });
  takeCertificate(resource, { certificates: cloud.vault });
  return { resource, state };
}

/** Binds a host name to what the certificate has now. */
export function bindHost(
  site: SiteState,
  host: string,
  { seen }: CertificateState,
  sslState: SslState = 'SniEnabled',
): void {
  const virtualIP = sslState === 'IpBasedEnabled' ? { virtualIP: '20.0.0.7' } : {};
  const held = seen === undefined ? {} : { seen };
  site.bindings.set(host, { sslState, thumbprint: thumbprintOf(seen), ...held, ...virtualIP });
}
