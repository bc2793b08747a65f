import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { readObjectUrl, readVaultId } from '../object-address.ts';
import type { Found, Row } from './row.ts';

const MQTT = 8883;

/** Clients trust what the firewall signs: an authority that they do not know yet breaks every connection through it. */
const firewallAuthority: Row = {
  kind: 'firewall-authority',
  type: 'Microsoft.Network/firewallPolicies',
  apiVersion: '2025-05-01',
  inGraph: true,
  followsHours: 24,
  read(policy) {
    const url = textIn(objectIn(policy, 'transportSecurity', 'certificateAuthority'), 'keyVaultSecretId');
    return url === undefined ? [] : [{ place: 'certificateAuthority', address: readObjectUrl(url) }];
  },
  why: 'it signs with it, and clients that do not trust the new authority yet are cut off',
  remedy: (which, _place, secret) =>
    `Let all clients trust the new authority first; then name it: az network firewall policy update ${which} --key-vault-secret-id ${secret} --cert-name <name>`,
};

const vpnConnection: Row = {
  kind: 'vpn-connection',
  type: 'Microsoft.Network/connections',
  apiVersion: '2025-05-01',
  // Most tunnels have a shared key.
  inGraph: 'mentioned',
  followsHours: 24,
  read(connection) {
    const url = textIn(objectIn(connection, 'certificateAuthentication'), 'outboundAuthCertificate');
    return url === undefined ? [] : [{ place: 'outboundAuthCertificate', address: readObjectUrl(url) }];
  },
  why: 'the device at the other end must trust the new certificate first, or the tunnel goes down',
  remedy: (which, _place, secret) =>
    `Let the device at the other end trust it; then name it as outboundAuthCertificate (${secret}): az network vpn-connection show ${which}; Set-AzVirtualNetworkGatewayConnection -CertificateAuthentication …`,
};

/** Retires on 2027-03-31. */
const classicFrontDoor: Row = {
  kind: 'front-door-classic',
  type: 'Microsoft.Network/frontDoors',
  apiVersion: '2021-06-01',
  inGraph: true,
  followsHours: 96,
  read: (frontDoor) =>
    listIn(frontDoor, 'frontendEndpoints').map((endpoint): Found => {
      const properties = objectIn(endpoint, 'properties');
      const https = objectIn(properties, 'customHttpsConfiguration');
      const vault = textIn(objectIn(https, 'vault'), 'id') ?? '';
      return {
        place: textIn(endpoint, 'name') ?? '',
        address: readVaultId(vault, textIn(https, 'secretName'), newestIsNone(textIn(https, 'secretVersion'))),
        host: textIn(properties, 'hostName'),
      };
    }),
  why: 'classic Front Door is not changed by this app; it retires in 2027',
  remedy: (which, place) =>
    `Let it take the newest version, which takes days: az network front-door frontend-endpoint enable-https ${which.replace(' -n ', ' --front-door-name ')} -n ${place} --certificate-source AzureKeyVault --vault-id <ARM id of the vault> --secret-name <name>; or migrate to Front Door Standard`,
};

/** Retires on 2027-09-30. Its custom domains are not in Resource Graph. */
const classicCdn: Row = {
  kind: 'cdn-classic',
  type: 'Microsoft.Cdn/profiles/endpoints',
  apiVersion: '2024-02-01',
  inGraph: false,
  parts: { path: '/customDomains', action: 'Microsoft.Cdn/profiles/endpoints/customdomains/read' },
  followsHours: 96,
  read(domain, place) {
    const source = objectIn(domain, 'customHttpsParameters', 'certificateSourceParameters');
    const [vault, name] = [textIn(source, 'vaultName'), textIn(source, 'secretName')];
    if (vault === undefined || name === undefined) return [];
    const version = newestIsNone(textIn(source, 'secretVersion'));
    const address = { ...named(vault, name), ...(version === undefined ? {} : { version: version.toLowerCase() }) };
    return [{ place, address, host: textIn(domain, 'hostName') }];
  },
  why: 'classic CDN is not changed by this app; it retires in 2027',
  remedy: (which, place) =>
    `Let it take the newest version: az cdn custom-domain enable-https ${which.replace(' -n ', ' --endpoint-name ')} --profile-name <profile> -n ${place} --user-cert-vault-name <vault> --user-cert-secret-name <name>; or migrate to Front Door Standard`,
};

