import type { ConsumerAdapter } from '../adapter.ts';
import { entityAccess } from '../api-management/access.ts';
import { entityConsumer, type EntityDeps } from '../api-management/entities.ts';
import { servableBy } from '../proof/servable.ts';

const SPEC = { kind: 'api-management-certificate', collection: 'certificates', change: 'PUT' } as const;

export const ACCESS = entityAccess(SPEC.kind, SPEC.collection);

/**
 * Certificates of API Management that come from a vault: with them it logs in to backends, and self-hosted gateways serve them. One from
 * a plain secret is found as well; what is in it, nobody here sees.
 */
export function apiManagementCertificate(deps: EntityDeps): ConsumerAdapter {
  return entityConsumer(
    {
      ...SPEC,
      check(reference, version) {
        if (version.certificate !== undefined) servableBy(reference, version, { pfxOnly: true });
      },
    },
    deps,
  );
}
