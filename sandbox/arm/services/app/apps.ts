/** `Microsoft.App/containerApps` and `Microsoft.App/jobs` (consumer facts 6). */
import type { HttpProblem, SandboxResponse } from '../../../http.ts';
import { covers } from '../../../names.ts';
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Resource, type Serves, type Service } from '../../service.ts';
import { at, noKey, type Json } from '../bodies.ts';
import * as state from './app.ts';
import { environmentOf } from './environment.ts';
import { replicas, restart, revisions } from './revisions.ts';

const APPS = 'Microsoft.App/containerApps';
const JOBS = 'Microsoft.App/jobs';

/** Without the values of plain secrets. */
function shown(resource: Resource): Json {
  const app = state.appOf(resource);
  const { provisioningState, runningStatus } = app;
  const properties = at(app.body, 'properties') as Json;
  const secrets = state.secretsOf(app).map(({ value: _value, ...rest }) => rest);
  const configuration = { ...(at(properties, 'configuration') as Json), secrets };
  return {
    ...{ id: resource.id, name: resource.names['name'] },
    ...app.body,
    properties: { ...properties, configuration, provisioningState, runningStatus },
  };
}

/** Values and all. That those from a vault have their values here too is not verified. */
function listSecrets({ resource }: Asked): () => SandboxResponse {
  const app = state.appOf(resource);
  const value = state.secretsOf(app).map((secret) => {
    const version = app.resolved.get(String(secret['name']));
    return version === undefined ? secret : { ...secret, value: `a-value-of-${version}` };
  });
  return () => ({ status: 200, body: { value } });
}

/** RFC 7396: objects are merged, null removes, and lists take the place of lists. */
function merged(old: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const before = typeof old === 'object' && old !== null ? (old as Json) : {};
  const after = Object.entries(patch).map(([name, value]) => [name, merged(before[name], value)] as const);
  return Object.fromEntries([...Object.entries(before), ...after].filter(([name]) => (patch as Json)[name] !== null));
}

function patch({ resource, request, vault, now }: Asked, isJob: boolean): () => SandboxResponse {
  const app = state.appOf(resource);
  if (app.provisioningState === 'InProgress') throw busy();
  const secrets = at(request.json, 'properties', 'configuration', 'secrets');
  if (Array.isArray(secrets)) refuseSecrets(app, secrets as Json[]);
  const configuration = at(request.json, 'properties', 'configuration');
  // The members that a job's configuration must have, as the worst case of what is not verified.
  if (isJob && configuration !== undefined && typeof at(configuration, 'triggerType') !== 'string') {
    throw badRequest('The field triggerType is required.', 'JobConfigurationInvalid');
  }
  app.provisioningState = 'InProgress';
  return () => {
    app.provisioningState = 'Failed';
    if (Array.isArray(secrets)) refuseSecrets(app, secrets as Json[]);
    app.provisioningState = 'Succeeded';
    app.body = merged(app.body, withoutTrap(request.json)) as Json;
    if (Array.isArray(secrets) && app.looksWhenSet) state.restartUsers(app, state.look(app, vault, now), now);
    return { status: 200, body: shown(resource) };
  };
}

/** One with a value is a plain one from then on, whatever URL comes with it (azure-dev #3877). */
function withoutTrap(json: unknown): unknown {
  const secrets = at(json, 'properties', 'configuration', 'secrets');
  if (!Array.isArray(secrets)) return json;
  const plain = (secrets as Json[]).map(({ keyVaultUrl, identity, ...rest }) =>
    'value' in rest ? rest : { ...rest, keyVaultUrl, identity },
  );
  return merged(json, { properties: { configuration: { secrets: plain } } });
}

function refuseSecrets(app: state.App, secrets: readonly Json[]): void {
  for (const { name, value, keyVaultUrl, identity } of secrets) {
    const isWhole =
      typeof value === 'string' ? value !== '' : typeof keyVaultUrl === 'string' && typeof identity === 'string';
    if (!isWhole) {
      throw badRequest(
        `Invalid Request: Container app secret(s) with name(s) '${String(name)}' are invalid: value or keyVaultUrl and identity should be provided.`,
        'ContainerAppSecretInvalid',
      );
    }
    if (keyVaultUrl !== undefined && !app.mayRead) {
      throw badRequest(
        `The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with details: 'Invalid value: "${String(name)}": Unable to get value using Managed identity system for secret ${String(name)}. Error: unable to fetch secret '${String(name)}' using Managed identity 'system'';.`,
        'InvalidParameterValueInContainerTemplate',
      );
    }
  }
}

/** By the certificate of the app's own domain, else by that of the environment's DNS suffix. */
function serves(resource: Resource, host: string): Serves | undefined {
  const { body, environment } = state.appOf(resource);
  if (environment === undefined) return undefined;
  const { certificates, suffix, held } = environmentOf(environment);
  const domains = (at(body, 'properties', 'configuration', 'ingress', 'customDomains') ?? []) as readonly Json[];
  const bound = domains.find(({ name }) => String(name).toLowerCase() === host.toLowerCase());
  if (bound !== undefined) {
    const seen = certificates.get(String(bound['certificateId']).toLowerCase())?.seen;
    return seen === undefined || bound['bindingType'] === 'Disabled' ? 'refuses' : [seen];
  }
  const own = suffix !== undefined && covers(`*.${suffix}`, host) && host.split('.')[0] === resource.names['name'];
  if (!own) return undefined;
  return held.seen === undefined ? 'refuses' : [held.seen];
}

function busy(): HttpProblem {
  return armProblem(
    409,
    'ContainerAppOperationInProgress',
    'Cannot modify a container app because there is an operation in progress.',
  );
}

/** Before anything is asked of it, what was to happen by itself has happened. */
function operation(type: string, method: Operation['method'], path: RegExp, action: string, begin: Operation['begin']) {
  const passing: Operation['begin'] = (asked) => {
    state.pass(state.appOf(asked.resource), asked.vault, asked.now);
    return begin(asked);
  };
  return { method, path, action: `${type}/${action}`, begin: passing } satisfies Operation;
}

function common(type: string, isJob: boolean): readonly Operation[] {
  const read = operation(type, 'GET', /^$/, 'read', ({ resource }) => () => ({ status: 200, body: shown(resource) }));
  const write = operation(type, 'PATCH', /^$/, 'write', (asked) => patch(asked, isJob));
  return [
    read,
    { ...write, later: { style: 'status', status: 202 } },
    operation(type, 'POST', /^\/listSecrets$/i, 'listSecrets/action', listSecrets),
  ];
}

const graph = (resource: Resource) => ({ location: 'westeurope', properties: shown(resource)['properties'] });

export const containerApps: Service = {
  address: `${APPS}/{name}`,
  slots: [],
  mint: noKey,
  ...{ graph, busy, serves, listed: shown },
  operations: [
    ...common(APPS, false),
    operation(APPS, 'GET', /^\/revisions$/i, 'revisions/read', revisions),
    operation(APPS, 'GET', /^\/revisions\/([^/]+)\/replicas$/i, 'revisions/replicas/read', replicas),
    operation(APPS, 'POST', /^\/revisions\/([^/]+)\/restart$/i, 'revisions/restart/action', restart),
  ],
};

export const jobs: Service = {
  address: `${JOBS}/{name}`,
  slots: [],
  mint: noKey,
  ...{ graph, busy },
  operations: common(JOBS, true),
};
