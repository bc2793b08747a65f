import type { ConsumerAdapter } from '../adapter.ts';
import { entityAccess } from '../api-management/access.ts';
import { entityConsumer, type EntityDeps } from '../api-management/entities.ts';

const SPEC = { kind: 'api-management-named-value', collection: 'namedValues', change: 'PATCH' } as const;

export const ACCESS = entityAccess(SPEC.kind, SPEC.collection);

/** Named values of API Management that come from a vault, for its policies. Whatever they are given they take, as text. */
export function apiManagementNamedValue(deps: EntityDeps): ConsumerAdapter {
  return entityConsumer({ ...SPEC, check: () => undefined }, deps);
}
