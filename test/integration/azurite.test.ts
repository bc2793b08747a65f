import { DefaultAzureCredential } from '@azure/identity';
import { RestError, TableClient } from '@azure/data-tables';
import type { TransactionAction } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAzurite } from '../../sandbox/azurite/azurite.ts';
import type { AzuriteService } from '../../sandbox/azurite/azurite.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import type { Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { setEnvironment } from '../support/storage-cloud.ts';

describe('Azurite behind its proxy, reached with an unmodified DefaultAzureCredential', () => {
  let run: Run;
  let identity: IdentityService;
  let azurite: AzuriteService;
  let restoreTrust: () => void;
  let restoreEnv: () => void;

  beforeAll(async () => {
    run = await createRun();
    restoreTrust = trustSandbox(run.ctx.pki);
    identity = await startIdentity(run.ctx);
    restoreEnv = setEnvironment(identity.env);
    azurite = await startAzurite(run.ctx, { identity });
  });

  afterAll(async () => {
    await azurite.stop();
    await identity.stop();
    restoreEnv();
    restoreTrust();
    run.dispose();
    expect(() => process.kill(azurite.pid, 0)).toThrow('ESRCH');
  });

  it('hides a queue message until the sandbox clock says so', async () => {
    const queue = new QueueServiceClient(azurite.queueUrl, new DefaultAzureCredential()).getQueueClient('rotation');
    await queue.create();
    await queue.sendMessage('due in an hour', { visibilityTimeout: 3600 });
    expect((await queue.receiveMessages()).receivedMessageItems).toEqual([]);
    run.ctx.clock.advance(3_601_000);
    const received = (await queue.receiveMessages()).receivedMessageItems;
    expect(received.map((item) => item.messageText)).toEqual(['due in an hour']);
    expect(run.ctx.traffic.entries.map(({ operation }) => operation)).toContain('POST /rotation/messages');
  });

  it('keeps a message that was sent right after a jump of the clock, however late Azurite hears of the jump', async () => {
    const queue = new QueueServiceClient(azurite.queueUrl, new DefaultAzureCredential()).getQueueClient('jump');
    await queue.create();
    process.kill(azurite.pid, 'SIGSTOP');
    run.ctx.clock.advance(8 * 86_400_000);
    const sent = queue.sendMessage('sent after the jump');
    const late = await Promise.race([run.ctx.clock.settled(), new Promise((resolve) => setImmediate(resolve, 'late'))]);
    expect(late).toBe('late');
    process.kill(azurite.pid, 'SIGCONT');
    expect((await sent).expiresOn.getTime()).toBeGreaterThan(run.ctx.clock.now().getTime() + 6 * 86_400_000);
    expect((await queue.receiveMessages()).receivedMessageItems).toHaveLength(1);
  });

  it('runs entity-group transactions whole or not at all, guarded by an ETag', async () => {
    const table = new TableClient(azurite.tableUrl, 'journal', new DefaultAzureCredential());
    await table.createTable();
    const { etag = '' } = await table.createEntity({ partitionKey: 'p', rowKey: 'lease', holder: 'a' });
    const write = (rowKey: string): TransactionAction[] => [
      ['update', { partitionKey: 'p', rowKey: 'lease', holder: 'b' }, 'Replace', { etag }],
      ['create', { partitionKey: 'p', rowKey }],
    ];
    await table.submitTransaction(write('run-1'));
    const late = await table.submitTransaction(write('run-2')).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(RestError);
    expect((late as RestError).statusCode).toBe(412);
    const rows: string[] = [];
    for await (const { rowKey = '' } of table.listEntities()) rows.push(rowKey);
    expect(rows.sort()).toEqual(['lease', 'run-1']);
    expect(run.ctx.traffic.entries.map(({ operation }) => operation)).toContain('POST /$batch');
  });

  it('does the work and loses the answer when told to', async () => {
    const options = { retryOptions: { maxRetries: 0 } };
    const table = new TableClient(azurite.tableUrl, 'lost', new DefaultAzureCredential(), options);
    await table.createTable();
    run.ctx.faults.add({ system: 'tables', match: '^POST /lost', times: 1, action: { drop: 'after' } });
    await expect(table.createEntity({ partitionKey: 'p', rowKey: 'r' })).rejects.toThrow();
    expect((await table.getEntity('p', 'r')).rowKey).toBe('r');
  });

  it('refuses a token that nobody here has signed, and one for another audience', async () => {
    for (const token of ['a.b.c', await identity.issue('https://management.azure.com')]) {
      const response = await fetch(`${azurite.queueUrl}?comp=list`, { headers: { authorization: `Bearer ${token}` } });
      expect(response.status).toBe(401);
    }
  });

  it('takes the connection string too', async () => {
    const service = QueueServiceClient.fromConnectionString(azurite.connectionString);
    await service.getQueueClient('by-key').create();
    const tables = TableClient.fromConnectionString(azurite.connectionString, 'bykey');
    await tables.createTable();
    await tables.createEntity({ partitionKey: 'p', rowKey: 'r' });
    expect((await tables.getEntity('p', 'r')).partitionKey).toBe('p');
  });
});
