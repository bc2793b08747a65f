import type { ArmClient } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { referenceIsGone, refersTo } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import {
  certificatesOf,
  domainsOf,
  hostsOf,
  putAgain,
  readCertificate,
  writing,
  type CustomCertificate,
} from './hub.ts';
import { isBusy, operationFailed, pinnedIsLeft, putRefused } from './refusals.ts';
import type { HubRow } from './rows.ts';

const HOUR_MS = 3_600_000;

export interface HubDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Whether a certificate that names a version is made to name the new one. */
  readonly rewritePinned: boolean;
  /** Where its hosts serve; 443 when absent. */
  readonly port?: number;
}

/** Somebody changes it: perhaps ourselves, where the answer to the PUT was lost. */
const BUSY = /^busy since (\S+)$/;
const PATIENCE_MS = HOUR_MS;

/**
 * Custom certificates of SignalR and of Web PubSub (Premium). One that follows is looked for about once an hour; it is put again, in the
 * hope that this makes the service look at once. What the domains serve is proven by handshakes, since the resource shows no thumbprint.
 */
export function hubCertificate(row: HubRow, deps: HubDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when it is not of this object any more */
  async function read(reference: Reference, version: VersionRef, call: Call): Promise<CustomCertificate> {
    const certificate = await readCertificate(row, arm, reference.id, call);
    if (!refersTo(certificate.address, version.object)) throw referenceIsGone(reference, version);
    return certificate;
  }

  /** @returns undefined where nothing is under way any more, and the resource itself says what is next */
  async function underWay(
    id: string,
    version: VersionRef,
    operation: string,
    call: Call,
  ): Promise<Refreshed | undefined> {
    const state = await arm.stateOf(operation, writing(row, id), call);
    if (state.is === 'running') return { is: 'running', operation };
    if (state.is === 'succeeded') return { is: 'pushed' };
    if (state.is === 'failed') throw operationFailed(row, id, version, state);
    return undefined;
  }

  async function put(
    { id }: Reference,
    certificate: CustomCertificate,
    version: VersionRef,
    call: Call,
  ): Promise<Refreshed> {
    const named = certificate.address?.version === undefined ? undefined : version.version;
    try {
      const operation = await putAgain(row, arm, id, certificate, named, call);
      return operation === undefined ? { is: 'pushed' } : { is: 'running', operation };
    } catch (error) {
      throw error instanceof RotationError ? putRefused(row, id, version, error) : error;
    }
  }

  return {
    kind: row.kind,
    objects: ['certificate'],
    types: [row.type.toLowerCase()],
    inGraph: false,
    // "Usually within 1 hour" (docs: azure-signalr/howto-custom-domain.md); the other one is for what is not usual.
    lagMs: { pushed: 2 * HOUR_MS, follows: 2 * HOUR_MS },

    async find({ id: hubId }: FoundResource, object, call) {
      const ours = (await certificatesOf(row, arm, hubId, call)).filter(({ address }) => refersTo(address, object));
      if (ours.length === 0) return [];
      const domains = await domainsOf(row, arm, hubId, call);
      return ours.flatMap(({ id, address }): readonly Reference[] => {
        const base = { kind: row.kind, id, parent: hubId, hosts: hostsOf(domains, id) };
        // A certificate that no domain uses serves nobody.
        if (base.hosts.length === 0) return [];
        return [address?.version === undefined ? base : { ...base, pinned: address.version }];
      });
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const { id } = reference;
      servableBy(reference, version);
      const [, since] = BUSY.exec(operation ?? '') ?? [];
      if (operation !== undefined && since === undefined) {
        const state = await underWay(id, version, operation, call);
        if (state !== undefined) return state;
      }
      const certificate = await read(reference, version, call);
      const { provisioning, address } = certificate;
      if (isChanging(provisioning)) {
        const begun = since ?? call.now().toISOString();
        const waitedMs = call.now().getTime() - Date.parse(begun);
        if (!(waitedMs <= PATIENCE_MS)) throw isBusy(id, provisioning, begun);
        return { is: 'running', operation: `busy since ${begun}` };
      }
      const pinned = address?.version;
      if (pinned !== undefined && pinned !== version.version && !deps.rewritePinned) return pinnedIsLeft(id, pinned);
      if (pinned === version.version && !isFailed(provisioning)) return { is: 'pushed' };
      return put(reference, certificate, version, call);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version);
      const { provisioning, address } = await read(reference, version, call);
      const pinned = address?.version;
      if (pinned !== undefined && pinned !== version.version) {
        return { is: 'pending', detail: `${reference.id} names version ${pinned}` };
      }
      const hosts = hostsOf(await domainsOf(row, arm, reference.parent, call), reference.id);
      if (hosts.length === 0) throw referenceIsGone(reference, version);
      const seen = await proveServed(hosts, served, {
        ...{ ...call, clock: deps.clock },
        ...(deps.port === undefined ? {} : { port: deps.port }),
        // Of one that follows the resource does not tell which version it has.
        ...(pinned !== undefined && /^Succeeded$/i.test(provisioning)
          ? { controlPlane: { shows: 'this', detail: `${reference.id} has taken version ${pinned}` } as const }
          : {}),
      });
      if (seen.is !== 'pending' || !isFailed(provisioning)) return seen;
      return { ...seen, detail: `${seen.detail}; ${reference.id} is in the state ${provisioning}` };
    },
  };
}

function isFailed(provisioning: string): boolean {
  return /^Failed$/i.test(provisioning);
}

function isChanging(provisioning: string): boolean {
  return /^(?:Running|Creating|Updating|Moving)$/i.test(provisioning);
}
