import type { ObjectRef, Reference, ServedCertificate } from '../../rotation/ports.ts';
import { sameId } from '../arm-id.ts';
import { listIn, objectIn, textIn, textsIn, without, type Json } from '../json.ts';
import { readObjectUrl, refersTo, type ObjectAddress } from '../object-address.ts';
import type { Endpoint } from '../proof/handshake.ts';

/* What a service's JSON says of its host names. Pure; the JSON itself is kept as it came, since the array is replaced as a whole. */

/** A host name of the service whose certificate comes from a vault. */
export interface Host {
  readonly name: string;
  /** `Proxy`, `DeveloperPortal`, `Portal`, `Management`, `Scm`, … */
  readonly type: string;
  readonly address: ObjectAddress;
  /** SHA-1 of the certificate that it shows, upper case. */
  readonly thumbprint?: string;
  /** `Completed`, `InProgress`, `Failed`; empty where it is not said. */
  readonly status: string;
}

export interface ServiceState {
  readonly provisioning: string;
  /** The only tier whose gateway is down while the service is updated. */
  readonly isDeveloper: boolean;
}

export function stateOf(service: Json): ServiceState {
  return {
    provisioning: textIn(objectIn(service, 'properties'), 'provisioningState') ?? '',
    isDeveloper: sameId(textIn(objectIn(service, 'sku'), 'name'), 'Developer'),
  };
}

/** Those of the object. */
export function hostsOf(service: Json, object: ObjectRef): readonly Host[] {
  return entriesOf(service).flatMap((entry) => {
    const host = hostIn(entry);
    return host !== undefined && refersTo(host.address, object) ? [host] : [];
  });
}

function entriesOf(service: Json): readonly Json[] {
  return listIn(objectIn(service, 'properties'), 'hostnameConfigurations');
}

/** Undefined for one with a certificate that was uploaded, or that is Azure's own. */
function hostIn(entry: Json): Host | undefined {
  const [name, url] = [textIn(entry, 'hostName'), textIn(entry, 'keyVaultId')];
  const address = url === undefined ? undefined : readObjectUrl(url);
  if (name === undefined || address === undefined) return undefined;
  const thumbprint = textIn(objectIn(entry, 'certificate'), 'thumbprint')?.replaceAll(':', '').toUpperCase();
  return {
    ...{ name, address, type: textIn(entry, 'type') ?? '', status: textIn(entry, 'certificateStatus') ?? '' },
    ...(thumbprint === undefined ? {} : { thumbprint }),
  };
}

const MARK = '#hostnameConfigurations/';

/** All that follow are told together, and are one reference; each that names a version is one of its own, and stays it when it follows. */
export function referencesIn(service: Json, serviceId: string, kind: string, object: ObjectRef): readonly Reference[] {
  const hosts = hostsOf(service, object);
  const following = hosts.filter(({ address }) => address.version === undefined).map(({ name }) => name);
  const pinned = hosts.flatMap(({ name, address: { version } }) =>
    version === undefined
      ? []
      : [{ kind, id: `${serviceId}${MARK}${name}`, parent: serviceId, hosts: [name], pinned: version }],
  );
  if (following.length === 0) return pinned;
  return [{ kind, id: serviceId, parent: serviceId, hosts: [...new Set(following)] }, ...pinned];
}

/** Those that the reference means now; none: it is gone. */
export function hostsBehind(reference: Reference, service: Json, object: ObjectRef): readonly Host[] {
  const [, named] = reference.id.split(MARK);
  return hostsOf(service, object).filter((host) =>
    named === undefined ? host.address.version === undefined : sameId(host.name, named),
  );
}

/** It is said to have the certificate, and may have it. */
export function has({ sha1 }: ServedCertificate, version: string): (host: Host) => boolean {
  return ({ thumbprint, address }) =>
    thumbprint === sha1 && (address.version === undefined || address.version === version);
}

/** One that names another version. */
export function stale(hosts: readonly Host[], version: string): Host | undefined {
  return hosts.find(({ address }) => address.version !== undefined && address.version !== version);
}

/**
 * The whole array, for a PATCH that makes the service look into the vault for the object. Everything else in it is sent as it came: what is
 * left out is gone, and of a certificate that was uploaded only what is shown of it says that it stays. Of ours that is taken out: with
 * it an entry says "no change" (parameter set NoChangeCertificate of New-AzApiManagementCustomHostnameConfiguration; not tried [U]).
 */
export function lookingAgain(service: Json, object: ObjectRef, rewritePinned: boolean): readonly Json[] {
  return entriesOf(service).map((entry) => {
    const { address } = hostIn(entry) ?? {};
    const isLeft = address?.version !== undefined && !rewritePinned;
    if (address === undefined || !refersTo(address, object) || isLeft) return entry;
    const looking = without(entry, 'certificate', 'certificateStatus');
    return address.version === undefined
      ? looking
      : { ...looking, keyVaultId: versionless(textIn(entry, 'keyVaultId')) };
  });
}

function versionless(url = ''): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.split('/').slice(0, 3).join('/')}`;
}

/** The tiers whose addresses are their own; of the others it is not documented what they show. */
const WITH_ADDRESSES = /^(?:Developer|Basic|Standard|Premium|Isolated)$/i;

/**
 * Where the hosts can be asked: at the service's own addresses where they are known, since a gateway or CDN in front of it has
 * certificates of its own; else where DNS says. All regions have the API gateway, the first one everything else.
 */
export function endpointsOf(service: Json, hosts: readonly Host[]): readonly Endpoint[] {
  const properties = objectIn(service, 'properties');
  const tier = textIn(objectIn(service, 'sku'), 'name') ?? '';
  const isInternal = sameId(textIn(properties, 'virtualNetworkType'), 'Internal');
  const addressesIn = (region: Json): readonly string[] =>
    textsIn(region, isInternal ? 'privateIPAddresses' : 'publicIPAddresses');
  const main = WITH_ADDRESSES.test(tier) ? addressesIn(properties) : [];
  const regions = [properties, ...listIn(properties, 'additionalLocations')];
  const gateways = regions.filter((region) => region['disableGateway'] !== true).flatMap(addressesIn);
  return hosts.flatMap(({ name, type }): readonly Endpoint[] => {
    if (main.length === 0) return [{ name }];
    return (sameId(type, 'Proxy') ? gateways : main).map((address) => ({ name, address }));
  });
}
