import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';
import type { HubRow } from './rows.ts';

export const ROLE = 'SignalR/Web PubSub Contributor';

/** After the row's type. */
export const VERBS = {
  readCertificates: 'customCertificates/read',
  putCertificate: 'customCertificates/write',
  readDomains: 'customDomains/read',
} as const;

export function accessOf({ kind, type }: HubRow): Access {
  const to = 'puts the certificate again';
  const actions = Object.values(VERBS).map((verb) => `${type}/${verb}`);
  const own = { at: 'the resource', to, actions, builtIn: ROLE, unlisted: actions };
  return { of: kind, needs: [own, readsTheVault('the resource')] };
}
