import type { ConsumerAdapter } from '../adapter.ts';
import { entityConsumer, type EntityDeps } from '../api-management/entities.ts';

/** Named values of API Management that come from a vault, for its policies. Whatever they are given they take, as text. */
export function apiManagementNamedValue(deps: EntityDeps): ConsumerAdapter {
  return entityConsumer(
    { kind: 'api-management-named-value', collection: 'namedValues', change: 'PATCH', check: () => undefined },
    deps,
  );
}
