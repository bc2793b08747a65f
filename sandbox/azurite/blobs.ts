/**
 * Real Azurite's Blob service under a host name like Azure's, `devstoreaccount1.blob.azurite.sandbox.test`: the path gets the
 * account's name put before it on the way, since Azurite is told to read the account there. A process of its own.
 */
import https from 'node:https';
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';
import { AZURITE_ACCOUNT, AZURITE_KEY } from './azurite.ts';
import { startAzuriteProcess } from './child.ts';
import { forward } from './forward.ts';

export interface AzuriteBlobs {
  readonly account: string;
  readonly key: string;
  /** `azurite.sandbox.test:<port>` */
  readonly suffix: string;
  stop(): Promise<void>;
}

export async function startAzuriteBlobs(ctx: SandboxContext): Promise<AzuriteBlobs> {
  const child = await startAzuriteProcess(ctx);
  const agent = new https.Agent({ keepAlive: true, ca: ctx.pki.caPem });
  const suffix = 'azurite.sandbox.test';
  const front = await startHttps(ctx, {
    system: 'blob',
    names: [`*.blob.${suffix}`],
    operation: ({ method, path }) => `${method} ${path}`,
    handler: (request) =>
      forward({ ...request, rawUrl: `/${AZURITE_ACCOUNT}${request.rawUrl}` }, child.blobPort, agent),
  });
  return {
    account: AZURITE_ACCOUNT,
    key: AZURITE_KEY,
    suffix: `${suffix}:${front.port}`,
    async stop() {
      await front.stop();
      agent.destroy();
      await child.stop();
    },
  };
}
