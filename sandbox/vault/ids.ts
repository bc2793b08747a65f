/** Names and ids of the sandbox's vaults. */
export const VAULT_SUFFIX = 'vault.sandbox.test';
/** What tokens for these vaults are issued for; takes the place of `https://vault.azure.net`. */
export const VAULT_RESOURCE = `https://${VAULT_SUFFIX}`;
export const SUBSCRIPTION_ID = '11111111-2222-4333-8444-555555555555';
export const RESOURCE_GROUP = 'keyturn-sandbox';

/** The vault's ARM id, as events and refusals name it. */
export function resourceId(vault: string): string {
  return `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/${RESOURCE_GROUP}/providers/Microsoft.KeyVault/vaults/${vault}`;
}
