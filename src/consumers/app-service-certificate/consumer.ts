import type { ArmClient } from '../../azure/arm/client.ts';
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
import { referenceIsGone, refersTo } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import { KIND } from './access.ts';
import { putAgain, readCertificate, type WebCertificate } from './certificate.ts';
import { boundOtherwise, putRefused, tookAnother, troubleOf } from './refusals.ts';
import { bindingsAround, rebind, type Binding } from './sites.ts';

const HOUR_MS = 3_600_000;

export interface CertificateDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Where its hosts serve; 443 when absent. */
  readonly port?: number;
}

/*
 *   begun, with the old thumbprint ──put again──▶ new thumbprint ──bindings that kept the old one──▶ rebound ──▶ pushed
 *
 * The old thumbprint is kept before the put: afterwards nothing but a binding that did not come along has it.
 */
const BEGUN = /^put over ([0-9A-F]*)$/;

/** Certificates of App Service that come from a vault, and the host names of sites and slots that are bound to them. */
export function appServiceCertificate(deps: CertificateDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when it is not of this object any more */
  async function read(reference: Reference, version: VersionRef, call: Call): Promise<WebCertificate> {
    const certificate = await readCertificate(arm, reference.id, call);
    if (!refersTo(certificate.address, version.object)) throw referenceIsGone(reference, version);
    return certificate;
  }

  /** @throws for every state but that it has the version */
  async function take(
    reference: Reference,
    certificate: WebCertificate,
    version: VersionRef,
    served: ServedCertificate,
    call: Call,
  ): Promise<void> {
    if (certificate.thumbprint === served.sha1) return;
    let taken: WebCertificate;
    try {
      taken = await putAgain(arm, reference.id, certificate, call);
    } catch (error) {
      throw error instanceof RotationError ? putRefused(error, reference, version) : error;
    }
    if (taken.thumbprint === served.sha1) return;
    throw troubleOf(reference, taken.status, version) ?? tookAnother(reference, taken.thumbprint, version);
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: ['microsoft.web/certificates'],
    inGraph: true,
    // It is taken at once, and served by all front ends some time after; how long that takes is not documented [U].
    lagMs: { pushed: HOUR_MS, follows: 24 * HOUR_MS },

    async find({ id }: FoundResource, object, call) {
      const certificate = await readCertificate(arm, id, call);
      if (!refersTo(certificate.address, object)) return [];
      const bindings = await bindingsAround(arm, id, certificate, call);
      const hosts = bindings.filter(({ thumbprint }) => thumbprint === certificate.thumbprint).map(({ host }) => host);
      return [{ kind: KIND, id, parent: id, hosts: [...new Set(hosts)] }];
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const served = servableBy(reference, version, { pfxOnly: true });
      const certificate = await read(reference, version, call);
      const old = BEGUN.exec(operation ?? '')?.[1];
      if (old === undefined) {
        if (certificate.thumbprint !== served.sha1)
          return { is: 'running', operation: `put over ${certificate.thumbprint ?? ''}` };
        const [other] = (await bindingsAround(arm, reference.id, certificate, call)).filter(
          ({ host, thumbprint }) => reference.hosts.includes(host) && thumbprint !== served.sha1,
        );
        return other === undefined ? { is: 'pushed' } : boundOtherwise(other, served.sha1);
      }
      await take(reference, certificate, version, served, call);
      const bindings = await bindingsAround(arm, reference.id, certificate, call);
      const stale = bindings.filter(({ thumbprint }) => thumbprint === old && old !== served.sha1);
      for (const binding of stale) await rebind(arm, binding, served.sha1, call);
      return { is: 'pushed' };
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version, { pfxOnly: true });
      const certificate = await read(reference, version, call);
      const { thumbprint, status } = certificate;
      if (thumbprint !== served.sha1) {
        const said = troubleOf(reference, status, version) === undefined ? '' : ` (${status})`;
        return { is: 'pending', detail: `${reference.id} has the thumbprint ${thumbprint ?? 'of none'}${said}` };
      }
      const bindings = await bindingsAround(arm, reference.id, certificate, call);
      const late = lateIn(bindings, reference, served);
      if (late !== undefined) {
        return { is: 'pending', detail: `${late.host} of ${late.siteId} is bound to ${late.thumbprint}` };
      }
      const hosts = bindings.filter((one) => one.thumbprint === served.sha1).map(({ host }) => host);
      return proveServed([...new Set(hosts)], served, {
        ...call,
        clock: deps.clock,
        ...(deps.port === undefined ? {} : { port: deps.port }),
        controlPlane: {
          shows: 'this',
          detail: `${reference.id} shows the thumbprint ${served.sha1}, as its bindings do`,
        },
      });
    },
  };
}

/** One of the hosts that were found, bound to something else still. One without a certificate, or that is gone, holds nobody up. */
function lateIn(bindings: readonly Binding[], { hosts }: Reference, { sha1 }: ServedCertificate): Binding | undefined {
  return bindings.find(({ host, thumbprint }) => hosts.includes(host) && thumbprint !== sha1);
}
