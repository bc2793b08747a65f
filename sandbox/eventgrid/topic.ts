/**
 * The service's own Event Grid topic, as `EventGridPublisherClient` sends to it with a TokenCredential (both schemas).
 *
 *     const topic = await startTopic(ctx, { identity });
 *     topic.endpoint;   // https://keyturn.eventgrid.sandbox.test:port/api/events
 *     topic.received;   // every event accepted, as sent
 *     topic.clear();
 */
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import type { IdentityService } from '../identity/identity.ts';

export const TOPIC_AUDIENCE = 'https://eventgrid.azure.net';
const MAX_BYTES = 1024 * 1024;

export interface TopicService {
  readonly endpoint: string;
  readonly port: number;
  readonly received: readonly Readonly<Record<string, unknown>>[];
  clear(): void;
  stop(): Promise<void>;
}

export interface TopicOptions {
  readonly identity: IdentityService;
  readonly port?: number;
  /** `keyturn` when absent. */
  readonly name?: string;
}

export async function startTopic(ctx: SandboxContext, options: TopicOptions): Promise<TopicService> {
  const received: Readonly<Record<string, unknown>>[] = [];
  const server = await startHttps(ctx, {
    names: ['*.eventgrid.sandbox.test'],
    system: 'topic',
    maxBodyBytes: MAX_BYTES,
    ...(options.port === undefined ? {} : { port: options.port }),
    handler: (request) => {
      ctx.transcript.wrote('the topic', request.body.toString('utf8'));
      return publish(request, options.identity, received);
    },
  });
  return {
    endpoint: `${server.origin(`${options.name ?? 'keyturn'}.eventgrid.sandbox.test`)}/api/events`,
    port: server.port,
    received,
    clear: () => void received.splice(0),
    stop: () => server.stop(),
  };
}

function publish(
  request: SandboxRequest,
  identity: IdentityService,
  received: Readonly<Record<string, unknown>>[],
): SandboxResponse {
  const refuse = (status: number, code: string, message: string): SandboxResponse => ({
    status,
    body: { error: { code, message, details: [{ code, message }] } },
  });
  if (request.path !== '/api/events') return refuse(404, 'NotFound', `There is no ${request.path} here.`);
  if (request.method !== 'POST') return refuse(405, 'MethodNotAllowed', 'Events are published with POST.');
  const check = identity.verifyRequest(request, TOPIC_AUDIENCE);
  if (!check.ok) {
    return refuse(401, 'Unauthorized', `The request authorization token is not authorized (${check.fault}).`);
  }
  const batch = request.json;
  if (!Array.isArray(batch)) return refuse(400, 'BadRequest', 'This resource expects an array of events.');
  const cloud = /cloudevents-batch\+json/i.test(request.headers['content-type'] ?? '');
  const required = cloud
    ? ['id', 'source', 'type', 'specversion']
    : ['id', 'subject', 'eventType', 'eventTime', 'dataVersion'];
  for (const event of batch as unknown[]) {
    const fields = typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {};
    const missing = required.filter((field) => typeof fields[field] !== 'string');
    if (missing.length > 0) return refuse(400, 'BadRequest', `An event lacks ${missing.join(', ')}.`);
  }
  received.push(...(batch as Record<string, unknown>[]));
  return { status: 200 };
}
