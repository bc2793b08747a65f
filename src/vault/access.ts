import type { Access, ActionsNeed, RoleNeed } from '../azure/access.ts';

/** What is done with each kind of object, with the built-in role for it. */
export const ROLES = {
  secret: 'Key Vault Secrets Officer',
  key: 'Key Vault Crypto Officer',
  certificate: 'Key Vault Certificates Officer',
  content: 'Key Vault Certificate User',
} as const;

const VAULT = 'Microsoft.KeyVault/vaults';
const at = 'the vault';

/** The built-in officers may delete, purge, back up and restore as well, which nothing here ever does. */
export const SECRETS: ActionsNeed = {
  at,
  to: 'reads and writes secrets, lists and disables versions; never deletes, purges, backs up or restores',
  actions: [],
  dataActions: ['getSecret', 'setSecret', 'readMetadata', 'update'].map((verb) => `${VAULT}/secrets/${verb}/action`),
  builtIn: ROLES.secret,
};

export const KEYS: ActionsNeed = {
  at,
  to: 'lists keys, has them rotated, sets expiry and tags; never uses, deletes or exports one',
  actions: [],
  dataActions: [
    `${VAULT}/keys/read`,
    `${VAULT}/keys/update/action`,
    `${VAULT}/keys/rotate/action`,
    `${VAULT}/keyrotationpolicies/read`,
  ],
  builtIn: ROLES.key,
};

/** Which data action merging a signed certificate takes is documented nowhere: so the built-in role, which has them all. */
export const CERTIFICATES: RoleNeed = {
  at,
  to: 'lists certificates, reads policies, has new versions made, merges signed ones, sets tags',
  role: ROLES.certificate,
};

/** By what a vault is attached for; the names are those of infra/. */
export const VAULT_ACCESS: Readonly<Record<'secrets' | 'certificates' | 'keys', Access>> = {
  secrets: { of: 'vault-secrets', needs: [SECRETS] },
  certificates: { of: 'vault-certificates', needs: [CERTIFICATES] },
  keys: { of: 'vault-keys', needs: [KEYS] },
};
