import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath, nameIn, sameId } from '../arm-id.ts';
import { listAll } from '../arm-lists.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { readVaultId, type ObjectAddress } from '../object-address.ts';
import { READS, ROLE, WRITES } from './access.ts';

/** The first one that shows the cipher suites of a custom domain: a PATCH of its TLS settings must not lose them. */
const API_VERSION = '2025-12-01';

/** A certificate of a vault, as a resource of the profile. */
export interface Secret {
  readonly id: string;
  readonly name: string;
  readonly address: ObjectAddress;
  /** The ARM id of the vault's secret, without a version. */
  readonly sourceId: string;
  /** It takes newer versions by itself. */
  readonly follows: boolean;
  /** The version that it has now, and the SHA-1 of its certificate, upper case. */
  readonly version?: string;
  readonly thumbprint?: string;
  readonly provisioning: string;
}

export interface Domain {
  readonly id: string;
  readonly host: string;
  readonly secretId: string;
  /** As it came: it is sent back with another secret. */
  readonly tlsSettings: Json;
  readonly provisioning: string;
  readonly deployment: string;
}

export async function readSecrets(arm: ArmClient, profileId: string, call: Call): Promise<readonly Secret[]> {
  const items = await listAll(arm, reading(profileId, 'secrets', READS.secrets), call);
  return items.flatMap((item) => secretIn(item) ?? []);
}

export async function readDomains(arm: ArmClient, profileId: string, call: Call): Promise<readonly Domain[]> {
  const items = await listAll(arm, reading(profileId, 'customDomains', READS.domains), call);
  return items.flatMap((item) => domainIn(item) ?? []);
}

/** Undefined for what is no certificate: keys that URLs are signed with live in the same list. */
function secretIn(item: Json): Secret | undefined {
  const properties = objectIn(item, 'properties');
  const parameters = objectIn(properties, 'parameters');
  const [id, source] = [textIn(item, 'id'), textIn(objectIn(parameters, 'secretSource'), 'id')];
  if (textIn(parameters, 'type')?.toLowerCase() !== 'customercertificate') return undefined;
  if (id === undefined || source === undefined) return undefined;
  const version = textIn(parameters, 'secretVersion')?.toLowerCase();
  const address = readVaultId(source, undefined, version);
  if (address === undefined) return undefined;
  const thumbprint = textIn(parameters, 'thumbprint')?.replaceAll(':', '').toUpperCase();
  return {
    ...{ id, address, name: nameIn(id), provisioning: textIn(properties, 'provisioningState') ?? '' },
    sourceId: source.replace(/(\/secrets\/[^/]+)\/.*$/i, '$1'),
    follows: parameters['useLatestVersion'] === true,
    ...(version === undefined ? {} : { version }),
    ...(thumbprint === undefined ? {} : { thumbprint }),
  };
}

/** Undefined for one with a certificate of Front Door's own. */
function domainIn(item: Json): Domain | undefined {
  const properties = objectIn(item, 'properties');
  const tlsSettings = objectIn(properties, 'tlsSettings');
  const secretId = textIn(objectIn(tlsSettings, 'secret'), 'id');
  const [id, host] = [textIn(item, 'id'), textIn(properties, 'hostName')];
  if (id === undefined || host === undefined || secretId === undefined) return undefined;
  const provisioning = textIn(properties, 'provisioningState') ?? '';
  return { id, host, secretId, tlsSettings, provisioning, deployment: textIn(properties, 'deploymentStatus') ?? '' };
}

export function usersOf(domains: readonly Domain[], secretId: string): readonly Domain[] {
  return domains.filter((domain) => sameId(domain.secretId, secretId));
}

/** Where the secret for a version goes: a name of its own, since an existing secret is not re-read, nor may it change how it follows. */
export function secretIdFor(secretId: string, version: string): string {
  const base = secretId.replace(/-[0-9a-f]{32}$/i, '');
  return `${base}-${version}`;
}

type Verb = Pick<ArmRequest, 'method' | 'body'>;

export function writing(id: string, action: string, verb: Verb): ArmRequest {
  const path = armPath(id);
  const query = { 'api-version': API_VERSION };
  return {
    ...verb,
    path,
    query,
    scope: id,
    action,
    role: ROLE,
    mutates: true,
    found: true,
  };
}

function reading(profileId: string, child: string, action: string): ArmRequest {
  const request = writing(profileId, action, { method: 'GET' });
  return { ...request, path: `${request.path}/${child}`, mutates: false };
}

/** Asks the profile whether it could take the version: it reads the vault with its own identity. Changes nothing. */
export async function validity(
  arm: ArmClient,
  profileId: string,
  sourceId: string,
  version: string,
  call: Call,
): Promise<{ readonly status: string; readonly message: string }> {
  const body = { secretType: 'CustomerCertificate', secretSource: { id: sourceId }, secretVersion: version };
  const request = writing(profileId, WRITES.validate, { method: 'POST', body });
  const outcome = await arm.start({ ...request, path: `${request.path}/validateSecret`, mutates: false }, call);
  const answer = objectIn('body' in outcome ? outcome.body : undefined);
  return { status: textIn(answer, 'status') ?? '', message: textIn(answer, 'message') ?? '' };
}
