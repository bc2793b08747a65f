/** The certificates API of one vault: which request does what, after the caller has been let in (facts A7). */
import type { SandboxRequest, SandboxResponse } from '../../http.ts';
import { changes, objectBody } from '../body.ts';
import { attributes, page, type VaultAddress } from '../bundles.ts';
import { badParameter, kvError, type VaultAction } from '../errors.ts';
import { checkName } from '../model.ts';
import { compare } from '../store.ts';
import { sha1 } from './issuer.ts';
import { DEFAULT_POLICY, type CertificatePolicy, type CertificateVersion, type StoredCertificate } from './model.ts';
import type { CertificateStore } from './store.ts';

export interface CertificateParts {
  readonly address: VaultAddress;
  readonly certificates: CertificateStore;
  /** Throws the vault's refusal. */
  admit(action: VaultAction, name?: string): void;
}

type Json = Record<string, unknown>;
type Answer = SandboxResponse | Promise<SandboxResponse>;
const ok = (body: unknown, status = 200): SandboxResponse => ({ status, body });

/** @param tail what follows `/certificates/` in the path, without empty parts */
export function routeCertificates(
  method: string,
  request: SandboxRequest,
  vault: CertificateParts,
  tail: readonly string[],
): Answer {
  const { address, certificates } = vault;
  const [name = '', second, third] = tail;
  if (tail.length === 0 && method === 'GET') {
    vault.admit('list');
    const items = certificates.all().flatMap((one) => item(address, one, one.versions.at(-1), false));
    return ok(page(address, '/certificates', request.query, items));
  }
  if (name !== '') checkName(name);
  switch (`${method} ${second ?? ''}${third === undefined ? '' : `/${third}`}`) {
    case 'POST create':
      return create(request, vault, name);
    case 'GET pending':
      vault.admit('get', name);
      return ok(operation(vault, name));
    case 'PATCH pending':
      vault.admit('update', name);
      certificates.cancel(name);
      return ok(operation(vault, name));
    case 'DELETE pending': {
      vault.admit('delete', name);
      const shown = operation(vault, name);
      certificates.deleteOperation(name);
      return ok(shown);
    }
    case 'POST pending/merge':
      return merge(request, vault, name);
    case 'GET policy':
      vault.admit('get', name);
      return ok(policy(address, certificates.find(name)));
    case 'PATCH policy':
      vault.admit('update', name);
      certificates.find(name).policy = policyOf(objectBody(request), certificates.find(name).policy);
      return ok(policy(address, certificates.find(name)));
    case 'GET versions': {
      vault.admit('list', name);
      const found = certificates.peek(name);
      const versions = [...(found?.versions ?? [])].sort((a, b) => compare(a.id, b.id));
      const items = found === undefined ? [] : versions.flatMap((version) => item(address, found, version, true));
      return ok(page(address, `/certificates/${name}/versions`, request.query, items));
    }
    default:
      return version(method, request, vault, name, third === undefined ? second : 'too-long');
  }
}

function version(
  method: string,
  request: SandboxRequest,
  vault: CertificateParts,
  name: string,
  id: string | undefined,
): SandboxResponse {
  const { address, certificates } = vault;
  if (method === 'GET') {
    vault.admit('get', name);
    const certificate = certificates.find(name);
    // One that was never finished is shown as disabled and without its parts.
    if (id === undefined && certificate.versions.length === 0) return ok(unfinished(address, certificate));
    const found = certificates.version(name, id);
    return ok({ ...bundle(address, found.certificate, found.version), policy: policy(address, found.certificate) });
  }
  if (method === 'PATCH') {
    const { enabled, tags } = changes(objectBody(request), false);
    vault.admit('update', name);
    const change = { ...(enabled === undefined ? {} : { enabled }), ...(tags === undefined ? {} : { tags }) };
    const found = certificates.amend(name, id, change);
    return ok(bundle(address, found.certificate, found.version));
  }
  if (method === 'DELETE' && id === undefined) {
    vault.admit('delete', name);
    const gone = certificates.delete(name);
    return ok({ ...unfinished(address, gone), recoveryId: `${address.origin}/deletedcertificates/${name}` });
  }
  throw kvError(405, 'MethodNotAllowed', `HTTP ${method} not allowed`);
}

