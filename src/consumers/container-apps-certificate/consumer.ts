import type { ArmClient } from '../../azure/arm/client.ts';
import type { Call, Clock, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { referenceIsGone, refersTo } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import { KIND } from './access.ts';
import { changing, putAgain, readHolder, referenceIdOf, shows, versionless, type Holder, type Put } from './holder.ts';
import { hostsOf } from './hosts.ts';
import { operationFailed, pinnedIsLeft, provisioningFailed, putRefused } from './refusals.ts';

const HOUR_MS = 3_600_000;

export interface EnvironmentCertificateDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Whether a certificate that names a version is made to follow the newest one. */
  readonly rewritePinned: boolean;
  /** Where its hosts serve; 443 when absent. */
  readonly port?: number;
}

/*
 *   put again ──▶ put since …, at its operation where there is one ──thumbprint has changed──▶ pushed
 *                                                                  └─not in five minutes────▶ follows
 *
 * Putting may be repeated; nothing before it has to be remembered, since bindings name the certificate and not its version.
 */
const PUT = /^put since (\S+?)(?: at (\S+))?$/;
/** So long the service may take to look into the vault; if it did not by then, it looks in its own time. */
const PATIENCE_MS = 5 * 60_000;

/** Certificates of Container Apps environments that come from a vault: those that apps bind to their domains, and that of the DNS suffix. */
export function containerAppsCertificate(deps: EnvironmentCertificateDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when it is not of this object any more */
  async function read(reference: Reference, version: VersionRef, call: Call): Promise<Holder> {
    const holder = await readHolder(arm, reference.id, call);
    if (!refersTo(holder.address, version.object)) throw referenceIsGone(reference, version);
    return holder;
  }

  async function put(holder: Holder, version: VersionRef, call: Call): Promise<Put> {
    try {
      const isOlder = holder.address?.version !== undefined && holder.address.version !== version.version;
      return await putAgain(arm, holder, isOlder ? versionless(holder.url) : holder.url, call);
    } catch (error) {
      throw putRefused(error, holder, version);
    }
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: ['microsoft.app/managedenvironments/certificates', 'microsoft.app/managedenvironments'],
    inGraph: true,
    // How soon all of the environment's proxies serve what it has taken is not documented [U].
    lagMs: { pushed: HOUR_MS, follows: 12 * HOUR_MS },

    async find({ id: resourceId }: FoundResource, object, call) {
      const holder = await readHolder(arm, referenceIdOf(resourceId), call);
      const { id, environmentId: parent, address } = holder;
      if (!refersTo(address, object)) return [];
      const base = { kind: KIND, id, parent, hosts: await hostsOf(arm, holder, call) };
      return [address?.version === undefined ? base : { ...base, pinned: address.version }];
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const served = servableBy(reference, version);
      const [, at, underWay] = PUT.exec(operation ?? '') ?? [];
      let since = at;
      if (underWay !== undefined) {
        const state = await arm.stateOf(underWay, changing(reference.id), call);
        if (state.is === 'running') return { is: 'running', operation: operation ?? '' };
        if (state.is === 'failed') throw operationFailed(reference.id, state, version);
        // Done or forgotten: what it has now tells. Canceled for somebody else's change: it is put again.
        if (state.is === 'canceled') since = undefined;
      }
      const holder = await read(reference, version, call);
      if (shows(holder, served)) return { is: 'pushed' };
      const pinned = holder.address?.version;
      if (pinned !== undefined && pinned !== version.version && !deps.rewritePinned)
        return pinnedIsLeft(holder, pinned);
      if (since === undefined) {
        const done = await put(holder, version, call);
        if (done.holder !== undefined && shows(done.holder, served)) return { is: 'pushed' };
        return running(call.now().toISOString(), done.operation);
      }
      if (/^Failed$/i.test(holder.provisioning)) throw provisioningFailed(holder, version);
      const isOver = call.now().getTime() - Date.parse(since) > PATIENCE_MS;
      return isOver ? { is: 'follows' } : running(since);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version);
      const holder = await read(reference, version, call);
      const { thumbprint, provisioning, errors } = holder;
      if (!shows(holder, served)) {
        const said = /^Failed$/i.test(provisioning) ? ` (Failed: ${errors})` : '';
        return { is: 'pending', detail: `${reference.id} has the thumbprint ${thumbprint ?? 'of none'}${said}` };
      }
      return proveServed(await hostsOf(arm, holder, call), served, {
        ...call,
        clock: deps.clock,
        ...(deps.port === undefined ? {} : { port: deps.port }),
        controlPlane: { shows: 'this', detail: `${reference.id} shows the thumbprint ${thumbprint ?? ''}` },
      });
    },
  };
}

function running(since: string, at?: string): Refreshed {
  return { is: 'running', operation: `put since ${since}${at === undefined ? '' : ` at ${at}`}` };
}
