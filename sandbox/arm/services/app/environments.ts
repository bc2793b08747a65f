/** `Microsoft.App/managedEnvironments` and their certificates (consumer facts 6). */
import type { SandboxResponse } from '../../../http.ts';
import { badRequest, type Asked, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import * as state from './environment.ts';

const TYPE = 'Microsoft.App/managedEnvironments';
const LOCATION = 'West Europe';
/** What only the service sets: whatever a request says of it is not looked at. */
const READ_ONLY =
  /^(?:provisioningState|deploymentErrors|thumbprint|subjectName|expirationDate|certificateKeyVaultProperties)$/;

/** @throws when it names no secret of a vault */
function vaultIn(
  json: unknown,
  ...path: readonly string[]
): { readonly keyVaultUrl: string; readonly identity: string } {
  const [keyVaultUrl, identity] = ['keyVaultUrl', 'identity'].map((name) =>
    at(json, 'properties', ...path, 'certificateKeyVaultProperties', name),
  );
  if (typeof keyVaultUrl !== 'string' || !URL.canParse(keyVaultUrl) || typeof identity !== 'string') {
    throw badRequest('The certificate needs a keyVaultUrl and an identity.', 'CertificateKeyVaultPropertiesInvalid');
  }
  return { keyVaultUrl, identity };
}

function putCertificate({ resource, request, vault }: Asked): () => SandboxResponse {
  const held = state.heldBy(resource);
  const { location, tags = {}, properties } = request.json as Json;
  if (typeof location !== 'string')
    throw badRequest('The location property is required for this definition.', 'LocationRequired');
  const named = vaultIn(request.json);
  if (!held.mayRead && held.lag === 0) throw badRequest(state.REFUSED, 'CertificateKeyVaultError');
  return () => {
    // The whole resource: what is not given is gone.
    Object.assign(held, named, {
      tags,
      more: Object.fromEntries(Object.entries(properties as Json).filter(([name]) => !READ_ONLY.test(name))),
    });
    if (held.lag === 0) state.settle(held, vault);
    else held.provisioningState = 'Pending';
    return { status: 200, body: shownCertificate(resource) };
  };
}

function shownCertificate(resource: Asked['resource']): Json {
  const held = state.heldBy(resource);
  const { provisioningState, deploymentErrors, tags, more } = held;
  return {
    ...{ id: resource.id, name: resource.names['name'], type: `${TYPE}/certificates`, location: LOCATION, tags },
    properties: { ...more, ...state.shownHeld(held), provisioningState, deploymentErrors },
  };
}

/** Merges, at the level of `customDomainConfiguration`: what that leaves out is gone, as the worst case of what is not verified. */
function patchEnvironment({ resource, request, vault }: Asked): () => SandboxResponse {
  const environment = state.environmentOf(resource);
  const named = vaultIn(request.json, 'customDomainConfiguration');
  const suffix = at(request.json, 'properties', 'customDomainConfiguration', 'dnsSuffix');
  if (typeof suffix !== 'string') throw badRequest('The dnsSuffix is missing.', 'DnsSuffixInvalid');
  return () => {
    Object.assign(environment.held, named);
    environment.suffix = suffix;
    if (!environment.held.mayRead) throw badRequest(state.REFUSED, 'CertificateKeyVaultError');
    state.settle(environment.held, vault);
    return { status: 200, body: shownEnvironment(resource) };
  };
}

function shownEnvironment(resource: Asked['resource']): Json {
  const { suffix, held, provisioningState } = state.environmentOf(resource);
  const domain = { dnsSuffix: suffix, customDomainVerificationId: 'AB12', certificateValue: null };
  return {
    ...{ id: resource.id, name: resource.names['name'], type: TYPE, location: LOCATION },
    properties: {
      provisioningState,
      defaultDomain: 'wittyhill-1a2b3c4d.westeurope.azurecontainerapps.io',
      ...(suffix === undefined ? {} : { customDomainConfiguration: { ...domain, ...state.shownHeld(held) } }),
    },
  };
}

export const certificates: Service = {
  address: `${TYPE}/{environment}/certificates/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: shownCertificate(resource)['properties'] }),
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${TYPE}/certificates/read`,
      begin:
        ({ resource, vault, now }) =>
        () => {
          state.lookWhenDue(state.heldBy(resource), vault, now);
          return { status: 200, body: shownCertificate(resource) };
        },
    },
    { method: 'PUT', path: /^$/, action: `${TYPE}/certificates/write`, begin: putCertificate },
  ],
};

export const environments: Service = {
  address: `${TYPE}/{name}`,
  slots: [],
  mint: noKey,
  graph: (resource) => ({ location: 'westeurope', properties: shownEnvironment(resource)['properties'] }),
  operations: [
    {
      method: 'GET',
      path: /^$/,
      action: `${TYPE}/read`,
      begin:
        ({ resource, vault, now }) =>
        () => {
          state.lookWhenDue(state.environmentOf(resource).held, vault, now);
          return { status: 200, body: shownEnvironment(resource) };
        },
    },
    {
      method: 'PATCH',
      path: /^$/,
      action: `${TYPE}/write`,
      begin: patchEnvironment,
      later: { style: 'location', status: 202 },
    },
  ],
};
