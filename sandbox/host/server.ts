/** The host's HTTP face: the app's own routes, the Event Grid webhook, and what of `/admin` the sandbox needs. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseRequest, readBody } from '../http-request.ts';
import type { SandboxRequest } from '../http-request.ts';
import { invokeByHand } from './admin.ts';
import type { InvocationResponse, RegisteredFunction, TriggerInput } from './core.ts';
import { httpAnswer, httpInput } from './http-trigger.ts';
import type { HttpAnswer } from './http-trigger.ts';
import { mayCall } from './keys.ts';
import type { HostKeys } from './keys.ts';
import { createRouter } from './routes.ts';
import { eventGridWebhook } from './webhook.ts';
import type { Run } from './timers.ts';

export interface ServerOptions {
  readonly port: number;
  readonly routePrefix: string;
  readonly keys: HostKeys;
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly isDisabled: (functionName: string) => boolean;
  readonly run: Run;
  readonly onAnswer?: ((text: string) => void) | undefined;
  /** Runs an HTTP function; undefined when it threw. */
  readonly call: (functionName: string, input: TriggerInput) => Promise<InvocationResponse | undefined>;
}

const MAX_BODY = 100 * 1024 * 1024;

export async function startServer(options: ServerOptions): Promise<{ readonly port: number; readonly server: Server }> {
  const enabled = [...options.functions.values()].filter((fn) => !options.isDisabled(fn.metadata.name));
  const router = createRouter(enabled);
  const prefix = options.routePrefix === '' ? [] : options.routePrefix.split('/');
  let origin = '';

  const callFunction = async (request: SandboxRequest): Promise<HttpAnswer> => {
    if (prefix.some((part, i) => request.segments[i] !== part)) return { status: 404 };
    const match = router(request.method, request.segments.slice(prefix.length));
    if (match === undefined) return { status: 404 };
    if (!mayCall(match.fn.trigger['authLevel'], shownKey(request), options.keys)) return { status: 401 };
    const response = await options.call(match.fn.metadata.name, httpInput(request, origin, match.params));
    return response === undefined ? { status: 500 } : httpAnswer(response);
  };

  const answer = async (request: SandboxRequest): Promise<HttpAnswer> => {
    if (request.path.toLowerCase() === '/runtime/webhooks/eventgrid') {
      const functions = new Map(enabled.map((fn) => [fn.metadata.name, fn]));
      return eventGridWebhook(request, functions, options.keys, options.run);
    }
    if (request.segments[0] === 'admin') {
      return shownKey(request) === options.keys.master ? invokeByHand(request, options) : { status: 401 };
    }
    return callFunction(request);
  };

  const server = createServer((message, response) => {
    serve(message, response, answer, options.onAnswer).catch((error: unknown) => {
      console.error(`sandbox host: ${String(error)}`);
      response.destroy();
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  return { port, server };
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  answer: (request: SandboxRequest) => Promise<HttpAnswer>,
  onAnswer: ServerOptions['onAnswer'],
): Promise<void> {
  const body = await readBody(message, MAX_BODY);
  const request = parseRequest(message, body ?? Buffer.alloc(0));
  const { status, headers, body: content } = body === undefined ? { status: 413 } : await answer(request);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  onAnswer?.([...Object.values(headers ?? {}), Buffer.from(content ?? '').toString('utf8')].join('\n'));
  response.end(content);
}

function shownKey(request: SandboxRequest): string | undefined {
  const header = request.headers['x-functions-key'];
  return (Array.isArray(header) ? header[0] : header) ?? request.query.get('code') ?? undefined;
}
