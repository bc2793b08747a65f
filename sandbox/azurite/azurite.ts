/**
 * Real Azurite (queues and tables) behind a recording proxy.
 *
 *     const azurite = await startAzurite(ctx, { identity });
 *     new QueueServiceClient(azurite.queueUrl, new DefaultAzureCredential());    // token for https://storage.azure.com
 *     new TableClient(azurite.tableUrl, 'keyturn', new DefaultAzureCredential()); // also transactions ($batch)
 *     QueueServiceClient.fromConnectionString(azurite.connectionString);         // SharedKey, for tests
 *
 * URLs are path-style, `https://127.0.0.1:<port>/devstoreaccount1`; `localhost` works as the host name too. The proxy
 * records each request once (`POST /rotation/messages`, `PUT /keyturn(PartitionKey='…',RowKey='…')`, `POST /$batch`),
 * asks for faults, and verifies the signature of bearer tokens, which Azurite itself does not look at.
 */
import https from 'node:https';
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';
import type { SandboxRequest, SandboxResponse, SandboxServer } from '../http.ts';
import type { IdentityService } from '../identity/identity.ts';
import { startAzuriteProcess } from './child.ts';
import { forward } from './forward.ts';

export const AZURITE_ACCOUNT = 'devstoreaccount1';
/** Azurite's published development key; it guards nothing. */
export const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const AUDIENCES = ['https://storage.azure.com', `https://${AZURITE_ACCOUNT}.queue.core.windows.net`];

export interface AzuriteOptions {
  /** Whose tokens are accepted; without it only SharedKey is. */
  readonly identity?: Pick<IdentityService, 'verifyRequest'>;
  readonly queuePort?: number;
  readonly tablePort?: number;
}

export interface AzuriteService {
  readonly account: string;
  /** `https://127.0.0.1:<port>/devstoreaccount1`, through the proxy. */
  readonly queueUrl: string;
  readonly tableUrl: string;
  /** SharedKey, through the proxy. */
  readonly connectionString: string;
  /** Azurite's process id, so that a test can see that it ends. */
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startAzurite(ctx: SandboxContext, options: AzuriteOptions = {}): Promise<AzuriteService> {
  const child = await startAzuriteProcess(ctx);
  const agent = new https.Agent({ keepAlive: true, ca: ctx.pki.caPem });
  const front = (system: 'queues' | 'tables', behind: number, port: number | undefined): Promise<SandboxServer> =>
    startHttps(ctx, {
      system,
      names: ['127.0.0.1', 'localhost'],
      ...(port === undefined ? {} : { port }),
      operation,
      handler: async (request) => {
        overhear(ctx, system, request);
        return refuseToken(request, options) ?? forward(request, behind, agent);
      },
    });
  const queues = await front('queues', child.queuePort, options.queuePort);
  const tables = await front('tables', child.tablePort, options.tablePort);
  const queueUrl = `${queues.origin()}/${AZURITE_ACCOUNT}`;
  const tableUrl = `${tables.origin()}/${AZURITE_ACCOUNT}`;
  return {
    account: AZURITE_ACCOUNT,
    queueUrl,
    tableUrl,
    connectionString:
      `DefaultEndpointsProtocol=https;AccountName=${AZURITE_ACCOUNT};AccountKey=${AZURITE_KEY};` +
      `QueueEndpoint=${queueUrl};TableEndpoint=${tableUrl};`,
    pid: child.pid,
    async stop() {
      await Promise.all([queues.stop(), tables.stop()]);
      agent.destroy();
      await child.stop();
    },
  };
}

/** What is stored, and a queue message's text as it was before its base64. */
function overhear({ transcript }: SandboxContext, system: string, { body }: SandboxRequest): void {
  const text = body.toString('utf8');
  transcript.wrote(`requests to ${system}`, text);
  for (const [, encoded = ''] of text.matchAll(/<MessageText>([^<]*)</g))
    transcript.wrote('queue messages', Buffer.from(encoded, 'base64').toString('utf8'));
}

/** `METHOD /path` below the account, decoded; the query is left out, since it may hold a filter's values. */
function operation(request: SandboxRequest): string {
  return `${request.method} /${request.segments.slice(1).join('/')}`;
}

function refuseToken(request: SandboxRequest, options: AzuriteOptions): SandboxResponse | undefined {
  if (!/^bearer /i.test(request.headers.authorization ?? '')) return undefined;
  if (options.identity?.verifyRequest(request, AUDIENCES).ok === true) return undefined;
  const code = 'InvalidAuthenticationInfo';
  const text =
    'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.';
  return {
    status: 401,
    headers: {
      'content-type': 'application/xml',
      'x-ms-error-code': code,
      'www-authenticate':
        'Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize resource_id=https://storage.azure.com',
    },
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${text}</Message></Error>`,
  };
}
