import { entitiesOf, look, type Collection, type Entity } from '../../sandbox/arm/services/api-management/entities.ts';
import { serviceOf, type ApiService, type Host } from '../../sandbox/arm/services/api-management/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { Json } from '../../sandbox/arm/services/bodies.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export interface HostGiven {
  /** `Proxy` when absent. */
  readonly type?: string;
  readonly host: string;
  /** The URL of a vault; absent: its certificate was uploaded. */
  readonly url?: string;
}

let made = 0;

/** A service as ARM shows one, in two regions, with members that this code knows nothing of; its hosts hold what their URLs lead to. */
export function makeService(
  cloud: ConsumerCloud,
  hosts: readonly HostGiven[],
  change: Partial<ApiService> = {},
): { readonly resource: Resource; readonly service: ApiService } {
  made += 1;
  const resource = cloud.arm.create('Microsoft.ApiManagement/service/{name}', { name: `apim${made}` });
  const service = serviceOf(resource);
  const more = {
    tags: { owner: 'shop' },
    identity: { type: 'SystemAssigned', principalId: 'ca1d33f7-0000-42ec-0000-d526a1ee953a' },
    properties: {
      publisherEmail: 'shop@example.test',
      virtualNetworkType: 'None',
      publicIPAddresses: ['127.0.0.1'],
      additionalLocations: [{ location: 'North Europe', publicIPAddresses: ['127.0.0.2'] }],
    },
  };
  const builtIn: Host = {
    body: {
      type: 'Proxy',
      hostName: `apim${made}.azure-api.test`,
      certificateSource: 'BuiltIn',
      defaultSslBinding: false,
    },
  };
  Object.assign(service, { more, hosts: [builtIn, ...hosts.map((one) => hostOf(cloud, one))], ...change });
  return { resource, service };
}

function hostOf(cloud: ConsumerCloud, { type = 'Proxy', host, url }: HostGiven): Host {
  const base = { type, hostName: host, negotiateClientCertificate: true, someFeatureOfNextYear: { enabled: true } };
  const uploaded = cloud.vault.lookUp('kv', 'uploaded');
  if (url === undefined) {
    return { body: { ...base, certificateSource: 'Custom' }, ...(uploaded === undefined ? {} : { held: uploaded }) };
  }
  const [, , name = '', version = ''] = new URL(url).pathname.split('/');
  const held = cloud.vault.lookUp('kv', name, version === '' ? undefined : version);
  if (held === undefined) throw new Error(`there is no ${url}`);
  const body = { ...base, keyVaultId: url, identityClientId: 'c1', certificateSource: 'KeyVault' };
  return { body, held, status: 'Completed' };
}

/** Everything of the hosts that nobody may change, and the URLs apart. */
export function keptOf({ hosts }: ApiService): readonly Json[] {
  return hosts.map(({ body: { keyVaultId: _url, ...rest } }) => rest);
}

export function urlsOf({ hosts }: ApiService): readonly unknown[] {
  return hosts.map(({ body }) => body['keyVaultId']);
}

/** A named value or a certificate of the service that has read the vault, a minute ago. @param url absent: a value of its own */
export function makeEntity(cloud: ConsumerCloud, resource: Resource, collection: Collection, url?: string): Entity {
  made += 1;
  const more = collection === 'namedValues' ? { displayName: `Value-${made}`, secret: true, tags: ['a', 'b'] } : {};
  const name = `entity ${made}`;
  const entity: Entity = { name, collection, more, lookedMs: 0, looksWhenChanged: true };
  if (url !== undefined) entity.keyVault = { secretIdentifier: url, identityClientId: null, someFeatureOfNextYear: 1 };
  entitiesOf(resource).push(entity);
  cloud.ctx.clock.advance(60_000);
  look(resource, entity, { certificates: cloud.vault }, cloud.ctx.clock.now());
  cloud.ctx.clock.advance(60_000);
  return entity;
}
