/** The app as it is deployed, in the sandbox: built once for each test file, loaded by as many hosts as wanted. */
import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { TableClient } from '@azure/data-tables';
import { makePackage } from '../../build/package.ts';
import type { Host } from '../../sandbox/host/host.ts';
import { TABLE } from '../../sandbox/infrastructure.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/sandbox.ts';
import { parse, type JournalRecord } from '../../src/rotation/record.ts';

/** How a test's own requests to queues and tables can be told from the app's. */
export const TEST_AGENT = 'keyturn-test';

const OPTIONS = { userAgentOptions: { userAgentPrefix: TEST_AGENT } };

export interface BuiltApp {
  readonly sandbox: Sandbox;
  readonly appDir: string;
  startHost(env?: Readonly<Record<string, string>>): Promise<Host>;
  /** Puts a message into a queue as the platform reads it. */
  enqueue(queue: string, message: unknown): Promise<void>;
  /** How many messages a queue holds, hidden ones included; 0 when there is no such queue. */
  queued(queue: string): Promise<number>;
  /** Every row of the service's table. */
  rows(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The journal's records by the name of their object. */
  journal(): Promise<ReadonlyMap<string, JournalRecord>>;
}

/**
 * What functions failed of, without that for which a test itself is to blame: a jump of the clock ends the time of the
 * calls that are under way, and such a message is delivered again.
 */
export function failuresOf(host: Host): readonly string[] {
  return host.invocations
    .filter(({ succeeded }) => !succeeded)
    .map(({ functionName, error = '' }) => `${functionName}: ${error}`)
    .filter((failure) => !/the time was over|the time under the lease was over|JournalNotWritten/.test(failure));
}

/** The caller stops `sandbox`, which stops the hosts, too. */
export async function startBuiltApp(options: SandboxOptions = {}): Promise<BuiltApp> {
  const sandbox = await startSandbox({ signals: false, ...options });
  const appDir = join(sandbox.ctx.dir, 'package');
  try {
    await makePackage(appDir);
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
  const { connectionString } = sandbox.azurite;
  const queues = QueueServiceClient.fromConnectionString(connectionString, OPTIONS);
  const table = TableClient.fromConnectionString(connectionString, TABLE, OPTIONS);
  const rows: BuiltApp['rows'] = async () => {
    const all: Record<string, unknown>[] = [];
    for await (const row of table.listEntities()) all.push(row);
    return all;
  };
  return {
    sandbox,
    appDir,
    startHost: (env = {}) => sandbox.startHost({ appDir, env }),
    enqueue: async (queue, message) => {
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      await queues.getQueueClient(queue).sendMessage(Buffer.from(text).toString('base64'));
    },
    queued: async (queue) => {
      const client = queues.getQueueClient(queue);
      if (!(await client.exists())) return 0;
      return (await client.getProperties()).approximateMessagesCount ?? 0;
    },
    rows,
    journal: async () => {
      const records = (await rows())
        .filter((row) => row['rowKey'] === 'journal')
        .map((row) => parse(String(row['record'])));
      return new Map(records.map((record) => [record.object.name, record]));
    },
  };
}
