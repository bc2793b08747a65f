import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { about } from '../app-service.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { readVaultId, type ObjectAddress } from '../object-address.ts';
import { ACTIONS } from './access.ts';

/** A certificate resource of App Service that comes from a vault. */
export interface WebCertificate {
  readonly address: ObjectAddress | undefined;
  /** Upper-case hex; undefined where it has none yet. */
  readonly thumbprint: string | undefined;
  /** How its last look into the vault went. */
  readonly status: string;
  readonly planId: string | undefined;
  /** As it is spelled there: `West Europe`. */
  readonly location: string;
  readonly body: Json;
}

/** Read-only; @throws as `ArmClient.start` does */
export async function readCertificate(arm: ArmClient, id: string, call: Call): Promise<WebCertificate> {
  const request: ArmRequest = { ...about(id), method: 'GET', action: ACTIONS.read, mutates: false };
  return certificateIn(await arm.start(request, call));
}

/**
 * The same resource once more, which makes App Service take the newest version from the vault; it updates in place, and takes its
 * bindings along (App Service's own blog, 2016; not tried in this API version [U]: so the bindings are looked at afterwards).
 */
export async function putAgain(
  arm: ArmClient,
  id: string,
  { body }: WebCertificate,
  call: Call,
): Promise<WebCertificate> {
  const { keyVaultId, keyVaultSecretName, serverFarmId } = objectIn(body, 'properties');
  const properties = { keyVaultId, keyVaultSecretName, ...(serverFarmId ? { serverFarmId } : {}), password: '' };
  const { location, tags } = body;
  const request: ArmRequest = { ...about(id), method: 'PUT', action: ACTIONS.write, mutates: true };
  const whole = { location, ...(tags === undefined ? {} : { tags }), properties };
  return certificateIn(await arm.start({ ...request, body: whole }, call));
}

function certificateIn(outcome: Awaited<ReturnType<ArmClient['start']>>): WebCertificate {
  const body = objectIn('body' in outcome ? outcome.body : undefined);
  const properties = objectIn(body, 'properties');
  const [vaultId, name] = [textIn(properties, 'keyVaultId'), textIn(properties, 'keyVaultSecretName')];
  return {
    address: vaultId === undefined ? undefined : readVaultId(vaultId, name),
    thumbprint: textIn(properties, 'thumbprint')?.toUpperCase(),
    status: textIn(properties, 'keyVaultSecretStatus') ?? '',
    planId: textIn(properties, 'serverFarmId'),
    location: textIn(body, 'location') ?? '',
    body,
  };
}
