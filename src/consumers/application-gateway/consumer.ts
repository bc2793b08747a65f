import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type {
  Call,
  Clock,
  Confirmation,
  Reference,
  Refreshed,
  ServedCertificate,
  VersionRef,
} from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { referenceIsGone, refersTo } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import type { ControlPlane } from '../proof/verdict.ts';
import { ACTIONS, KIND, TYPE } from './access.ts';
import * as config from './config.ts';
import { about, endpointsOf } from './endpoints.ts';
import { fingerprintsIn } from './public-cert-data.ts';
import { operationFailed, pinnedIsLeft, standstill } from './refusals.ts';

const TAG = 'KeyturnRefreshed';
const MOST_TAGS = 50;
const FOUR_HOURS_MS = 4 * 3_600_000;

export interface GatewayDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Whether a certificate that names a version is made to follow the newest one. */
  readonly rewritePinned: boolean;
}

/**
 * Application Gateway v2. A certificate without a version is looked for every four hours, and at once when the gateway is changed: so one
 * of its tags is. One with a version is made to follow, by a PUT of the whole gateway; nothing smaller changes it.
 */
export function applicationGateway(deps: GatewayDeps): ConsumerAdapter {
  const { arm } = deps;

  async function readGateway(gatewayId: string, call: Call): Promise<Json> {
    const outcome = await arm.start({ ...about(gatewayId), method: 'GET', action: ACTIONS.read, mutates: false }, call);
    return objectIn('body' in outcome ? outcome.body : undefined);
  }

  /** @throws TARGET_NOT_FOUND when the gateway has no such reference any more */
  async function readEntry(reference: Reference, version: VersionRef, call: Call) {
    const gateway = await readGateway(reference.parent, call);
    const named = config.certificateIn(reference);
    const entry = config.certificatesOf(gateway).find(({ name }) => name === named);
    if (entry === undefined || !refersTo(entry.address, version.object)) throw referenceIsGone(reference, version);
    return { gateway, entry };
  }

  async function send(change: ArmRequest, call: Call): Promise<Refreshed> {
    const outcome = await arm.start(change, call);
    return 'operation' in outcome ? { is: 'running', operation: outcome.operation } : { is: 'pushed' };
  }

  /** Whether a change of the tags is among those that make it look is what the docs say (renew-certificates.md); not tried [U]. */
  function nudge(gatewayId: string, gateway: Json, version: VersionRef, call: Call): Promise<Refreshed> | Refreshed {
    const tags = config.tagsOf(gateway);
    // Where there is no room for one more, it finds the version by itself.
    if (!(TAG in tags) && Object.keys(tags).length >= MOST_TAGS) return { is: 'follows' };
    // Another value each time: a change that changes nothing is none. All tags are sent, since whether a PATCH merges them is not known [U].
    const value = `${version.object.name} ${version.version.slice(0, 8)} ${call.now().toISOString()}`.slice(-256);
    return send({ ...writing(gatewayId, 'PATCH', gateway), body: { tags: { ...tags, [TAG]: value } } }, call);
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: [TYPE.toLowerCase()],
    inGraph: true,
    // If the nudge should not make it look, it finds the version when it looks by itself.
    lagMs: { pushed: FOUR_HOURS_MS, follows: FOUR_HOURS_MS },

    async find({ id }: FoundResource, object, call) {
      const gateway = await readGateway(id, call);
      return config
        .certificatesOf(gateway)
        .filter(({ address }) => refersTo(address, object))
        .map(({ name, address: { version } }): Reference => {
          const hosts = [...new Set(config.listenersOf(gateway, name).flatMap((listener) => listener.hosts))];
          const base = { kind: KIND, id: config.referenceIdOf(id, name), parent: id, hosts };
          return version === undefined ? base : { ...base, pinned: version };
        });
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      servableBy(reference, version, { pfxOnly: true });
      const gatewayId = reference.parent;
      if (operation !== undefined) {
        const state = await arm.stateOf(operation, writing(gatewayId, 'PUT', {}), call);
        if (state.is === 'running') return { is: 'running', operation };
        if (state.is === 'succeeded') return { is: 'pushed' };
        if (state.is === 'failed') throw operationFailed(gatewayId, state);
        // Superseded by somebody else's change, or not known any more: the gateway itself says what is to be done now.
      }
      const { gateway, entry } = await readEntry(reference, version, call);
      const state = config.stateOf(gateway);
      const still = standstill(gatewayId, state);
      if (still !== undefined) return still;
      const pinned = entry.address.version;
      if (pinned === version.version) return { is: 'pushed' };
      if (pinned === undefined) return nudge(gatewayId, gateway, version, call);
      if (!deps.rewritePinned || state.isOfCluster)
        return pinnedIsLeft(gatewayId, entry.name, pinned, state.isOfCluster);
      return send({ ...writing(gatewayId, 'PUT', gateway), body: config.following(gateway, entry) }, call);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version, { pfxOnly: true });
      const { gateway, entry } = await readEntry(reference, version, call);
      const pinned = entry.address.version;
      if (pinned !== undefined && pinned !== version.version) {
        return { is: 'pending', detail: `${reference.id} names version ${pinned}` };
      }
      const still = config.stateOf(gateway).operational;
      if (/^Stopp/i.test(still)) {
        const detail = `${reference.parent} is ${still.toLowerCase()} and serves nothing`;
        return { is: 'unreachable', detail, remedy: 'Start it: az network application-gateway start' };
      }
      const endpoints = await endpointsOf(arm, config.listenersOf(gateway, entry.name), served, call);
      const shown = fingerprintsIn(entry.publicCertData ?? '');
      const controlPlane = wordOf(reference, shown, served);
      const seen = await proveServed(endpoints, served, {
        ...call,
        clock: deps.clock,
        ...(controlPlane?.shows === 'another' ? { before: shown } : {}),
        ...(controlPlane === undefined ? {} : { controlPlane }),
      });
      const isItsOwn = endpoints.every(({ address }) => address !== undefined);
      if (seen.is !== 'adopted' || isItsOwn || controlPlane?.shows !== 'another') return seen;
      return {
        is: 'pending',
        detail: `${seen.detail}; but ${controlPlane.detail}: something else may stand in front of it`,
      };
    },
  };
}

/** The ETag is sent along: users report that it is not looked at (azure-cli #28615), and it does no harm [U]. */
function writing(gatewayId: string, method: 'PATCH' | 'PUT', gateway: Json): ArmRequest {
  const etag = textIn(gateway, 'etag');
  const base = { ...about(gatewayId), method, action: ACTIONS.write, mutates: true };
  return etag === undefined ? base : { ...base, ifMatch: etag };
}

/** What the gateway says that it serves; undefined where it says nothing that can be read. */
function wordOf({ id }: Reference, shown: readonly string[], { sha256 }: ServedCertificate): ControlPlane | undefined {
  const [first] = shown;
  if (first === undefined) return undefined;
  if (shown.includes(sha256)) return { shows: 'this', detail: `${id} shows ${sha256} as its certificate` };
  return { shows: 'another', detail: `${id} shows ${first} as its certificate` };
}
