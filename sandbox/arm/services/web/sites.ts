/** Sites and their slots: what they show, host-name bindings, restarts (consumer facts 1 and 2). Settings are in settings.ts. */
import { armProblem } from '../../errors.ts';
import { badRequest, type Asked, type Operation, type Resource, type Serves, type Service } from '../../service.ts';
import { at, noKey } from '../bodies.ts';
import { settingOperations } from './settings.ts';
import { certificateOf, isFor, isWeb, siteOf, thumbprintOf, x509, type Binding, type SslState } from './state.ts';

const SITES = 'Microsoft.Web/sites';
const SSL_STATES: readonly string[] = ['Disabled', 'SniEnabled', 'IpBasedEnabled'];

/** `sites` or `sites/slots`: slots have actions of their own. */
export function siteOperations(type: string): readonly Operation[] {
  return [
    {
      method: 'GET',
      path: /^$/,
      action: `${type}/read`,
      begin:
        ({ resource }) =>
        () => ({ status: 200, body: shownSite(resource) }),
    },
    {
      method: 'GET',
      path: /^\/hostNameBindings\/([^/]+)$/i,
      action: `${type}/hostNameBindings/read`,
      begin: (asked) => () => ({ status: 200, body: shownBinding(asked) }),
    },
    { method: 'PUT', path: /^\/hostNameBindings\/([^/]+)$/i, action: `${type}/hostNameBindings/write`, begin: bind },
    {
      method: 'POST',
      path: /^\/restart$/i,
      action: `${type}/restart/action`,
      begin: ({ resource, request }) => {
        const soft = request.query.get('softRestart')?.toLowerCase() === 'true';
        return () => {
          restart(resource, soft ? 'soft' : 'full');
          return { status: 200 };
        };
      },
    },
    {
      method: 'POST',
      path: /^\/syncfunctiontriggers$/i,
      action: `${type}/syncfunctiontriggers/action`,
      begin:
        ({ resource }) =>
        () => {
          siteOf(resource).syncs += 1;
          return { status: 204 };
        },
    },
    ...settingOperations(type, restart),
  ];
}

/** New processes have in their environment what the platform has fetched; they fetch nothing. */
function restart(resource: Resource, how: 'soft' | 'full'): void {
  const site = siteOf(resource);
  site.restarts.push(how);
  site.environment = new Map([...site.resolved].map(([name, { version }]) => [name, version]));
}

export const slots: Service = {
  address: `${SITES}/{name}/slots/{slot}`,
  slots: [],
  mint: noKey,
  graph: graphOf,
  listed: shownSite,
  serves: servedBy,
  operations: siteOperations(`${SITES}/slots`),
};

export const plans: Service = {
  address: 'Microsoft.Web/serverfarms/{name}',
  slots: [],
  mint: noKey,
  operations: [
    {
      method: 'GET',
      path: /^\/sites$/i,
      action: 'Microsoft.Web/serverfarms/sites/read',
      // Without the slots: whether Azure gives them here is not verified.
      begin:
        ({ resource, all }) =>
        () => ({
          status: 200,
          body: {
            value: all()
              .filter((one) => isOn(one, resource.id))
              .map(shownSite),
          },
        }),
    },
  ],
};

function isOn(one: Resource, plan: string): boolean {
  return (
    isWeb(one, 'sites') &&
    one.names['slot'] === undefined &&
    siteOf(one).serverFarmId.toLowerCase() === plan.toLowerCase()
  );
}

/** What the front ends serve under a host name; a name without a certificate is refused. */
export function servedBy(resource: Resource, host: string): Serves | undefined {
  const binding = siteOf(resource).bindings.get(host.toLowerCase());
  if (binding === undefined) return undefined;
  return binding.sslState === 'Disabled' || binding.seen === undefined ? 'refuses' : [binding.seen];
}

export function graphOf(resource: Resource): { location: string; properties: unknown } {
  const { state, serverFarmId, bindings } = siteOf(resource);
  return { location: 'westeurope', properties: { state, serverFarmId, enabledHostNames: [...bindings.keys()] } };
}

export function shownSite(resource: Resource): unknown {
  const { id, names } = resource;
  const { kind, state, serverFarmId, location, bindings } = siteOf(resource);
  const slot = names['slot'];
  const hostNameSslStates = [...bindings].map(([name, { sslState, thumbprint, virtualIP }]) => ({
    name,
    sslState,
    ipBasedSslState: 'NotConfigured',
    thumbprint: thumbprint === '' ? null : thumbprint,
    virtualIP: virtualIP ?? null,
    toUpdate: null,
    hostType: 'Standard',
  }));
  return {
    id,
    name: slot === undefined ? names['name'] : `${names['name'] ?? ''}/${slot}`,
    type: slot === undefined ? SITES : `${SITES}/slots`,
    kind,
    location,
    properties: { state, serverFarmId, hostNameSslStates, enabled: true },
  };
}

function bindingOf({ resource, match }: Asked): readonly [host: string, binding: Binding] {
  const host = (match[1] ?? '').toLowerCase();
  const binding = siteOf(resource).bindings.get(host);
  if (binding !== undefined) return [host, binding];
  throw armProblem(404, 'NotFound', `Hostname '${host}' was not found.`);
}

function shownBinding(asked: Asked): unknown {
  const [host, { sslState, thumbprint, virtualIP }] = bindingOf(asked);
  const { id, names } = asked.resource;
  return {
    id: `${id}/hostNameBindings/${host}`,
    name: `${names['name'] ?? ''}/${host}`,
    type: `${SITES}/hostNameBindings`,
    properties: {
      siteName: names['name'],
      domainId: null,
      hostNameType: 'Verified',
      customHostNameDnsRecordType: 'CName',
      sslState,
      thumbprint,
      virtualIP: virtualIP ?? null,
    },
  };
}

function bind(asked: Asked): () => { status: number; body: unknown } {
  const [host, binding] = bindingOf(asked);
  const sslState = at(asked.request.json, 'properties', 'sslState');
  const thumbprint = at(asked.request.json, 'properties', 'thumbprint');
  if (typeof sslState !== 'string' || !SSL_STATES.includes(sslState)) throw badRequest('The sslState is not valid.');
  if (typeof thumbprint !== 'string') throw badRequest('The thumbprint is missing.');
  const known = asked
    .all()
    .filter((one) => isWeb(one, 'certificates'))
    .map((one) => certificateOf(one))
    .filter((certificate) => isFor(siteOf(asked.resource), certificate))
    .map(({ seen }) => seen)
    .find((seen) => seen !== undefined && thumbprintOf(seen) === thumbprint);
  if (known === undefined) throw armProblem(404, 'NotFound', `Cannot find Certificate with thumbprint ${thumbprint}.`);
  if (x509(known).checkHost(host) === undefined) {
    throw armProblem(
      409,
      'Conflict',
      `The certificate with thumbprint '${thumbprint}' does not match the hostname '${host}'.`,
    );
  }
  return () => {
    // Whatever is not IP-based any more has given its address back.
    if (sslState !== 'IpBasedEnabled') delete binding.virtualIP;
    Object.assign(binding, { sslState: sslState as SslState, thumbprint, seen: known });
    return { status: 200, body: shownBinding(asked) };
  };
}
