/** Listens in on what the app sends to its storage account: every body, also of rows that were overwritten since. */
import https from 'node:https';
import type { SandboxContext } from '../../sandbox/context.ts';
import { startHttps, type SandboxRequest, type SandboxResponse } from '../../sandbox/http.ts';

export interface Tap {
  /** Takes the place of the tapped address in the app's settings. */
  readonly url: string;
  /** What was sent; the text of a queue message decoded, too. */
  readonly sent: readonly string[];
  stop(): Promise<void>;
}

/** @param url of a queue or table service: `https://127.0.0.1:<port>/<account>` */
export async function startTap(ctx: SandboxContext, system: 'queues' | 'tables', url: string): Promise<Tap> {
  const behind = new URL(url);
  const agent = new https.Agent({ keepAlive: true, ca: ctx.pki.caPem });
  const sent: string[] = [];
  const server = await startHttps(ctx, {
    system,
    observed: false,
    names: ['127.0.0.1'],
    handler: (request) => {
      const body = request.body.toString('utf8');
      sent.push(`${request.method} ${request.rawUrl}\n${body}`);
      for (const [, text = ''] of body.matchAll(/<MessageText>([^<]*)</g))
        sent.push(Buffer.from(text, 'base64').toString());
      return forward(request, behind, agent);
    },
  });
  return {
    url: `${server.origin()}${behind.pathname}`,
    sent,
    async stop() {
      await server.stop();
      agent.destroy();
    },
  };
}

/** The Host header stays as the client sent it. */
function forward(request: SandboxRequest, { hostname, port }: URL, agent: https.Agent): Promise<SandboxResponse> {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers };
    delete headers.connection;
    delete headers['transfer-encoding'];
    if (request.body.length > 0) headers['content-length'] = String(request.body.length);
    const { method, rawUrl } = request;
    const outgoing = https.request({ hostname, port, method, path: rawUrl, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const kept = Object.entries(incoming.headers).filter(
          ([name, value]) =>
            value !== undefined && !['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(name),
        );
        resolve({
          status: incoming.statusCode ?? 502,
          headers: Object.fromEntries(kept) as Record<string, string>,
          body: Buffer.concat(chunks),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}
