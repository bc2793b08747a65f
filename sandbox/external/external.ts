/**
 * The example endpoint of `examples/external-server`, over HTTPS as `rotate.sandbox.test`, with credentials in memory.
 *
 *     const endpoint = await startEndpoint(ctx);
 *     endpoint.url; endpoint.signingKey;      // what the setting names, and what a vault holds
 *     endpoint.system.make('erp_a');          // a credential as a person makes it
 */
import { randomBytes } from 'node:crypto';
import { createAnswer } from '../../examples/external-server/answer.ts';
import { createMemorySystem, type MemorySystem } from '../../examples/external-server/system.ts';
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';

const NAME = 'rotate.sandbox.test';

export interface EndpointService {
  /** `host:port` */
  readonly host: string;
  readonly url: string;
  /** `whsec_` and base64. */
  readonly signingKey: string;
  readonly system: MemorySystem;
  stop(): Promise<void>;
}

export async function startEndpoint(
  ctx: SandboxContext,
  options: { readonly port?: number } = {},
): Promise<EndpointService> {
  const signingKey = `whsec_${randomBytes(32).toString('base64')}`;
  ctx.transcript.secret('the signing key of the endpoint', signingKey);
  const system = createMemorySystem();
  const answer = createAnswer(system, { key: signingKey, now: () => ctx.clock.now().getTime() });
  const server = await startHttps(ctx, {
    ...options,
    names: [NAME],
    system: 'http-api',
    operation: ({ json }) => `POST external ${verbIn(json)}`,
    handler: ({ headers, body }) => answer({ headers, body: body.toString('utf8') }),
  });
  const host = `${NAME}:${server.port}`;
  return { host, url: `https://${host}/keyturn`, signingKey, system, stop: () => server.stop() };
}

function verbIn(json: unknown): string {
  return typeof json === 'object' && json !== null && 'verb' in json ? String(json.verb) : '';
}
