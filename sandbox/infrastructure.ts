/** What a deployment makes before the app runs: its queues and its table. */
import type { AzuriteService } from './azurite/azurite.ts';

export const QUEUES = ['vault-events', 'rotation', 'propagation', 'notices'] as const;
export const TABLE = 'keyturn';

export async function createStores(azurite: AzuriteService): Promise<void> {
  const { QueueServiceClient } = await import('@azure/storage-queue');
  const { TableServiceClient } = await import('@azure/data-tables');
  const queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  const tables = TableServiceClient.fromConnectionString(azurite.connectionString);
  await Promise.all([
    ...QUEUES.map((name) => queues.getQueueClient(name).createIfNotExists()),
    tables.createTable(TABLE),
  ]);
}
