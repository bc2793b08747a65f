/** What an Application Gateway v2 holds of the vault's certificates, and when it looks for new ones (consumer facts 3). */
import type { CertificateSeen } from '../../../certificate-directory.ts';
import { covers } from '../../../names.ts';
import { pkcs7Of } from '../../pkcs7.ts';
import { armProblem } from '../../errors.ts';
import type { Resource, Serves, VaultDirectories } from '../../service.ts';
import { at, type Json } from '../bodies.ts';

/** "Application Gateway polls Key Vault at four-hour intervals" (docs: application-gateway/key-vault-certs.md). */
export const POLL_MS = 4 * 3_600_000;

export interface Gateway {
  /** As it was last PUT: what GET shows, without what is only shown. */
  body: Json;
  readonly madeMs: number;
  lookedMs: number;
  operationalState: 'Running' | 'Stopped';
  provisioningState: 'Succeeded' | 'Updating' | 'Failed';
  /** Whether its identity may read the vault. */
  mayRead: boolean;
  /** By the name of the SSL certificate. */
  readonly held: Map<string, CertificateSeen>;
  /** What could not be had at the last look: their listeners are disabled. */
  readonly disabled: Set<string>;
}

const GATEWAYS = new WeakMap<Resource, Gateway>();

/** @throws when it was never put up */
export function gatewayOf(resource: Resource): Gateway {
  const gateway = GATEWAYS.get(resource);
  if (gateway === undefined) throw new Error(`${resource.id} was created, but not put up`);
  return gateway;
}

/** A gateway with these properties, which looks at the vault at once. */
export function putUp(resource: Resource, body: Json, vault: VaultDirectories, now: Date): Gateway {
  const gateway: Gateway = {
    body,
    madeMs: now.getTime(),
    lookedMs: now.getTime(),
    operationalState: 'Running',
    provisioningState: 'Succeeded',
    mayRead: true,
    held: new Map(),
    disabled: new Set(),
  };
  GATEWAYS.set(resource, gateway);
  look(gateway, vault);
  return gateway;
}

export interface Named {
  readonly name: string;
  readonly properties: Json;
}

/** The entries of one of its arrays. */
export function entries(body: unknown, array: string): readonly Named[] {
  const found = at(body, 'properties', array);
  return Array.isArray(found) ? (found as Named[]) : [];
}

/** Takes what the vault has now. A listener whose certificate cannot be had is disabled. */
export function look(gateway: Gateway, { certificates }: VaultDirectories): void {
  gateway.disabled.clear();
  for (const { name, properties } of entries(gateway.body, 'sslCertificates')) {
    const url = properties['keyVaultSecretId'];
    if (typeof url !== 'string') continue;
    const { host, pathname } = new URL(url);
    const [, , object = '', version] = pathname.split('/');
    const seen = certificates?.lookUp(host, object, version === '' ? undefined : version);
    if (gateway.mayRead && seen?.enabled === true && seen.exportable) gateway.held.set(name, seen);
    else gateway.disabled.add(name);
  }
}

/** The gateway's own look, every four hours from when it was made; a stopped one does not look. */
export function lookWhenDue(gateway: Gateway, vault: VaultDirectories, now: Date): void {
  const last = gateway.madeMs + Math.floor((now.getTime() - gateway.madeMs) / POLL_MS) * POLL_MS;
  if (gateway.operationalState === 'Stopped' || gateway.lookedMs >= last) return;
  gateway.lookedMs = last;
  look(gateway, vault);
}

/** As GET shows it. */
export function shownGateway(resource: Resource): Json {
  const { body, held, operationalState, provisioningState } = gatewayOf(resource);
  const sslCertificates = entries(body, 'sslCertificates').map(({ name, properties }) => {
    const { data: _data, password: _password, ...rest } = properties;
    const seen = held.get(name);
    const publicCertData = seen === undefined ? {} : { publicCertData: pkcs7Of(seen.certPem) };
    const shown = { ...rest, provisioningState: 'Succeeded', ...publicCertData };
    return { name, id: `${resource.id}/sslCertificates/${name}`, etag: `W/"${resource.etag}"`, properties: shown };
  });
  return {
    ...body,
    id: resource.id,
    name: resource.names['name'],
    type: 'Microsoft.Network/applicationGateways',
    etag: `W/"${resource.etag}"`,
    properties: { ...(at(body, 'properties') as Json), provisioningState, operationalState, sslCertificates },
  };
}

/** What an update that validates the certificates answers when one cannot be had (docs: application-gateway-key-vault-common-errors.md). */
export function refuseWhatIsDisabled(gateway: Gateway, { id }: Resource): void {
  if (gateway.disabled.size === 0) return;
  const which = [...gateway.disabled].join(', ');
  const message = `Problem occured while accessing and validating KeyVault Secrets associated with Application Gateway '${id}': ${which}.`;
  throw armProblem(400, 'ApplicationGatewayKeyVaultSecretException', message);
}

/** By the listener for the host, else by the one that is for every host. */
export function servesHost(resource: Resource, host: string, vault: VaultDirectories, now: Date): Serves | undefined {
  const gateway = gatewayOf(resource);
  lookWhenDue(gateway, vault, now);
  const listeners = entries(gateway.body, 'httpListeners');
  const named = listeners.find(({ properties }) => hostsOf(properties).some((one) => covers(one, host)));
  if (named === undefined) return undefined;
  const certificate = idEnd(at(named.properties, 'sslCertificate', 'id'));
  const held = gateway.held.get(certificate);
  const isDown = gateway.operationalState === 'Stopped' || gateway.disabled.has(certificate);
  return isDown || held === undefined ? 'refuses' : [held];
}

function hostsOf(properties: Json): readonly string[] {
  const { hostName, hostNames } = properties;
  return [
    ...(typeof hostName === 'string' ? [hostName] : []),
    ...(Array.isArray(hostNames) ? (hostNames as string[]) : []),
  ];
}

function idEnd(id: unknown): string {
  return typeof id === 'string' ? (id.split('/').at(-1) ?? '') : '';
}
