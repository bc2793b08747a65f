import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

/** The Host header stays as the client sent it: Azurite builds the addresses in its answers and batches from it. */
export function forward(request: SandboxRequest, port: number, agent: https.Agent): Promise<SandboxResponse> {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers };
    delete headers.connection;
    delete headers['transfer-encoding'];
    if (request.body.length > 0) headers['content-length'] = String(request.body.length);
    const { method, rawUrl } = request;
    // Without a name of its own, the certificate would be compared with the Host header.
    const to = { host: '127.0.0.1', servername: 'localhost', port };
    const outgoing = https.request({ ...to, method, path: rawUrl, headers, agent }, (incoming) => {
      answer(incoming).then(resolve, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

async function answer(incoming: IncomingMessage): Promise<SandboxResponse> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    const hop = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(name);
    if (!hop && value !== undefined) headers[name] = value;
  }
  return { status: incoming.statusCode ?? 502, headers, body: Buffer.concat(chunks) };
}
