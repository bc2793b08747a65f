import type { Access } from '../../azure/access.ts';
import { onSitesAndSlots, ROLE } from '../app-service.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'app-service-reference';

/** After the type of the site or slot. */
export const VERBS = {
  read: 'read',
  readSettings: 'config/read',
  writeSettings: 'config/write',
  syncTriggers: 'syncfunctiontriggers/action',
  restart: 'restart/action',
  listSettings: 'config/list/action',
} as const;

const at = 'the site';
const builtIn = ROLE;

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      ...{ at, builtIn, to: 'has the references fetched, and the triggers read again' },
      actions: onSitesAndSlots([VERBS.read, VERBS.readSettings, VERBS.writeSettings, VERBS.syncTriggers]),
    },
    {
      ...{ at, builtIn, to: 'restarts the app' },
      actions: onSitesAndSlots([VERBS.restart]),
      options: ['restart'],
    },
    {
      ...{
        at,
        builtIn,
        to: 'writes all settings back with a reference that names the new version; it reads their values for that',
      },
      actions: onSitesAndSlots([VERBS.listSettings]),
      options: ['rewritePinned'],
    },
    readsTheVault('the site (keyVaultReferenceIdentity where it has several)'),
  ],
};
