import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
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
import { hostAccess, SERVICE, TYPE } from '../api-management/access.ts';
import { operationFailed } from '../api-management/refusals.ts';
import { about, kept, read, readKept, type UnderWay } from '../api-management/service.ts';
import type { Json } from '../json.ts';
import { referenceIsGone } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import type { ControlPlane } from '../proof/verdict.ts';
import * as hosts from './hosts.ts';
import {
  certificateFailed,
  changedBack,
  downMeanwhile,
  pinnedIsLeft,
  standstill,
  stillUpdating,
  updateRefused,
} from './refusals.ts';

const KIND = 'api-management-host';
export const ACCESS = hostAccess(KIND);
const HOUR_MS = 3_600_000;
/** "15 minutes or longer"; with many units and regions users wait more than an hour. */
const PATIENCE_MS = 3 * HOUR_MS;

export interface HostDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Whether a host name that names a version is made to follow the newest one. */
  readonly rewritePinned: boolean;
  /** `follow`: the service takes the version in its own time. `push`: it is updated, where its tier has no downtime by that. */
  readonly apiManagement: 'follow' | 'push';
  /** Where its hosts serve; 443 when absent. */
  readonly port?: number;
}

/**
 * Host names of API Management. A certificate without a version is looked for by the service itself, within two days; nothing in its
 * REST API makes it look earlier, but for an update of the service, which takes long and blocks others.
 */
export function apiManagementHost(deps: HostDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when the service has no such reference any more */
  async function readHosts(reference: Reference, version: VersionRef, call: Call) {
    const service = await read(arm, reference.parent, SERVICE.read, call);
    const own = hosts.hostsBehind(reference, service, version.object);
    if (own.length === 0) throw referenceIsGone(reference, version);
    return { service, own };
  }

  /** What is left to its owner, or to the service itself. @returns undefined where the version is to be pushed */
  function unpushed(
    reference: Reference,
    own: readonly hosts.Host[],
    version: VersionRef,
    isDeveloper: boolean,
  ): Refreshed | undefined {
    const pinned = hosts.stale(own, version.version)?.address.version;
    if (pinned === undefined) {
      return deps.apiManagement === 'follow' || isDeveloper ? follows(reference.parent, own) : undefined;
    }
    if (!deps.rewritePinned) return pinnedIsLeft(reference, pinned);
    return isDeveloper ? downMeanwhile(reference, pinned) : undefined;
  }

  /**
   * Makes the service look into the vault. There is a button for it in the portal, and no operation behind it that is documented. That
   * an update with the array as it is does the same is not verified [U]: so what it shows afterwards decides, and where that is the old
   * certificate still, it follows. No identity is sent, whose ids would have to be nulled (as Terraform does), nor anything else.
   */
  async function update(reference: Reference, service: Json, version: VersionRef, call: Call): Promise<Refreshed> {
    const hostnameConfigurations = hosts.lookingAgain(service, version.object, deps.rewritePinned);
    try {
      const body = { properties: { hostnameConfigurations } };
      const outcome = await arm.start({ ...updating(reference.parent), body }, call);
      if ('operation' in outcome)
        return { is: 'running', operation: kept('asked', { since: call.now(), url: outcome.operation }) };
      // Done at once; the service itself is asked next time whether there was anything to do.
      return { is: 'running', operation: kept('asked', { since: call.now() }) };
    } catch (error) {
      throw error instanceof RotationError ? updateRefused(error, reference.parent) : error;
    }
  }

  /** Has what was asked for ended? @throws when it failed */
  async function isRunning(serviceId: string, { url }: UnderWay, call: Call): Promise<boolean> {
    if (url === undefined) return false;
    const state = await arm.stateOf(url, updating(serviceId), call);
    if (state.is === 'failed' || state.is === 'canceled') throw operationFailed(serviceId, serviceId, state);
    return state.is === 'running';
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: [TYPE.toLowerCase()],
    inGraph: true,
    // If the update should not make it look, it finds the version when it looks by itself: up to one or two days.
    lagMs: { pushed: 48 * HOUR_MS, follows: 48 * HOUR_MS },

    async find({ id }: FoundResource, object, call) {
      return hosts.referencesIn(await read(arm, id, SERVICE.read, call), id, KIND, object);
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const served = servableBy(reference, version, { pfxOnly: true });
      const serviceId = reference.parent;
      const known = readKept(operation);
      const waits: UnderWay = known ?? { since: call.now() };
      const goesOn = (): Refreshed => {
        if (call.now().getTime() - waits.since.getTime() > PATIENCE_MS) throw stillUpdating(serviceId, waits.since);
        return { is: 'running', operation: known === undefined ? kept('waiting', waits) : (operation ?? '') };
      };
      if (await isRunning(serviceId, waits, call)) return goesOn();
      const { service, own } = await readHosts(reference, version, call);
      if (own.every(hosts.has(served, version.version))) return { is: 'pushed' };
      const { isDeveloper, provisioning } = hosts.stateOf(service);
      const isAsked = known?.isAsked === true;
      const left = isAsked ? undefined : unpushed(reference, own, version, isDeveloper);
      if (left !== undefined) return left;
      // Also for some time after the operation has ended, and while somebody else changes it.
      if (/^(?:Updating|Activating|Created)$/i.test(provisioning)) return goesOn();
      if (!isAsked) return standstill(serviceId, provisioning) ?? update(reference, service, version, call);
      if (own.some(({ status }) => /^InProgress$/i.test(status))) return goesOn();
      const still = hosts.stale(own, version.version);
      if (still !== undefined) throw changedBack(serviceId, still);
      return follows(serviceId, own);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version, { pfxOnly: true });
      const { service, own } = await readHosts(reference, version, call);
      const pinned = hosts.stale(own, version.version);
      if (pinned !== undefined) {
        return { is: 'pending', detail: `${reference.id} names version ${pinned.address.version ?? ''}` };
      }
      const before = own.flatMap(({ thumbprint = served.sha1 }) => (thumbprint === served.sha1 ? [] : [thumbprint]));
      const controlPlane = wordOf(reference, own, served);
      const endpoints = hosts.endpointsOf(service, own);
      const seen = await proveServed(endpoints, served, {
        ...{ ...call, clock: deps.clock, before },
        ...(deps.port === undefined ? {} : { port: deps.port }),
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

function updating(serviceId: string): ArmRequest {
  return { ...about(serviceId), method: 'PATCH', action: SERVICE.write, mutates: true };
}

/** It looks by itself. @throws when its last look has failed, and it needs somebody's help */
function follows(serviceId: string, own: readonly hosts.Host[]): Refreshed {
  const failed = own.find(({ status }) => /^Failed$/i.test(status));
  if (failed !== undefined) throw certificateFailed(serviceId, failed);
  return { is: 'follows' };
}

/** What the service says of its hosts; undefined where it does not say it of all. */
function wordOf(
  { parent }: Reference,
  own: readonly hosts.Host[],
  { sha1 }: ServedCertificate,
): ControlPlane | undefined {
  const other = own.find(({ thumbprint = sha1 }) => thumbprint !== sha1);
  if (other !== undefined) {
    const failed = /^Failed$/i.test(other.status) ? `, and its status ${other.status}` : '';
    const detail = `${parent} shows the certificate ${other.thumbprint ?? ''} of ${other.name}${failed}`;
    return { shows: 'another', detail };
  }
  if (own.some(({ thumbprint }) => thumbprint === undefined)) return undefined;
  return {
    shows: 'this',
    detail: `${parent} shows the certificate ${sha1} of ${own.map(({ name }) => name).join(', ')}`,
  };
}
