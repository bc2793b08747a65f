import { addRevision, makeApp, type App } from '../../sandbox/arm/services/app/app.ts';
import {
  environmentOf,
  heldBy,
  take,
  type Environment,
  type Held,
} from '../../sandbox/arm/services/app/environment.ts';
import type { Json } from '../../sandbox/arm/services/bodies.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

export const IDENTITY =
  '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i';

let made = 0;

export interface MadeEnvironment {
  readonly resource: Resource;
  readonly environment: Environment;
}

export function makeEnvironment(cloud: ConsumerCloud): MadeEnvironment {
  made += 1;
  const resource = cloud.arm.create('Microsoft.App/managedEnvironments/{name}', { name: `env${made}` });
  return { resource, environment: environmentOf(resource) };
}

/** The environment's own DNS suffix, with a certificate of the vault. */
export function giveSuffix(cloud: ConsumerCloud, { environment }: MadeEnvironment, suffix: string, url: string): Held {
  environment.suffix = suffix;
  Object.assign(environment.held, { keyVaultUrl: url, identity: IDENTITY });
  take(environment.held, { certificates: cloud.vault });
  return environment.held;
}

/** A certificate of the environment that has taken what the URL names. */
export function makeCertificate(
  cloud: ConsumerCloud,
  { resource: { names }, environment }: MadeEnvironment,
  url: string,
): { readonly resource: Resource; readonly held: Held } {
  made += 1;
  const address = 'Microsoft.App/managedEnvironments/{environment}/certificates/{name}';
  const resource = cloud.arm.create(address, { environment: names['name'] ?? '', name: `cert${made}` });
  const held = heldBy(resource);
  const more = { certificateType: 'ServerSSLCertificate', memberOfNextYear: { kept: true } };
  Object.assign(held, { keyVaultUrl: url, identity: IDENTITY, tags: { owner: 'shop' }, more });
  take(held, { certificates: cloud.vault });
  environment.certificates.set(resource.id.toLowerCase(), held);
  return { resource, held };
}

export interface Made {
  readonly resource: Resource;
  readonly app: App;
}

export interface Wanted {
  readonly environment?: MadeEnvironment;
  /** As they are bound, by host: the id of a certificate. */
  readonly domains?: Readonly<Record<string, string>>;
  readonly binding?: 'SniEnabled' | 'Disabled';
  readonly secrets?: readonly Json[];
  /** Of its one revision. */
  readonly template?: Json;
  readonly tags?: Readonly<Record<string, string>>;
}

/** An app as ARM shows one, with members that this code knows nothing of; it has two replicas. */
export function makeContainerApp(cloud: ConsumerCloud, wanted: Wanted): Made {
  made += 1;
  const resource = cloud.arm.create('Microsoft.App/containerApps/{name}', { name: `app${made}` });
  const { environment, domains = {}, binding: bindingType = 'SniEnabled', template = { containers: [] } } = wanted;
  const customDomains = Object.entries(domains).map(([name, certificateId]) => ({
    ...{ name, certificateId, bindingType },
  }));
  const ingress = { external: true, targetPort: 8080, customDomains };
  const app = makeApp(
    resource,
    bodyOf(wanted, { activeRevisionsMode: 'Single', ingress }, { template, environmentId: environment?.resource.id }),
    { secrets: cloud.vault },
    cloud.ctx.clock.now(),
  );
  if (environment !== undefined) app.environment = environment.resource;
  addRevision(app, `${resource.names['name'] ?? ''}--1`, cloud.ctx.clock.now());
  return { resource, app };
}

export function makeJob(cloud: ConsumerCloud, wanted: Pick<Wanted, 'secrets' | 'tags'>): Made {
  made += 1;
  const resource = cloud.arm.create('Microsoft.App/jobs/{name}', { name: `job${made}` });
  const configuration = { triggerType: 'Schedule', replicaTimeout: 1800, scheduleTriggerConfig: { cron: '0 3 * * *' } };
  const body = bodyOf(wanted, configuration, { template: { containers: [] } });
  return { resource, app: makeApp(resource, body, { secrets: cloud.vault }, cloud.ctx.clock.now()) };
}

function bodyOf({ secrets = [], tags = { owner: 'shop' } }: Wanted, configuration: Json, rest: Json): Json {
  return {
    location: 'West Europe',
    tags,
    identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {} } },
    properties: { ...rest, configuration: { ...configuration, memberOfNextYear: { kept: true }, secrets } },
  };
}
