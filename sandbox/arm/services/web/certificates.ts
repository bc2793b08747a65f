/** `Microsoft.Web/certificates`: taken from a vault by the service's own principal when it is put, or once a day (consumer facts 1). */
import type { CertificateSeen } from '../../../certificate-directory.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Resource, type Service, type VaultDirectories } from '../../service.ts';
import { at, noKey } from '../bodies.ts';
import {
  certificateOf,
  isFor,
  isWeb,
  siteOf,
  thumbprintOf,
  vaultNameOf,
  x509,
  type CertificateState,
} from './state.ts';

const TYPE = 'Microsoft.Web/certificates';
/** So long after a version was made the service has found it by itself. */
export const CERTIFICATE_LAG_MS = 24 * 3600_000;

export const certificates: Service = {
  address: `${TYPE}/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: propertiesOf(certificateOf(resource)) }),
  listed: shown,
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${TYPE}/read`,
      begin: (asked) => () => {
        look(asked);
        return { status: 200, body: shown(asked.resource) };
      },
    },
    { method: 'PUT', path: /^$/, action: `${TYPE}/write`, begin: put },
  ],
};

/** Takes the newest version from the vault, as when it is made. For tests. */
export function takeCertificate(resource: Resource, vault: VaultDirectories): void {
  const state = certificateOf(resource);
  const seen = find(state, vault);
  if (seen === undefined) throw new Error(`${resource.id}: there is no ${state.keyVaultSecretName}`);
  state.seen = seen;
  state.status = 'Succeeded';
}

function find(
  { keyVaultId, keyVaultSecretName }: CertificateState,
  vault: VaultDirectories,
): CertificateSeen | undefined {
  return vault.certificates?.lookUp(vaultNameOf(keyVaultId), keyVaultSecretName);
}

/** The service's own look, once a day; nobody is told when it fails but by the status. */
function look({ resource, vault, all, now }: Asked): void {
  const state = certificateOf(resource);
  const newest = state.keyVaultId === '' ? undefined : find(state, vault);
  if (newest === undefined || state.access !== 'granted') return;
  if (now.getTime() - newest.createdMs >= CERTIFICATE_LAG_MS) adopt(state, newest, all());
}

function put(asked: Asked): () => { status: number; body: unknown } {
  const { resource, request, vault, all } = asked;
  const state = certificateOf(resource);
  const text = (...path: string[]): string => {
    const value = at(request.json, ...path);
    return typeof value === 'string' ? value : '';
  };
  if (text('location') === '')
    throw badRequest('The location property is required for this definition.', 'LocationRequired');
  const keyVaultId = text('properties', 'keyVaultId');
  const keyVaultSecretName = text('properties', 'keyVaultSecretName');
  if (keyVaultId === '' || keyVaultSecretName === '')
    throw badRequest('The parameter properties has an invalid value.');
  if (state.access === 'refused') {
    throw badRequest(
      `The service does not have access to '${keyVaultId.toLowerCase()}' Key Vault. Please make sure that you have granted necessary permissions to the service to perform the request operation.`,
    );
  }
  Object.assign(state, { keyVaultId, keyVaultSecretName, serverFarmId: text('properties', 'serverFarmId') });
  state.tags = (at(request.json, 'tags') ?? {}) as Record<string, string>;
  const newest = find(state, vault);
  if (state.access === 'silent') state.status = 'AzureServiceUnauthorizedToAccessKeyVault';
  else if (newest?.enabled !== true) state.status = 'KeyVaultSecretDoesNotExist';
  else if (!newest.exportable || newest.contentType !== 'application/x-pkcs12') {
    throw armProblem(
      400,
      'BadRequest',
      'The certificate in the Key Vault has no private key that can be exported as PFX.',
    );
  } else adopt(state, newest, all());
  return () => ({ status: 200, body: shown(resource) });
}

/** In place: every binding that has the old one gets the new one. */
function adopt(state: CertificateState, newest: CertificateSeen, all: readonly Resource[]): void {
  const old = thumbprintOf(state.seen);
  state.seen = newest;
  state.status = 'Succeeded';
  if (!state.bindingsFollow || old === '') return;
  for (const site of all.filter((one) => isWeb(one, 'sites')).map(siteOf)) {
    if (!isFor(site, state)) continue;
    for (const binding of site.bindings.values()) {
      if (binding.thumbprint === old) Object.assign(binding, { thumbprint: thumbprintOf(newest), seen: newest });
    }
  }
}

/** Key Vault's id and name come back in lower case. */
function propertiesOf(state: CertificateState): Readonly<Record<string, unknown>> {
  const { seen, keyVaultId, keyVaultSecretName, serverFarmId, status } = state;
  const parsed = seen === undefined ? undefined : x509(seen);
  return {
    keyVaultId: keyVaultId === '' ? null : keyVaultId.toLowerCase(),
    keyVaultSecretName: keyVaultSecretName === '' ? null : keyVaultSecretName.toLowerCase(),
    keyVaultSecretStatus: status,
    serverFarmId: serverFarmId === '' ? null : serverFarmId,
    thumbprint: thumbprintOf(seen),
    expirationDate: parsed === undefined ? null : new Date(parsed.validTo).toISOString(),
    hostNames: (parsed?.subjectAltName ?? '')
      .split(', ')
      .flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : [])),
    password: null,
  };
}

function shown(resource: Resource): unknown {
  const { id, names } = resource;
  const state = certificateOf(resource);
  const { tags, location } = state;
  return { id, name: names['name'], type: TYPE, location, tags, properties: propertiesOf(state) };
}
