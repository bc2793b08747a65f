import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';

/** The built-in role with the fewest rights that has all that is done there. */
export const ROLE = 'API Management Service Contributor';
export const TYPE = 'Microsoft.ApiManagement/service';

export const SERVICE = { read: `${TYPE}/read`, write: `${TYPE}/write` } as const;

const own = readsTheVault('the service');
const at = 'the service';

/** Of named values and certificates, which differ in their collection only. */
export function entityActions(collection: 'certificates' | 'namedValues') {
  const below = `${TYPE}/${collection}` as const;
  return { read: `${below}/read`, refresh: `${below}/refreshSecret/action`, write: `${below}/write` } as const;
}

export function entityAccess(kind: string, collection: 'certificates' | 'namedValues'): Access {
  const { read, refresh, write } = entityActions(collection);
  return {
    of: kind,
    needs: [
      { at, to: 'makes the service look into the vault', actions: [read, refresh], builtIn: ROLE },
      { at, to: 'takes the version out of its address', actions: [write], builtIn: ROLE, options: ['rewritePinned'] },
      own,
    ],
  };
}

export function hostAccess(kind: string): Access {
  return {
    of: kind,
    needs: [
      { at, to: 'reads what it serves', actions: [SERVICE.read], builtIn: 'Reader' },
      {
        ...{ at, to: 'updates the service, which makes it look into the vault' },
        ...{ actions: [SERVICE.write], builtIn: ROLE, options: ['pushApiManagement', 'rewritePinned'] },
      },
      own,
    ],
  };
}
