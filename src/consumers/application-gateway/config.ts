import type { Reference } from '../../rotation/ports.ts';
import { nameIn, sameId } from '../arm-id.ts';
import { listIn, objectIn, textIn, textsIn, type Json } from '../json.ts';
import { readObjectUrl, type ObjectAddress } from '../object-address.ts';

/* What a gateway's JSON says. Pure; the JSON itself is kept as it came, since a PUT of less than that loses the rest. */

/** One of its SSL certificates that comes from a vault. */
export interface SslCertificate {
  readonly name: string;
  readonly address: ObjectAddress;
  /** As it stands there, for the one that takes its place. */
  readonly url: string;
  /** Base64 of a PKCS#7: what the gateway says that it serves. */
  readonly publicCertData?: string;
}

/** A listener of a certificate: under which names, and where. */
export interface Listener {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly privateAddress?: string;
  readonly publicAddressId?: string;
}

export interface GatewayState {
  readonly operational: string;
  readonly provisioning: string;
  /** The ingress controller of a cluster writes this gateway, and undoes what others write. */
  readonly isOfCluster: boolean;
}

export function certificatesOf(gateway: Json): readonly SslCertificate[] {
  return listIn(objectIn(gateway, 'properties'), 'sslCertificates').flatMap((entry) => {
    const properties = objectIn(entry, 'properties');
    const [name, url] = [textIn(entry, 'name'), textIn(properties, 'keyVaultSecretId')];
    const address = url === undefined ? undefined : readObjectUrl(url);
    if (name === undefined || url === undefined || address === undefined) return [];
    const publicCertData = textIn(properties, 'publicCertData');
    return [{ name, address, url, ...(publicCertData === undefined ? {} : { publicCertData }) }];
  });
}

/** HTTPS listeners, and those of the TLS proxy. */
export function listenersOf(gateway: Json, certificate: string): readonly Listener[] {
  const properties = objectIn(gateway, 'properties');
  return ['httpListeners', 'listeners'].flatMap((array) =>
    listIn(properties, array).flatMap((entry) => {
      const listener = objectIn(entry, 'properties');
      if (!sameId(nameIn(idOf(listener, 'sslCertificate')), certificate)) return [];
      const single = textIn(listener, 'hostName');
      const hosts = [...new Set([...(single === undefined ? [] : [single]), ...textsIn(listener, 'hostNames')])];
      return [{ hosts, port: portOf(properties, listener), ...frontendOf(properties, listener) }];
    }),
  );
}

function portOf(properties: Json, listener: Json): number {
  const port = namedIn(properties, 'frontendPorts', idOf(listener, 'frontendPort'))['port'];
  return typeof port === 'number' ? port : 443;
}

function frontendOf(properties: Json, listener: Json): Pick<Listener, 'privateAddress' | 'publicAddressId'> {
  const frontend = namedIn(properties, 'frontendIPConfigurations', idOf(listener, 'frontendIPConfiguration'));
  const publicAddressId = idOf(frontend, 'publicIPAddress');
  const privateAddress = textIn(frontend, 'privateIPAddress');
  if (publicAddressId !== '') return { publicAddressId };
  return privateAddress === undefined ? {} : { privateAddress };
}

function namedIn(properties: Json, array: string, id: string): Json {
  const found = listIn(properties, array).find((entry) => sameId(textIn(entry, 'name'), nameIn(id)));
  return objectIn(found, 'properties');
}

function idOf(holder: Json, member: string): string {
  return textIn(objectIn(holder, member), 'id') ?? '';
}

export function stateOf(gateway: Json): GatewayState {
  const properties = objectIn(gateway, 'properties');
  // The tag that the Application Gateway Ingress Controller puts on what it manages (Azure/application-gateway-kubernetes-ingress).
  const isOfCluster = Object.keys(tagsOf(gateway)).some((name) => /^managed-by-k8s-ingress$/i.test(name));
  return {
    operational: textIn(properties, 'operationalState') ?? '',
    provisioning: textIn(properties, 'provisioningState') ?? '',
    isOfCluster,
  };
}

export function tagsOf(gateway: Json): Json {
  return objectIn(gateway, 'tags');
}

/** The whole gateway as it came, but that one certificate follows the newest version from now on. */
export function following(gateway: Json, { name, url }: SslCertificate): Json {
  const properties = objectIn(gateway, 'properties');
  const sslCertificates = listIn(properties, 'sslCertificates').map((entry) => {
    if (textIn(entry, 'name') !== name) return entry;
    const keyVaultSecretId = versionless(url);
    return { ...entry, properties: { ...objectIn(entry, 'properties'), keyVaultSecretId } };
  });
  return { ...gateway, properties: { ...properties, sslCertificates } };
}

function versionless(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.split('/').slice(0, 3).join('/')}`;
}

const MARK = '#sslCertificates/';

export function referenceIdOf(gatewayId: string, certificate: string): string {
  return `${gatewayId}${MARK}${certificate}`;
}

export function certificateIn({ id }: Reference): string {
  return id.slice(id.indexOf(MARK) + MARK.length);
}
