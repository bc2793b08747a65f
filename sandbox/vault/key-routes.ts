/** The keys API of one vault: which request does what, after the caller has been let in. */
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { changes, objectBody } from './body.ts';
import { attributes, page } from './bundles.ts';
import type { VaultAddress } from './bundles.ts';
import { badParameter, kvError } from './errors.ts';
import type { VaultAction } from './errors.ts';
import { isCryptoVerb, runCrypto } from './key-crypto.ts';
import { daysOf } from './key-store.ts';
import type { KeyPolicy, KeyStore, KeyVersion, StoredKey } from './key-store.ts';
import { checkName, checkNewVersion } from './model.ts';
import { compare } from './store.ts';

export interface KeyParts {
  readonly address: VaultAddress;
  readonly keys: KeyStore;
  /** Throws the vault's refusal. */
  admit(action: VaultAction, key?: string): void;
}

type Json = Record<string, unknown>;
const KEY_OPS = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
const ok = (body: unknown): SandboxResponse => ({ status: 200, body });

/** @param tail what follows `/keys/` in the path, without empty parts */
export function routeKeys(method: string, request: SandboxRequest, vault: KeyParts, tail: readonly string[]) {
  const [name = '', second, third] = tail;
  if (tail.length === 0 && method === 'GET') {
    vault.admit('list');
    const items = vault.keys.all().map((key) => item(vault.address, key, undefined));
    return ok(page(vault.address, '/keys', request.query, items));
  }
  if (name !== '') checkName(name);
  if (third === undefined && name !== '') {
    if (method === 'GET' && second === 'versions') return versions(request, vault, name);
    if (method === 'POST' && second === 'rotate') {
      vault.admit('rotate', name);
      return bundle(vault.address, vault.keys.rotate(name));
    }
    if (method === 'POST' && second === 'create') return create(request, vault, name);
    if (second === 'rotationpolicy') return policy(method, request, vault, name);
    if (method === 'GET') {
      vault.admit('get', name);
      return bundle(vault.address, vault.keys.version(name, second));
    }
    if (method === 'PATCH') return patch(request, vault, name, second);
  }
  if (method === 'POST' && isCryptoVerb(third)) {
    vault.admit(third, name);
    const { key, version } = vault.keys.version(name, second);
    const { enabled, material } = version;
    return runCrypto(third, request, { kid: keyId(vault.address, key, version), enabled, material });
  }
  throw kvError(405, 'MethodNotAllowed', `HTTP ${method} not allowed`);
}

function versions(request: SandboxRequest, vault: KeyParts, name: string): SandboxResponse {
  vault.admit('list', name);
  const key = vault.keys.find(name);
  const items = [...(key?.versions ?? [])]
    .sort((a, b) => compare(a.id, b.id))
    .map((version) => item(vault.address, key as StoredKey, version));
  return ok(page(vault.address, `/keys/${key?.name ?? name}/versions`, request.query, items));
}

function create(request: SandboxRequest, vault: KeyParts, name: string): SandboxResponse {
  const { tags, enabled, exp } = changes(objectBody(request), false);
  vault.admit('create', name);
  return bundle(vault.address, vault.keys.create(name, defined({ tags, enabled, exp })));
}

function patch(request: SandboxRequest, vault: KeyParts, name: string, id: string | undefined): SandboxResponse {
  const { tags, enabled, exp, nbf } = changes(objectBody(request), false);
  const change = defined({ tags, enabled, exp, nbf });
  checkNewVersion(name, change);
  vault.admit('update', name);
  return bundle(vault.address, vault.keys.patch(name, id, change));
}

function policy(method: string, request: SandboxRequest, vault: KeyParts, name: string): SandboxResponse {
  const { origin } = vault.address;
  const shown = ({ lifetimeActions, attributes: own }: KeyPolicy): SandboxResponse =>
    ok({ id: `${origin}/keys/${name}/rotationpolicy`, lifetimeActions, attributes: own });
  if (method === 'GET') {
    vault.admit('getRotationPolicy', name);
    return shown(vault.keys.policy(name));
  }
  if (method !== 'PUT') throw kvError(405, 'MethodNotAllowed', `HTTP ${method} not allowed`);
  const { lifetimeActions = [], attributes: own = {} } = objectBody(request) as unknown as Partial<KeyPolicy>;
  vault.admit('setRotationPolicy', name);
  for (const { trigger } of lifetimeActions) {
    // Seven days after the making, or before the end, is the least (facts A8).
    const days = daysOf(trigger.timeAfterCreate ?? trigger.timeBeforeExpiry ?? '');
    if (days < 7) throw badParameter('Property lifetimeActions has invalid value\r\n');
  }
  if (own.expiryTime !== undefined && daysOf(own.expiryTime) < 28) {
    throw badParameter('Property expiryTime has invalid value\r\n');
  }
  return shown(vault.keys.setPolicy(name, { lifetimeActions, attributes: own }));
}

function bundle(vault: VaultAddress, { key, version }: { key: StoredKey; version: KeyVersion }): SandboxResponse {
  const { kty, material, managed } = version;
  return ok({
    key: { kid: keyId(vault, key, version), kty, key_ops: KEY_OPS, n: material().n, e: 'AQAB' },
    ...shownOf(version, vault),
    ...(managed === undefined ? {} : { managed }),
  });
}

/** In `GET /keys` the address has no version, and the attributes are those of the current one. */
function item(vault: VaultAddress, key: StoredKey, version: KeyVersion | undefined): Json {
  const shown = version ?? key.versions.at(-1);
  if (shown === undefined) throw new Error(`key ${key.name} has no version`);
  return {
    kid: version === undefined ? `${vault.origin}/keys/${key.name}` : keyId(vault, key, version),
    ...shownOf(shown, vault),
    ...(shown.managed === undefined ? {} : { managed: shown.managed }),
  };
}

function shownOf(version: KeyVersion, vault: VaultAddress): Json {
  return { attributes: attributes(version, vault), ...(version.tags === undefined ? {} : { tags: version.tags }) };
}

export function keyId(vault: VaultAddress, key: StoredKey, version: KeyVersion): string {
  return `${vault.origin}/keys/${key.name}/${version.id}`;
}

/** Without what is undefined. */
function defined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
