import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath, sameId } from '../arm-id.ts';
import { listAll } from '../arm-lists.ts';
import { objectIn, textIn, without, type Json } from '../json.ts';
import { readObjectUrl, type ObjectAddress } from '../object-address.ts';
import { ROLE, VERBS } from './access.ts';
import { isOfTier, saidIn } from './refusals.ts';
import type { HubRow } from './rows.ts';

const API_VERSION = '2024-03-01';

/** A custom certificate, which names a secret of a vault. */
export interface CustomCertificate {
  readonly id: string;
  readonly address: ObjectAddress | undefined;
  readonly provisioning: string;
  readonly properties: Json;
}

/** Read-only; @throws as `ArmClient.start` does */
export async function certificatesOf(
  row: HubRow,
  arm: ArmClient,
  hubId: string,
  call: Call,
): Promise<readonly CustomCertificate[]> {
  try {
    const items = await listAll(arm, reading(row, hubId, '/customCertificates', VERBS.readCertificates), call);
    return items.map(certificateIn);
  } catch (error) {
    // Whether a tier that has no custom certificates answers with an empty list, or not at all, is not known [U].
    if (error instanceof RotationError && error.code === 'CONFIG_INVALID' && isOfTier(saidIn(error))) return [];
    throw error;
  }
}

/** Read-only; @throws as `ArmClient.start` does */
export async function readCertificate(row: HubRow, arm: ArmClient, id: string, call: Call): Promise<CustomCertificate> {
  const outcome = await arm.start(reading(row, id, '', VERBS.readCertificates), call);
  return certificateIn(objectIn('body' in outcome ? outcome.body : undefined));
}

/** A name, and the certificate that is served under it. */
export interface CustomDomain {
  readonly host: string;
  readonly certificateId: string;
}

/** Read-only; @throws as `ArmClient.start` does */
export async function domainsOf(
  row: HubRow,
  arm: ArmClient,
  hubId: string,
  call: Call,
): Promise<readonly CustomDomain[]> {
  const domains = await listAll(arm, reading(row, hubId, '/customDomains', VERBS.readDomains), call);
  return domains.flatMap((domain) => {
    const properties = objectIn(domain, 'properties');
    const [host, certificateId] = [
      textIn(properties, 'domainName'),
      textIn(objectIn(properties, 'customCertificate'), 'id'),
    ];
    return host === undefined || certificateId === undefined ? [] : [{ host, certificateId }];
  });
}

export function hostsOf(domains: readonly CustomDomain[], id: string): readonly string[] {
  return domains.filter(({ certificateId }) => sameId(certificateId, id)).map(({ host }) => host);
}

/**
 * The same certificate once more; with another version where it names one. That a PUT which changes nothing makes the service look into the
 * vault is not documented [U]: if it does not, the service finds the version by itself, usually within an hour.
 * @returns the operation, as ARM names it, or undefined where it is done already
 */
export async function putAgain(
  row: HubRow,
  arm: ArmClient,
  id: string,
  { properties }: CustomCertificate,
  version: string | undefined,
  call: Call,
): Promise<string | undefined> {
  const kept = without(properties, 'provisioningState');
  const body = { properties: version === undefined ? kept : { ...kept, keyVaultSecretVersion: version } };
  const outcome = await arm.start({ ...writing(row, id), body }, call);
  return 'operation' in outcome ? outcome.operation : undefined;
}

export function writing(row: HubRow, id: string): ArmRequest {
  const base = reading(row, id, '', VERBS.putCertificate);
  return { ...base, method: 'PUT', mutates: true };
}

function reading({ type }: HubRow, id: string, below: string, action: string): ArmRequest {
  return {
    ...{ method: 'GET', path: `${armPath(id)}${below}`, query: { 'api-version': API_VERSION }, scope: id },
    ...{ action: `${type}/${action}`, role: ROLE, mutates: false, found: true },
  };
}

function certificateIn(body: Json): CustomCertificate {
  const properties = objectIn(body, 'properties');
  const [base, name] = [textIn(properties, 'keyVaultBaseUri'), textIn(properties, 'keyVaultSecretName')];
  const version = textIn(properties, 'keyVaultSecretVersion') ?? '';
  const isWhole = base !== undefined && name !== undefined;
  return {
    id: textIn(body, 'id') ?? '',
    address: isWhole ? readObjectUrl(`${base.replace(/\/+$/, '')}/secrets/${name}/${version}`) : undefined,
    provisioning: textIn(properties, 'provisioningState') ?? '',
    properties,
  };
}