async function create(request: SandboxRequest, vault: CertificateParts, name: string): Promise<SandboxResponse> {
  const body = objectBody(request);
  const { tags } = changes(body, false);
  const before = vault.certificates.peek(name)?.policy ?? DEFAULT_POLICY;
  const wanted = policyOf((body['policy'] ?? {}) as Json, before);
  vault.admit('create', name);
  await vault.certificates.create(name, wanted, tags);
  const shown = operation(vault, name);
  const at = `${vault.address.origin}/certificates/${name}/pending`;
  const location = `${at}?api-version=${request.query.get('api-version') ?? ''}&request_id=${String(shown['request_id'])}`;
  return { ...ok(shown, 202), headers: { location, 'retry-after': '10' } };
}

function merge(request: SandboxRequest, vault: CertificateParts, name: string): SandboxResponse {
  const { x5c } = objectBody(request);
  const { tags } = changes(objectBody(request), false);
  vault.admit('create', name);
  const chain = (Array.isArray(x5c) ? x5c : []).filter((one): one is string => typeof one === 'string');
  if (chain.length === 0) throw badParameter('Property x5c has invalid value\r\n');
  const made = vault.certificates.merge(
    name,
    chain.map((one) => Buffer.from(one, 'base64')),
    tags,
  );
  return ok(bundle(vault.address, vault.certificates.find(name), made), 201);
}

/** What the body leaves out stays as it was. */
function policyOf(body: Json, before: CertificatePolicy): CertificatePolicy {
  const part = (name: keyof CertificatePolicy): object => ({ ...(before[name] as object), ...(body[name] as object) });
  const known = { key_props: part('key_props'), secret_props: part('secret_props'), x509_props: part('x509_props') };
  const actions = body['lifetime_actions'] ?? before.lifetime_actions;
  return { ...known, issuer: part('issuer'), lifetime_actions: actions } as CertificatePolicy;
}

function operation({ address, certificates }: CertificateParts, name: string): Json {
  const { requestId, status, issuer, csr, error } = certificates.operation(name);
  const id = `${address.origin}/certificates/${name}`;
  return {
    ...{ id: `${id}/pending`, issuer: { name: issuer }, csr, cancellation_requested: status === 'canceled', status },
    ...(status === 'inProgress' ? { status_details: 'Pending certificate created. Please wait.' } : {}),
    ...(status === 'completed' ? { target: id } : {}),
    ...(error === undefined ? {} : { error }),
    request_id: requestId,
  };
}

function policy({ origin }: VaultAddress, { name, policy: own }: StoredCertificate): Json {
  return { id: `${origin}/certificates/${name}/policy`, ...own };
}

function bundle(vault: VaultAddress, { name }: StoredCertificate, shown: CertificateVersion): Json {
  const { origin } = vault;
  return {
    id: `${origin}/certificates/${name}/${shown.id}`,
    kid: `${origin}/keys/${name}/${shown.id}`,
    sid: `${origin}/secrets/${name}/${shown.id}`,
    x5t: sha1(shown.der).toString('base64url'),
    cer: shown.der.toString('base64'),
    attributes: attributes(shown, vault),
    ...(shown.tags === undefined ? {} : { tags: shown.tags }),
  };
}

function unfinished(vault: VaultAddress, certificate: StoredCertificate): Json {
  const id = `${vault.origin}/certificates/${certificate.name}`;
  return { id, attributes: { enabled: false }, policy: policy(vault, certificate), pending: { id: `${id}/pending` } };
}

function item(
  vault: VaultAddress,
  certificate: StoredCertificate,
  shown: CertificateVersion | undefined,
  withVersion: boolean,
): Json[] {
  if (shown === undefined) return [];
  const { id, x5t, attributes: own, tags } = bundle(vault, certificate, shown);
  const name = `${vault.origin}/certificates/${certificate.name}`;
  return [{ id: withVersion ? id : name, x5t, attributes: own, ...(tags === undefined ? {} : { tags }) }];
}
