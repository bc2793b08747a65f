import { proveStorageKey, storageHost } from '../probes/storage.ts';
import type { ArmKeyRow } from '../row.ts';
import { listItems, nameRule } from '../shapes.ts';

/** Storage accounts: facts C and E. Both calls are synchronous, and both answer with all keys; kerb1 and kerb2 are passed over. */
export const STORAGE_ROW: ArmKeyRow = {
  kind: 'storage-account',
  noun: 'storage account',
  addresses: ['Microsoft.Storage/storageAccounts/{name}'],
  names: { name: nameRule('storage account name', /^[a-z0-9]{3,24}$/i, '3 to 24 letters and digits') },
  apiVersion: '2025-08-01',
  pairs: [['key1', 'key2']],
  list: () => ({ path: '/listKeys', action: 'Microsoft.Storage/storageAccounts/listkeys/action' }),
  regenerate: (slot) => ({
    path: '/regenerateKey',
    action: 'Microsoft.Storage/storageAccounts/regeneratekey/action',
    body: { keyName: slot },
  }),
  readKeys: listItems(['key1', 'key2'], { list: 'keys', name: 'keyName', value: 'value' }),
  role: 'Storage Account Key Operator Service Role',
  roleIsExact: true,
  listByHand: ({ name, resourceGroup, subscriptionId }) =>
    `az storage account keys list --account-name ${name} --resource-group '${resourceGroup}' --subscription ${subscriptionId}`,
  proof: {
    host: ({ name }, suffix) => storageHost(name, suffix),
    async prove({ config: { name, resourceGroup }, host, issued, call }) {
      await proveStorageKey({ account: name, resourceGroup, host }, issued, call);
      return 'proved';
    },
  },
};
