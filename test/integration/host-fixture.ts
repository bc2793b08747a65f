/** What the tests of the Functions host share: the mini app of the fixtures, running on Azurite. */
import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { startAzurite } from '../../sandbox/azurite/azurite.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { startHost } from '../../sandbox/host/host.ts';
import type { Host } from '../../sandbox/host/host.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';

export const fixture = (name: string): string => join(import.meta.dirname, '../fixtures', name);

export interface MiniApp {
  readonly ctx: SandboxContext;
  readonly queues: QueueServiceClient;
  /** Settings that the mini app starts with. */
  readonly settings: Readonly<Record<string, string>>;
  readonly host: Host;
  /** Another instance of the app; whoever starts it stops it. */
  another(settings?: Readonly<Record<string, string>>): Promise<Host>;
  /** Everything that one function said it was given. */
  saw(functionName: string, by?: Host): Record<string, unknown>[];
  stop(): Promise<void>;
}

export async function startMiniApp(): Promise<MiniApp> {
  const run = await createRun();
  const { ctx } = run;
  const distrust = trustSandbox(ctx.pki);
  const azurite = await startAzurite(ctx);
  const queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  await Promise.all(['mini', 'mini-poison', 'mini-hang'].map((name) => queues.getQueueClient(name).create()));
  const settings = {
    MiniStorage: azurite.connectionString,
    MINI_QUEUE: 'mini',
    MINI_SCHEDULE: '0 0 3 * * *',
    'AzureWebJobs.hang.Disabled': 'true',
  };
  const another = (more: Readonly<Record<string, string>> = {}): Promise<Host> =>
    startHost(ctx, { appDir: fixture('mini-app'), env: { ...settings, ...more }, pollMs: 50 });
  const host = await another();
  return {
    ...{ ctx, queues, settings, host, another },
    saw: (functionName, by = host) =>
      [...by.output().matchAll(/SAW (\{.*\})$/gm)]
        .map(([, text]) => JSON.parse(text ?? '') as Record<string, unknown>)
        .filter((entry) => entry['in'] === functionName),
    async stop() {
      await host.stop();
      await azurite.stop();
      distrust();
      run.dispose();
    },
  };
}
