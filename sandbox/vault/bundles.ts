/** What a vault's answers look like on the wire: bundles, list items, pages (facts A4). */
import { badParameter } from './errors.ts';
import { compare } from './store.ts';
import type { DeletedSecret, SecretVersion, StoredSecret } from './model.ts';

export interface VaultAddress {
  /** `https://kv.vault.sandbox.test:18443` */
  readonly origin: string;
  readonly recoverableDays: number;
}

type Json = Record<string, unknown>;

type Dated = Pick<SecretVersion, 'enabled' | 'nbf' | 'exp' | 'created' | 'updated'>;

export function attributes(version: Dated, vault: VaultAddress): Json {
  return {
    enabled: version.enabled,
    ...(version.nbf === undefined ? {} : { nbf: version.nbf }),
    ...(version.exp === undefined ? {} : { exp: version.exp }),
    created: version.created,
    updated: version.updated,
    recoveryLevel: vault.recoverableDays === 90 ? 'Recoverable+Purgeable' : 'CustomizedRecoverable+Purgeable',
    recoverableDays: vault.recoverableDays,
  };
}

/** Without the value, as PATCH, DELETE and the lists answer. */
function metadata(id: string, version: SecretVersion, vault: VaultAddress): Json {
  return {
    ...(version.contentType === undefined ? {} : { contentType: version.contentType }),
    id,
    attributes: attributes(version, vault),
    ...(version.tags === undefined ? {} : { tags: version.tags }),
    ...(version.kid === undefined ? {} : { managed: true, kid: version.kid }),
  };
}

export function versionId(vault: VaultAddress, secret: StoredSecret, version: SecretVersion): string {
  return `${vault.origin}/secrets/${secret.name}/${version.id}`;
}

export function bundle(vault: VaultAddress, secret: StoredSecret, version: SecretVersion, withValue: boolean): Json {
  const body = metadata(versionId(vault, secret, version), version, vault);
  return withValue ? { value: version.value, ...body } : body;
}

function current(secret: StoredSecret): SecretVersion {
  const version = secret.versions.at(-1);
  if (version === undefined) throw new Error(`secret ${secret.name} has no version`);
  return version;
}

/** The item of `GET /secrets`: no version in the id, the attributes of the current one. */
export function listItem(vault: VaultAddress, secret: StoredSecret): Json {
  return metadata(`${vault.origin}/secrets/${secret.name}`, current(secret), vault);
}

export function versionItems(vault: VaultAddress, secret: StoredSecret): Json[] {
  return [...secret.versions]
    .sort((a, b) => compare(a.id, b.id))
    .map((version) => metadata(versionId(vault, secret, version), version, vault));
}

export function deletedBundle(vault: VaultAddress, secret: DeletedSecret, withVersion: boolean): Json {
  const version = current(secret);
  const id = withVersion ? versionId(vault, secret, version) : `${vault.origin}/secrets/${secret.name}`;
  return {
    recoveryId: `${vault.origin}/deletedsecrets/${secret.name}`,
    deletedDate: secret.deletedDate,
    scheduledPurgeDate: secret.scheduledPurgeDate,
    ...metadata(id, version, vault),
  };
}

/** One page. The token holds the place of the next item; like the service's, `nextLink` names the port and is `null` at the end. */
export function page(vault: VaultAddress, path: string, query: URLSearchParams, items: readonly Json[]): Json {
  const size = Number(query.get('maxresults') ?? '25');
  if (!Number.isInteger(size) || size < 1 || size > 25) throw badParameter('Property maxresults has invalid value\r\n');
  const start = readToken(query.get('$skiptoken'));
  const rest = start + size;
  if (rest >= items.length) return { value: items.slice(start), nextLink: null };
  const token = Buffer.from(`next:${rest}`).toString('base64url');
  const version = encodeURIComponent(query.get('api-version') ?? '');
  const nextLink = `${vault.origin}${path}?api-version=${version}&$skiptoken=${token}&maxresults=${size}`;
  return { value: items.slice(start, rest), nextLink };
}

function readToken(token: string | null): number {
  if (token === null) return 0;
  const place = /^next:(\d+)$/.exec(Buffer.from(token, 'base64url').toString('utf8'))?.[1];
  if (place === undefined) throw badParameter('Property $skiptoken has invalid value\r\n');
  return Number(place);
}
