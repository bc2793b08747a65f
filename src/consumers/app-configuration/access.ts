import type { Access } from '../../azure/access.ts';

export const KIND = 'app-configuration';
export const TYPE = 'Microsoft.AppConfiguration/configurationStores';

/** By which a store that is gone is told from one that cannot be reached. */
export const READ_STORE = { action: `${TYPE}/read`, role: 'Reader' } as const;
/** On the store itself: data actions, with the built-in role that has each. */
export const KEY_VALUES = {
  read: { action: `${TYPE}/keyValues/read`, role: 'App Configuration Data Reader' },
  write: { action: `${TYPE}/keyValues/write`, role: 'App Configuration Data Owner' },
} as const;

const at = 'the store';

export const ACCESS: Access = {
  of: KIND,
  needs: [
    { at, to: 'tells a store that is gone from one that cannot be reached', actions: [READ_STORE.action], builtIn: READ_STORE.role }, // prettier-ignore
    {
      ...{ at, to: 'lists the settings, with their values', builtIn: KEY_VALUES.read.role },
      ...{ actions: [], dataActions: [KEY_VALUES.read.action] },
    },
    {
      ...{ at, to: 'changes the sentinel, or a reference that names a version', builtIn: KEY_VALUES.write.role },
      ...{ actions: [], dataActions: [KEY_VALUES.write.action], options: ['sentinel', 'rewritePinned'] },
    },
    // Apps read the vault by themselves, with the reference that the store gives them.
  ],
};
