/** Front Door Standard and Premium: secrets and custom domains of a profile (consumer facts 4). */
import type { SandboxRequest, SandboxResponse } from '../../../http.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, said, type Asked, type Operation, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import * as state from './profile.ts';

const PROFILES = 'Microsoft.Cdn/profiles';
/** Lists come in pages, and a small one shows who reads only the first. */
const PAGE = 2;
const LATER = { style: 'status', status: 202 } as const;

/** One page, with the address of the next. */
export function page(request: SandboxRequest, scope: string, all: readonly Json[]): SandboxResponse {
  const from = Number(request.query.get('$skiptoken') ?? '0');
  const host = String(request.headers.host);
  const next = new URL(`https://${host}${scope}`);
  next.searchParams.set('api-version', request.query.get('api-version') ?? '');
  next.searchParams.set('$skiptoken', String(from + PAGE));
  const nextLink = from + PAGE < all.length ? { nextLink: next.href } : {};
  return { status: 200, body: { value: all.slice(from, from + PAGE), ...nextLink } };
}

function listSecrets({ resource, request, vault, now }: Asked): () => SandboxResponse {
  const profile = state.profileOf(resource);
  state.lookWhenDue(profile, vault, now);
  const signing = {
    id: `${resource.id}/secrets/signing`,
    name: 'signing',
    properties: { parameters: { type: 'UrlSigningKey', keyId: 'k1', secretSource: { id: 'x' }, secretVersion: 'y' } },
  };
  const all = [signing, ...[...profile.secrets.values()].map((one) => state.shownSecret(resource, one))];
  return () => page(request, `${resource.id}/secrets`, all);
}

function listDomains({ resource, request, now }: Asked): () => SandboxResponse {
  const all = [...state.profileOf(resource).domains.values()].map((one) => state.shownDomain(resource, one, now));
  return () => page(request, `${resource.id}/customDomains`, all);
}

function putSecret({ resource, request, match, vault }: Asked): () => SandboxResponse {
  const profile = state.profileOf(resource);
  const name = match[1] ?? '';
  const parameters = at(request.json, 'properties', 'parameters');
  const sourceId = at(parameters, 'secretSource', 'id');
  if (typeof sourceId !== 'string' || at(parameters, 'type') !== 'CustomerCertificate') throw badRequest('No source.');
  const useLatestVersion = at(parameters, 'useLatestVersion') === true;
  const known = profile.secrets.get(name);
  if (known !== undefined && known.useLatestVersion !== useLatestVersion)
    throw badRequest('Whether a secret follows cannot be changed.');
  const version = useLatestVersion ? undefined : said({ ...request, json: parameters }, 'secretVersion');
  const held = state.fetchFor(profile, sourceId, version, vault);
  return () => {
    const secret = { name, sourceId, useLatestVersion, held };
    profile.secrets.set(name, secret);
    return { status: 200, body: state.shownSecret(resource, secret) };
  };
}

function deleteSecret({ resource, match }: Asked): () => SandboxResponse {
  const profile = state.profileOf(resource);
  const name = match[1] ?? '';
  if (!profile.secrets.has(name)) throw state.notFound(name);
  const users = [...profile.domains.values()].filter(({ secret }) => secret === name);
  if (users.length > 0) throw armProblem(409, 'Conflict', `The secret ${name} is in use by ${users[0]?.name ?? ''}.`);
  return () => {
    profile.secrets.delete(name);
    return { status: 204 };
  };
}

/** What the TLS settings leave out is gone, as the worst case of what is not verified. */
function patchDomain({ resource, request, match, now }: Asked): () => SandboxResponse {
  const profile = state.profileOf(resource);
  const domain = profile.domains.get(match[1] ?? '');
  if (domain === undefined) throw state.notFound(match[1] ?? '');
  const tls = at(request.json, 'properties', 'tlsSettings') as Json | undefined;
  const secret =
    String(at(tls, 'secret', 'id'))
      .split('/')
      .at(-1) ?? '';
  if (tls === undefined || !profile.secrets.has(secret)) throw badRequest(`There is no secret ${secret}.`);
  return () => {
    const before = profile.secrets.get(domain.secret)?.held;
    if (before !== undefined) domain.before = before;
    const { secret: _secret, ...rest } = tls;
    Object.assign(domain, { tls: rest, secret, deployedMs: now.getTime() + state.DEPLOY_MS });
    return { status: 200, body: state.shownDomain(resource, domain, now) };
  };
}

function validate({ resource, request, vault }: Asked): () => SandboxResponse {
  const sourceId = at(request.json, 'secretSource', 'id');
  const found = state.problemWith(
    state.profileOf(resource),
    typeof sourceId === 'string' ? sourceId : '',
    said(request, 'secretVersion'),
    vault,
  );
  return () => ({ status: 200, body: { status: typeof found === 'string' ? found : 'Valid', message: null } });
}

const operation = (
  method: Operation['method'],
  path: RegExp,
  action: string,
  begin: Operation['begin'],
): Operation => ({
  ...{ method, path, action: `${PROFILES}/${action}`, begin },
  ...(method === 'GET' || method === 'POST' ? {} : { later: LATER }),
});

export const CDN_SERVICES: readonly Service[] = [
  {
    address: `${PROFILES}/{name}`,
    slots: [],
    mint: noKey,
    graph: () => ({ location: 'global', properties: { provisioningState: 'Succeeded' } }),
    serves: state.servesHost,
    operations: [
      operation('GET', /^\/secrets$/i, 'secrets/read', listSecrets),
      operation('PUT', /^\/secrets\/([^/]+)$/i, 'secrets/write', putSecret),
      operation('DELETE', /^\/secrets\/([^/]+)$/i, 'secrets/delete', deleteSecret),
      operation('GET', /^\/customDomains$/i, 'customdomains/read', listDomains),
      operation('PATCH', /^\/customDomains\/([^/]+)$/i, 'customdomains/write', patchDomain),
      operation('POST', /^\/validateSecret$/i, 'validateSecret/action', validate),
    ],
  },
];
