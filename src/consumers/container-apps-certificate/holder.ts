import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call, ServedCertificate } from '../../rotation/ports.ts';
import { about } from '../container-apps.ts';
import { objectIn, textIn, without, type Json } from '../json.ts';
import { readObjectUrl, type ObjectAddress } from '../object-address.ts';
import { ACTIONS, ROLE } from './access.ts';

const SUFFIX_MARK = '#customDomainConfiguration';
const CERTIFICATE = /^(.*)\/certificates\/[^/]+$/i;

/** What holds a certificate of a vault: a certificate of an environment, or the environment itself for its DNS suffix. */
export interface Holder {
  /** As in references. */
  readonly id: string;
  readonly environmentId: string;
  /** Undefined: it was uploaded, or there is none. */
  readonly address: ObjectAddress | undefined;
  /** As it stands there, for the one that takes its place. */
  readonly url: string;
  /** Upper-case hex; undefined where it has none yet. */
  readonly thumbprint: string | undefined;
  readonly provisioning: string;
  /** Why it is Failed, as the service says. */
  readonly errors: string;
  /** The environment's own, lower case. */
  readonly suffix: string | undefined;
  readonly body: Json;
}

/** What is put came to: it is there at once, or takes its time. */
export interface Put {
  readonly holder?: Holder;
  readonly operation?: string;
}

/** The id of a reference for what was found: an environment holds one for its DNS suffix. */
export function referenceIdOf(resourceId: string): string {
  return CERTIFICATE.test(resourceId) ? resourceId : `${resourceId}${SUFFIX_MARK}`;
}

export function isSuffix(id: string): boolean {
  return id.endsWith(SUFFIX_MARK);
}

/** @param id of a reference. Read-only; @throws as `ArmClient.start` does */
export async function readHolder(arm: ArmClient, id: string, call: Call): Promise<Holder> {
  const outcome = await arm.start(
    { ...request(id), method: 'GET', action: actionOf(id, 'read'), mutates: false },
    call,
  );
  return holderIn(id, objectIn('body' in outcome ? outcome.body : undefined));
}

/**
 * The same once more, with the identity and all else that is the user's. That the service looks into the vault then is what users have
 * seen of apps; of certificates it is documented nowhere [U], so the thumbprint is looked at afterwards.
 * @param url which secret of the vault it is from now on @throws as `ArmClient.start` does
 */
export async function putAgain(arm: ArmClient, holder: Holder, url: string, call: Call): Promise<Put> {
  const { id } = holder;
  const body = isSuffix(id) ? suffixBody(holder, url) : certificateBody(holder, url);
  const outcome = await arm.start({ ...changing(id), body }, call);
  if ('operation' in outcome) return { operation: outcome.operation };
  // An answer without a body says nothing: it is read again.
  return outcome.body === undefined ? {} : { holder: holderIn(id, objectIn(outcome.body)) };
}

/** The request that changes it, for the words of its errors too. */
export function changing(id: string): ArmRequest {
  const method = isSuffix(id) ? 'PATCH' : 'PUT';
  return { ...request(id), method, action: actionOf(id, 'write'), mutates: true };
}

/** Does it show this certificate? SHA-1, as everywhere in ARM; that it is not SHA-256 here is not verified [U]. */
export function shows({ thumbprint }: Holder, { sha1, sha256 }: ServedCertificate): boolean {
  return thumbprint === sha1 || thumbprint === sha256;
}

function request(id: string) {
  return about(id.replace(SUFFIX_MARK, ''), ROLE);
}

function actionOf(id: string, verb: 'read' | 'write'): string {
  return ACTIONS[isSuffix(id) ? 'environment' : 'certificate'][verb];
}

function holderIn(id: string, body: Json): Holder {
  const properties = objectIn(body, 'properties');
  const held = isSuffix(id) ? objectIn(properties, 'customDomainConfiguration') : properties;
  const url = textIn(objectIn(held, 'certificateKeyVaultProperties'), 'keyVaultUrl') ?? '';
  const suffix = isSuffix(id) ? textIn(held, 'dnsSuffix')?.toLowerCase() : undefined;
  return {
    ...{ id, url, suffix, body },
    environmentId: CERTIFICATE.exec(id)?.[1] ?? id.replace(SUFFIX_MARK, ''),
    address: readObjectUrl(url),
    thumbprint: textIn(held, 'thumbprint')?.replaceAll(':', '').toUpperCase(),
    provisioning: textIn(properties, 'provisioningState') ?? '',
    errors: (textIn(properties, 'deploymentErrors') ?? '').split('\n')[0]?.slice(0, 300) ?? '',
  };
}

/** What ARM only shows, and what it never gives out, is not sent back; all else is, whatever it may be. */
const SHOWN = [
  ...['provisioningState', 'deploymentErrors', 'thumbprint', 'subjectName', 'subjectAlternativeNames', 'issuer'],
  ...['issueDate', 'expirationDate', 'publicKeyHash', 'valid', 'value', 'password'],
];

function certificateBody({ body }: Holder, url: string): Json {
  const properties = objectIn(body, 'properties');
  return {
    ...without(body, 'id', 'name', 'type', 'etag', 'systemData'),
    properties: { ...without(properties, ...SHOWN), ...vaultOf(properties, url) },
  };
}

/** Only the part that is changed; a PATCH merges (the API calls it a JSON Merge Patch). */
function suffixBody({ body }: Holder, url: string): Json {
  const held = objectIn(body, 'properties', 'customDomainConfiguration');
  const rest = without(held, ...SHOWN, 'customDomainVerificationId', 'certificateValue', 'certificatePassword');
  const { location } = body;
  return { location, properties: { customDomainConfiguration: { ...rest, ...vaultOf(held, url) } } };
}

function vaultOf(held: Json, keyVaultUrl: string): Json {
  return { certificateKeyVaultProperties: { ...objectIn(held, 'certificateKeyVaultProperties'), keyVaultUrl } };
}

/** The same secret without a version: it follows. */
export function versionless(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.split('/').slice(0, 3).join('/')}`;
}