const eventGridNamespace: Row = {
  kind: 'event-grid-namespace',
  type: 'Microsoft.EventGrid/namespaces',
  apiVersion: '2025-02-15',
  inGraph: true,
  followsHours: 24,
  read: (namespace) => [...domainsOf(namespace, 'topicsConfiguration'), ...domainsOf(namespace, 'topicSpacesConfiguration', MQTT)], // prettier-ignore
  why: 'whether and when it takes a new version is documented nowhere, and nothing is known to make it',
  remedy: (which, place) =>
    `See what it serves; if that stays the old one, write ${place} once more: az eventgrid namespace show ${which}, az eventgrid namespace update ${which}`,
};

/** Installed once, when the machine is made or changed. */
const machineSecrets: Row = {
  kind: 'vm-secrets',
  type: 'Microsoft.Compute/virtualMachines',
  apiVersion: '2025-04-01',
  // Nearly every machine has none.
  inGraph: 'mentioned',
  followsHours: 24,
  read: (machine) =>
    listIn(objectIn(machine, 'osProfile'), 'secrets').flatMap((group) =>
      listIn(group, 'vaultCertificates').map((one): Found => {
        const url = textIn(one, 'certificateUrl') ?? '';
        return { place: `osProfile.secrets ${textIn(one, 'certificateStore') ?? ''}`.trim(), address: readObjectUrl(url) }; // prettier-ignore
      }),
    ),
  why: 'what osProfile.secrets names is installed when the machine is deployed, and servers use whatever they were set up with',
  remedy: (which, _place, secret) =>
    `Install it, and let its server use it: az vm secret add ${which} --keyvault <vault> --certificate ${secret}; better, let the Key Vault extension do both`,
};

/** Retires on 2028-05-31. */
const springCertificate: Row = {
  kind: 'spring-certificate',
  type: 'Microsoft.AppPlatform/Spring',
  apiVersion: '2023-12-01',
  inGraph: false,
  parts: { path: '/certificates', action: 'Microsoft.AppPlatform/Spring/certificates/read' },
  followsHours: 24,
  read(certificate, place) {
    const [vault, name] = [textIn(certificate, 'vaultUri') ?? '', textIn(certificate, 'keyVaultCertName')];
    if (name === undefined || !URL.canParse(vault)) return [];
    // Without automatic synchronisation it stays with what it has read, whatever it names.
    const isSynced = textIn(certificate, 'autoSync')?.toLowerCase() === 'enabled';
    const version = isSynced ? undefined : textIn(certificate, 'certVersion')?.toLowerCase();
    return [{ place, address: { ...named(new URL(vault).host, name), ...(version === undefined ? {} : { version }) } }];
  },
  why: 'Azure Spring Apps is not changed by this app; it retires in 2028',
  remedy: (which, place) =>
    `Let it synchronise: az spring certificate update ${which.replace(' -n ', ' -s ')} -n ${place} --enable-auto-sync true`,
};

export const ROWS: readonly Row[] = [
  firewallAuthority,
  vpnConnection,
  classicFrontDoor,
  classicCdn,
  eventGridNamespace,
  machineSecrets,
  springCertificate,
];

function domainsOf(namespace: Json, configuration: string, port?: number): readonly Found[] {
  return listIn(objectIn(namespace, configuration), 'customDomains').map((domain) => {
    const host = textIn(domain, 'fullyQualifiedDomainName');
    const address = readObjectUrl(textIn(domain, 'certificateUrl') ?? '');
    return { place: `${configuration}.${host ?? ''}`, address, host, ...(port === undefined ? {} : { port }) };
  });
}

/** Classic services say `Latest`, too. */
function newestIsNone(version: string | undefined): string | undefined {
  return version?.toLowerCase() === 'latest' ? undefined : version;
}

function named(vault: string, name: string): { readonly vault: string; readonly name: string } {
  return { vault: vault.toLowerCase(), name: name.toLowerCase() };
}
