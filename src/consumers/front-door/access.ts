import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'front-door';
export const ROLE = 'CDN Profile Contributor';
export const TYPE = 'Microsoft.Cdn/profiles';

export const READS = { secrets: `${TYPE}/secrets/read`, domains: `${TYPE}/customdomains/read` } as const;

export const WRITES = {
  makeSecret: `${TYPE}/secrets/write`,
  removeSecret: `${TYPE}/secrets/delete`,
  moveDomain: `${TYPE}/customdomains/write`,
  validate: `${TYPE}/validateSecret/action`,
} as const;

const at = 'the profile';

export const ACCESS: Access = {
  of: KIND,
  needs: [
    { at, to: 'reads the secrets and the domains of the profile', actions: Object.values(READS), builtIn: 'Reader' },
    {
      ...{ at, to: 'makes another secret, gives it to every domain, and removes the old one' },
      ...{
        actions: Object.values(WRITES),
        builtIn: ROLE,
        options: ['pushFrontDoor', 'rewritePinned'],
        unlisted: [WRITES.validate],
      },
    },
    readsTheVault('the profile (or application 205478c0-bd83-4e1b-a9d6-db63a3e1e1c8, where it has no identity)'),
  ],
};
