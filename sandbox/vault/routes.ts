/** The API of one vault, that of its secrets here: which request does what, after the caller has been let in. */
import { randomBytes } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { bundle, deletedBundle, listItem, page, versionItems } from './bundles.ts';
import type { VaultAddress } from './bundles.ts';
import { changes, objectBody } from './body.ts';
import { badParameter, deletedNotFound, kvError, secretDisabled, secretNotFound } from './errors.ts';
import type { VaultAction } from './errors.ts';
import { routeCertificates } from './certificates/routes.ts';
import type { CertificateStore } from './certificates/store.ts';
import { routeKeys } from './key-routes.ts';
import type { KeyParts } from './key-routes.ts';
import type { KeyStore } from './key-store.ts';
import { checkName, checkNewVersion } from './model.ts';
import type { NewVersion, StoredSecret, VersionPatch } from './model.ts';
import type { SecretStore } from './store.ts';

export interface VaultParts {
  readonly address: VaultAddress;
  readonly store: SecretStore;
  readonly keys: KeyStore;
  readonly certificates: CertificateStore;
  readonly backups: Map<string, StoredSecret>;
  /** Throws the vault's refusal. `name` is that of a secret, a key or a certificate. */
  admit(action: VaultAction, name?: string, of?: 'key' | 'certificate'): void;
}

const ok = (body: unknown): SandboxResponse => ({ status: 200, body });

/** Throws HttpProblem with the service's own error body. */
export function route(request: SandboxRequest, vault: VaultParts): SandboxResponse | Promise<SandboxResponse> {
  if (!request.query.has('api-version')) throw badParameter('api-version must be specified');
  const method = override(request);
  const [kind, name = '', ...rest] = request.segments;
  const tail = rest.filter((part) => part !== '');
  if (kind === 'secrets') {
    if (name === '') return collection(method, request, vault);
    if (tail.length <= 1) return secret(method, request, vault, name, tail[0]);
  }
  if (kind === 'keys') {
    const { address, keys } = vault;
    const admit: KeyParts['admit'] = (action, key) => vault.admit(action, key, 'key');
    return routeKeys(method, request, { address, keys, admit }, name === '' ? [] : [name, ...tail]);
  }
  if (kind === 'certificates') {
    const { address, certificates } = vault;
    const admit = (action: VaultAction, of?: string): void => vault.admit(action, of, 'certificate');
    return routeCertificates(method, request, { address, certificates, admit }, name === '' ? [] : [name, ...tail]);
  }
  if (kind === 'deletedsecrets' && tail.length <= 1) return deleted(method, request, vault, name, tail[0]);
  throw kvError(404, 'NotFound', `There is nothing at ${request.path}`);
}

/** POST with X-HTTP-METHOD stands for that method. */
function override(request: SandboxRequest): string {
  const header = request.headers['x-http-method'];
  return request.method === 'POST' && typeof header === 'string' ? header.toUpperCase() : request.method;
}

function notAllowed(method: string): never {
  throw kvError(405, 'MethodNotAllowed', `HTTP ${method} not allowed`);
}

function collection(method: string, request: SandboxRequest, vault: VaultParts): SandboxResponse {
  if (method !== 'GET') return notAllowed(method);
  vault.admit('list');
  const items = vault.store.all().map((one) => listItem(vault.address, one));
  return ok(page(vault.address, '/secrets', request.query, items));
}

function secret(
  method: string,
  request: SandboxRequest,
  vault: VaultParts,
  name: string,
  tail: string | undefined,
): SandboxResponse {
  if (method === 'POST' && tail === 'backup') return backup(vault, name);
  if (method === 'POST' && name === 'restore' && tail === undefined) return restore(request, vault);
  if (method === 'GET' && tail === 'versions') return versions(request, vault, name);
  if (method === 'GET') return read(vault, name, tail);
  if (method === 'PUT' && tail === undefined) return write(request, vault, name);
  if (method === 'PATCH') return patch(request, vault, name, tail);
  if (method === 'DELETE' && tail === undefined) {
    checkName(name);
    vault.admit('delete', name);
    return ok(deletedBundle(vault.address, vault.store.delete(name), true));
  }
  return notAllowed(method);
}

