import { hubOf, take, type Hub } from '../../sandbox/arm/services/signalr/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { SIGNALR, WEB_PUBSUB, type HubRow } from '../../src/consumers/signalr-certificate/rows.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export const ROWS: readonly HubRow[] = [SIGNALR, WEB_PUBSUB];

export interface Bound {
  /** In the vault; the custom certificate is called `<it>-cert`. */
  readonly certificate: string;
  /** Absent: it follows. */
  readonly pinned?: string;
  readonly hosts: readonly string[];
}

let made = 0;

/** A resource with these custom certificates, and one custom domain for each of their hosts. */
export function makeHub(
  cloud: ConsumerCloud,
  bound: readonly Bound[],
  { type }: HubRow = SIGNALR,
): { readonly resource: Resource; readonly hub: Hub } {
  made += 1;
  const address = type === SIGNALR.type ? 'Microsoft.SignalRService/signalR/{name}' : 'Microsoft.SignalRService/webPubSub/{name}'; // prettier-ignore
  const resource = cloud.arm.create(address, { name: `hub${made}` });
  const hub = hubOf(resource);
  for (const { certificate: object, pinned, hosts } of bound) {
    const name = `${object}-cert`;
    const properties = {
      keyVaultBaseUri: `https://${new URL(cloud.vault.url(object)).host}/`,
      keyVaultSecretName: object,
      ...(pinned === undefined ? {} : { keyVaultSecretVersion: pinned }),
      someMemberOfNextYear: { enabled: true },
    };
    const certificate = { name, properties, provisioningState: 'Updating' as const };
    hub.certificates.set(name, certificate);
    take(hub, certificate, { certificates: cloud.vault });
    for (const domainName of hosts) hub.domains.set(domainName.replaceAll('.', '-'), { domainName, certificate: name });
  }
  return { resource, hub };
}
