/**
 * The HTTP(S) server that every simulated service of the sandbox is built on.
 *
 *     const server = await startHttps(ctx, {
 *       names: ['*.vault.sandbox.test'],       // what the certificate is made for; also IP addresses
 *       system: 'vault',                       // how traffic and faults know it
 *       handler: async (request) => ({ status: 200, body: { hello: request.query.get('api-version') } }),
 *       operation: (request) => `${request.method} ${request.path}`, // optional; this is the default. Never a secret value.
 *     });
 *     server.port; server.origin('kv.vault.sandbox.test'); await server.stop();
 *
 * `startHttp` is the same without TLS (`names` is then not needed). What it does for the handler:
 *  - listens on 127.0.0.1, on an ephemeral port unless `port` is given, and keeps idle connections open;
 *  - decodes the path's segments, and the query's names as well as its values (the SDKs send `api%2Dversion=...`);
 *  - reads the body whole, up to `maxBodyBytes` (413 above it);
 *  - asks `ctx.faults` first (status/body/headers in the service's place, delayMs, drop before or after the work);
 *  - records each request once in `ctx.traffic` with its status, or `dropped`.
 * A handler answers with `body` as an object (sent as JSON), a string, or bytes; it may throw `HttpProblem` to answer.
 */
import { createServer as createPlainServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxContext } from './context.ts';
import type { FaultAction } from './faults.ts';
import { parseRequest, readBody } from './http-request.ts';
import type { SandboxRequest } from './http-request.ts';
import type { System } from './traffic.ts';

export type { SandboxRequest } from './http-request.ts';

export interface SandboxResponse {
  /** 0 cuts the connection instead of answering. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

export type Handler = (request: SandboxRequest) => Promise<SandboxResponse> | SandboxResponse;

export interface HttpOptions {
  readonly system: System;
  readonly handler: Handler;
  /** Fixed port; 0 or absent: any free one. */
  readonly port?: number;
  /** What traffic and faults call the request; `METHOD /path` when absent. */
  readonly operation?: (request: SandboxRequest) => string;
  /** 8 MiB when absent. */
  readonly maxBodyBytes?: number;
  /** False: neither recorded nor subject to faults (the control API). */
  readonly observed?: boolean;
}

export interface HttpsOptions extends HttpOptions {
  readonly names: readonly string[];
}

export interface SandboxServer {
  readonly port: number;
  /** `https://host:port`; the host is 127.0.0.1 when absent. */
  origin(host?: string): string;
  /** Closes the listener and every open connection. */
  stop(): Promise<void>;
}

/** Thrown by a handler: becomes the answer. */
export class HttpProblem extends Error {
  readonly response: SandboxResponse;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(`HTTP ${status}`);
    this.response = { status, body, headers };
  }
}

export async function startHttps(ctx: SandboxContext, options: HttpsOptions): Promise<SandboxServer> {
  const identity = await ctx.pki.issue(options.names);
  const server = createTlsServer({ key: identity.keyPem, cert: identity.certPem }, listener(ctx, options));
  return listen(server, 'https', options);
}

export async function startHttp(ctx: SandboxContext, options: HttpOptions): Promise<SandboxServer> {
  return listen(createPlainServer(listener(ctx, options)), 'http', options);
}

async function listen(server: Server, scheme: 'http' | 'https', options: HttpOptions): Promise<SandboxServer> {
  // Longer than any client's agent keeps a socket: otherwise a reused one meets a close and reads as ECONNRESET.
  server.keepAliveTimeout = 120_000;
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: (host = '127.0.0.1') => `${scheme}://${host}:${port}`,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listener(ctx: SandboxContext, options: HttpOptions): RequestListener {
  return (message, response) => {
    serve(ctx, options, message, response).catch((error: unknown) => {
      // A client that left in the middle is not worth a word; anything else is a bug of the simulator.
      if (!message.destroyed) console.error(`sandbox ${options.system}: ${String(error)}`);
      response.destroy();
    });
  };
}

async function serve(
  ctx: SandboxContext,
  options: HttpOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(message, options.maxBodyBytes ?? 8 * 1024 * 1024);
  const request = parseRequest(message, body ?? Buffer.alloc(0));
  await ctx.clock.settled();
  const operation = options.operation?.(request) ?? `${request.method} ${request.path}`;
  const observed = options.observed ?? true;
  const record = (outcome: string | number): void => {
    if (observed) ctx.traffic.record(options.system, operation, outcome, message.headers['user-agent']);
  };
  const fault: FaultAction = (observed ? ctx.faults.take(options.system, operation) : undefined) ?? {};
  if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false });
  if (fault.drop === 'before') {
    record('dropped');
    response.destroy();
    return;
  }
  const answer = await answerTo(options, request, body, fault);
  if (fault.drop === 'after' || answer.status === 0) {
    record('dropped');
    response.destroy();
    return;
  }
  // Recorded before it is sent: who has the answer in hand finds the request in the traffic.
  record(answer.status);
  send(response, request.method, answer);
}

async function answerTo(
  options: HttpOptions,
  request: SandboxRequest,
  body: Buffer | undefined,
  fault: FaultAction,
): Promise<SandboxResponse> {
  if (fault.status !== undefined) {
    return { status: fault.status, body: fault.body, ...(fault.headers ? { headers: fault.headers } : {}) };
  }
  if (body === undefined) {
    return { status: 413, body: { error: { code: 'RequestBodyTooLarge', message: 'The request body is too large.' } } };
  }
  try {
    return await options.handler(request);
  } catch (error) {
    if (error instanceof HttpProblem) return error.response;
    console.error(`sandbox ${options.system}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
    return { status: 500, body: { error: { code: 'InternalServerError', message: 'The sandbox has a bug.' } } };
  }
}

function send(response: ServerResponse, method: string, answer: SandboxResponse): void {
  if (response.destroyed) return;
  const { body } = answer;
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(raw ? body : JSON.stringify(body));
  response.statusCode = answer.status;
  if (body !== undefined && !raw) response.setHeader('content-type', 'application/json; charset=utf-8');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  const bodiless = method === 'HEAD' || answer.status === 204 || answer.status === 304;
  if (!bodiless) response.setHeader('content-length', bytes.length);
  response.end(bodiless ? undefined : bytes);
}
