/** Managed secrets and a key to play with: a pair of each database, a storage key, and one that a person makes; none is due yet. */
import type { Sandbox } from './sandbox.ts';

const DAY_MS = 86_400_000;

export async function seedSamples(sandbox: Sandbox): Promise<readonly string[]> {
  const expiresInMs = 60 * DAY_MS;
  const pair = await sandbox.postgres.createPair({ name: 'orders_a', alternate: 'orders_b' });
  sandbox.vault.seed('kv', 'orders-db', {
    value: pair.password,
    expiresInMs,
    tags: {
      CredentialId: pair.user,
      AlternateCredentialId: pair.alternate,
      ProviderAddress: sandbox.postgres.address,
      ValidityPeriodDays: '90',
    },
  });
  const password = 'Sample-Password-1!';
  for (const login of ['billing_a', 'billing_b']) sandbox.tds.addLogin(login, password);
  sandbox.vault.seed('kv', 'billing-db', {
    value: password,
    expiresInMs,
    tags: {
      CredentialId: 'billing_a',
      AlternateCredentialId: 'billing_b',
      ProviderAddress: `${sandbox.tds.name}:${sandbox.tds.port}/appdb`,
      ValidityPeriodDays: '90',
    },
  });
  const account = sandbox.arm.createAccount('sandboxdata');
  sandbox.vault.seed('kv', 'storage-key', {
    value: account.keys.key1,
    expiresInMs,
    tags: { CredentialId: 'key1', ProviderAddress: account.id, ValidityPeriodDays: '90' },
  });
  sandbox.vault.seed('kv', 'partner-key', {
    value: 'made-by-hand-long-ago',
    expiresInMs,
    tags: { Rotator: 'manual', ProviderAddress: 'https://portal.partner.example/keys' },
  });
  seedKey(sandbox, account.id, expiresInMs);
  return ['orders-db', 'billing-db', 'storage-key', 'partner-key'];
}

/** A key that a disk encryption set pins, and that the storage account follows by itself. */
function seedKey({ arm, vault }: Sandbox, account: string, expiresInMs: number): void {
  const { id: disks } = arm.create('Microsoft.Compute/diskEncryptionSets/{name}', { name: 'disks' });
  const tags = { Rotator: 'vault-key', KeyUser: disks, KeyUser1: account, ValidityPeriodDays: '90' };
  const { id: version } = vault.keys.seed('kv', 'data-key', { expiresInMs, tags });
  arm.encrypt(disks, `${vault.keys.url('kv', 'data-key')}/${version}`);
  arm.encrypt(account, vault.keys.url('kv', 'data-key'));
}
