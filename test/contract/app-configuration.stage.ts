import { storeOf, type Given, type Store } from '../../sandbox/app-configuration/store.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { createRestClient } from '../../src/azure/rest.ts';
import type { ConfigurationDeps } from '../../src/consumers/app-configuration/consumer.ts';
import { telling } from '../../src/consumers/app-configuration/settings.ts';
import { scopeOf } from '../../src/consumers/app-configuration/store.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export const SENTINEL = 'Keyturn:Sentinel';
export const REFERENCE_TYPE = 'application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8';

let made = 0;

/** A store with these settings, and others around them, so that its list has pages. @param told objects whose newest version it tells of */
export function makeStore(
  cloud: ConsumerCloud,
  settings: readonly Given[],
  told: readonly string[] = [],
): { readonly resource: Resource; readonly store: Store } {
  made += 1;
  const address = 'Microsoft.AppConfiguration/configurationStores/{name}';
  const resource = cloud.arm.create(address, { name: `settings${made}` });
  const store = storeOf(resource);
  const now = cloud.ctx.clock.now();
  for (const key of ['A:Plain', 'B:Plain', 'Z:Plain']) store.put({ key, value: `${PLAIN} of ${key}` }, now);
  for (const setting of settings) store.put(setting, now);
  for (const name of told) store.put({ key: SENTINEL, value: telling(undefined, newestOf(cloud, name)) }, now);
  return { resource, store };
}

/** In the value of settings that are nobody's business; found in no error and no answer. */
export const PLAIN = 'CANARY-setting';

export function newestOf(cloud: ConsumerCloud, name: string): VersionRef {
  const vault = `https://${new URL(cloud.vault.url(name)).host}`;
  return { object: { kind: 'secret', vault, name }, version: cloud.vault.lookUp('kv', name)?.version ?? '' };
}

/** @param version absent: it follows */
export function referenceTo(
  cloud: ConsumerCloud,
  name: string,
  version?: string,
): Pick<Given, 'value' | 'content_type'> {
  const uri = cloud.vault.url(name, version).replace(/\/$/, '');
  return { value: JSON.stringify({ uri }), content_type: REFERENCE_TYPE };
}

export function configurationDeps(cloud: ConsumerCloud): ConfigurationDeps {
  const { suffix } = cloud.configuration;
  const rest = createRestClient({ credential: cloud.credential, scope: scopeOf(suffix) });
  return { arm: cloud.client, rest, suffix, sentinel: SENTINEL, rewritePinned: false };
}
