import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'container-apps-secret';

/** The type with the built-in role for it. */
export const APP = { type: 'Microsoft.App/containerApps', role: 'Container Apps Contributor' } as const;
export const JOB = { type: 'Microsoft.App/jobs', role: 'Container Apps Jobs Contributor' } as const;

/** After the type. */
export const VERBS = { read: 'read', write: 'write', listSecrets: 'listSecrets/action' } as const;
/** Of apps only. */
export const REVISIONS = {
  read: 'revisions/read',
  restart: 'revisions/restart/action',
  replicas: 'revisions/replicas/read',
} as const;

export type Verb = (typeof VERBS)[keyof typeof VERBS] | (typeof REVISIONS)[keyof typeof REVISIONS];

const on = ({ type }: typeof APP | typeof JOB, verbs: readonly Verb[]): string[] =>
  verbs.map((verb) => `${type}/${verb}`);

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      at: 'the app',
      to: 'sets all secrets again, whose values it reads for that, and restarts the revisions that use them',
      actions: on(APP, [...Object.values(VERBS), ...Object.values(REVISIONS)]),
      builtIn: APP.role,
    },
    {
      at: 'the job',
      to: 'sets all secrets again, whose values it reads for that',
      actions: on(JOB, Object.values(VERBS)),
      builtIn: JOB.role,
    },
    readsTheVault('the app or job'),
  ],
};