function read(vault: VaultParts, name: string, id: string | undefined): SandboxResponse {
  checkName(name);
  vault.admit('get', name);
  const found = vault.store.version(name, id);
  // Also for "latest": a disabled newest version hides the older ones; there is no falling back.
  if (!found.version.enabled) throw secretDisabled();
  return ok(bundle(vault.address, found.secret, found.version, true));
}

function versions(request: SandboxRequest, vault: VaultParts, name: string): SandboxResponse {
  checkName(name);
  vault.admit('list', name);
  const found = vault.store.find(name);
  const items = found === undefined ? [] : versionItems(vault.address, found);
  return ok(page(vault.address, `/secrets/${found?.name ?? name}/versions`, request.query, items));
}

function write(request: SandboxRequest, vault: VaultParts, name: string): SandboxResponse {
  const body = objectBody(request);
  const { value } = body;
  // An empty value is accepted, an absent one is not.
  if (typeof value !== 'string') throw badParameter('Property value has invalid value\r\n');
  const input: NewVersion = { value, ...changes(body, false) };
  checkNewVersion(name, input);
  vault.admit('set', name);
  const written = vault.store.put(name, input);
  return ok(bundle(vault.address, written.secret, written.version, true));
}

function patch(request: SandboxRequest, vault: VaultParts, name: string, id: string | undefined): SandboxResponse {
  const change: VersionPatch = changes(objectBody(request), true);
  checkNewVersion(name, change);
  vault.admit('update', name);
  const found = vault.store.patch(name, id, change);
  return ok(bundle(vault.address, found.secret, found.version, false));
}

function deleted(
  method: string,
  request: SandboxRequest,
  vault: VaultParts,
  name: string,
  tail: string | undefined,
): SandboxResponse {
  const { address, store } = vault;
  if (name === '') {
    if (method !== 'GET') return notAllowed(method);
    vault.admit('list');
    const items = store.allDeleted().map((one) => deletedBundle(address, one, false));
    return ok(page(address, '/deletedsecrets', request.query, items));
  }
  checkName(name);
  if (method === 'GET' && tail === undefined) {
    vault.admit('get', name);
    const found = store.findDeleted(name);
    if (found === undefined) throw deletedNotFound(name);
    if (found.versions.at(-1)?.enabled === false) throw secretDisabled();
    return ok(deletedBundle(address, found, true));
  }
  if (method === 'DELETE' && tail === undefined) {
    vault.admit('purge', name);
    if (!store.purge(name)) throw deletedNotFound(name);
    return { status: 204 };
  }
  if (method === 'POST' && tail === 'recover') {
    vault.admit('recover', name);
    const found = store.recover(name);
    const version = found?.versions.at(-1);
    if (found === undefined || version === undefined) throw deletedNotFound(name);
    return ok(bundle(address, found, version, false));
  }
  return notAllowed(method);
}

function backup(vault: VaultParts, name: string): SandboxResponse {
  checkName(name);
  vault.admit('backup', name);
  const found = vault.store.find(name);
  if (found === undefined) throw secretNotFound(name);
  const value = randomBytes(48).toString('base64url');
  vault.backups.set(value, { name: found.name, versions: found.versions.map((version) => ({ ...version })) });
  return ok({ value });
}

function restore(request: SandboxRequest, vault: VaultParts): SandboxResponse {
  vault.admit('restore');
  const { value } = objectBody(request);
  const saved = typeof value === 'string' ? vault.backups.get(value) : undefined;
  if (saved === undefined) throw badParameter('Backup blob contains invalid or corrupt version.');
  const version = vault.store.restore(saved);
  return ok(bundle(vault.address, saved, version, false));
}
