/** Named values and certificates of an API Management service that come from a vault (consumer facts 5). */
import type { CertificateSeen } from '../../../certificate-directory.ts';
import type { SandboxResponse } from '../../../http.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Resource, type VaultDirectories } from '../../service.ts';
import { at, textAt, type Json } from '../bodies.ts';
import { page } from '../cdn/services.ts';
import { seenAt, serviceOf, shownCertificate } from './state.ts';

const SERVICE = 'Microsoft.ApiManagement/service';
/** "After update in the key vault, a named value in API Management is updated within 4 hours" (docs: api-management-howto-properties.md). */
export const ENTITY_FOLLOW_MS = 4 * 3_600_000;

export type Collection = 'certificates' | 'namedValues';

export interface Entity {
  readonly name: string;
  readonly collection: Collection;
  /** Absent: it has a value of its own. */
  keyVault?: Json;
  /** What else it has. */
  more: Json;
  held?: CertificateSeen;
  lastStatus?: Json;
  lookedMs: number;
  /** Its status does not show that it has looked: whether it always does is not verified. */
  isSilent?: true;
  /** A change of its identifier alone makes it look; whether it does is not verified. */
  looksWhenChanged: boolean;
}

const ENTITIES = new WeakMap<Resource, Entity[]>();

export function entitiesOf(resource: Resource): Entity[] {
  const known = ENTITIES.get(resource) ?? [];
  ENTITIES.set(resource, known);
  return known;
}

/** Reads what its identifier leads to. What cannot be had leaves the old value where it is. */
export function look(resource: Resource, entity: Entity, vault: VaultDirectories, now: Date): void {
  if (entity.keyVault === undefined) return;
  const service = serviceOf(resource);
  const url = entity.keyVault['secretIdentifier'];
  const seen = seenAt(service, url, vault);
  entity.lookedMs = now.getTime();
  const timeStampUtc = now.toISOString();
  if (entity.isSilent === true) Object.assign(entity, seen === undefined ? {} : { held: seen });
  else if (seen !== undefined) {
    Object.assign(entity, { held: seen, lastStatus: { code: 'Success', timeStampUtc } });
  } else {
    const [code, why] = service.mayRead
      ? ['SecretDisabled', 'Operation get is not allowed on a disabled secret.']
      : ['AccessDenied', 'Check that the Managed Service Identity has GET permissions on secrets.'];
    entity.lastStatus = { code, message: `Failed to access KeyVault secret ${String(url)}. ${why}`, timeStampUtc };
  }
}

function lookWhenDue({ resource, vault, now }: Asked): void {
  for (const entity of entitiesOf(resource)) {
    const isPinned = /\/secrets\/[^/]+\/[^/]+/.test(String(entity.keyVault?.['secretIdentifier']));
    if (!isPinned && now.getTime() - entity.lookedMs >= ENTITY_FOLLOW_MS) look(resource, entity, vault, now);
  }
}

function shown({ id }: Resource, { name, collection, keyVault, more, held, lastStatus }: Entity): Json {
  const leaf = collection === 'certificates' && held !== undefined ? shownCertificate(held) : undefined;
  const own = leaf && { subject: leaf['subject'], thumbprint: leaf['thumbprint'], expirationDate: leaf['expiry'] };
  const vault = keyVault && { keyVault: { ...keyVault, ...(lastStatus === undefined ? {} : { lastStatus }) } };
  return {
    id: `${id}/${collection}/${name}`,
    type: `${SERVICE}/${collection}`,
    name,
    properties: { ...more, ...own, ...vault },
  };
}

/** Both kinds are of one collection of one service. @throws HttpProblem 404 */
function one({ resource, match }: Asked, collection: Collection): Entity {
  const name = decodeURIComponent(match[1] ?? '');
  const found = entitiesOf(resource).find((each) => each.collection === collection && each.name === name);
  if (found !== undefined) return found;
  throw armProblem(404, 'ResourceNotFound', `Entity ${name} not found.`);
}

/** An update without an ETag, or `*`, is refused: "required when updating an entity". */
function change(asked: Asked, collection: Collection): () => SandboxResponse {
  const entity = one(asked, collection);
  const { request, resource, vault, now } = asked;
  if (request.headers['if-match'] !== '*') throw armProblem(412, 'PreconditionFailed', 'If-Match is missing.');
  textAt(request.json, 'properties', 'keyVault', 'secretIdentifier');
  const keyVault = at(request.json, 'properties', 'keyVault') as Json;
  // Null where it is that of the system: whoever leaves it out takes another one.
  if (!('identityClientId' in keyVault)) throw badRequest('identityClientId would be lost.', 'ValidationError');
  const { keyVault: _own, ...rest } = at(request.json, 'properties') as Json;
  return () => {
    entity.keyVault = keyVault;
    if (request.method === 'PUT') entity.more = rest;
    if (entity.looksWhenChanged) look(resource, entity, vault, now);
    return { status: 200, body: shown(resource, entity) };
  };
}

export function entityOperations(collection: Collection, method: 'PATCH' | 'PUT'): readonly Operation[] {
  const action = `${SERVICE}/${collection}`;
  // A certificate is refreshed while one waits, a named value later (REST reference of both).
  const later = method === 'PATCH' ? { later: { style: 'status', status: 202 } as const } : {};
  const item = `^/${collection}/([^/]+)`;
  return [
    {
      method: 'GET',
      path: new RegExp(`^/${collection}$`, 'i'),
      action: `${action}/read`,
      begin(asked) {
        lookWhenDue(asked);
        const { resource, request } = asked;
        const all = entitiesOf(resource).filter((each) => each.collection === collection);
        return () =>
          page(
            request,
            `${resource.id}/${collection}`,
            all.map((each) => shown(resource, each)),
          );
      },
    },
    {
      method: 'GET',
      path: new RegExp(`${item}$`, 'i'),
      action: `${action}/read`,
      begin(asked) {
        lookWhenDue(asked);
        const entity = one(asked, collection);
        return () => ({ status: 200, body: shown(asked.resource, entity) });
      },
    },
    {
      ...{ method, path: new RegExp(`${item}$`, 'i'), action: `${action}/write`, ...later },
      begin: (asked) => change(asked, collection),
    },
    {
      ...{ method: 'POST', path: new RegExp(`${item}/refreshSecret$`, 'i'), ...later },
      action: `${action}/refreshSecret/action`,
      begin(asked) {
        const entity = one(asked, collection);
        const { resource, vault, now } = asked;
        if (entity.keyVault === undefined) throw badRequest('It is not from a key vault.', 'ValidationError');
        return () => {
          look(resource, entity, vault, now);
          return { status: 200, body: shown(resource, entity) };
        };
      },
    },
  ];
}
