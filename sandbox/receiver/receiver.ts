/**
 * Whoever is told of new versions, over HTTPS as `hooks.sandbox.test`: a webhook that checks signatures and knows what it has already,
 * a Teams workflow and a Slack incoming webhook, each as strict as the real one.
 *
 *     const receiver = await startReceiver(ctx);
 *     receiver.url('webhook'); receiver.keys;          // what the settings name, and what a vault holds
 *     receiver.received; receiver.repeated;            // what came, each once; and how often one came again
 *     const mend = receiver.fail(429, { 'retry-after': '7' });   // until mend(); receiver.hang() likewise
 *
 * `GET /` shows what came. The addresses of the chats are secrets: they are in no traffic.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import { HttpProblem, startHttps, type SandboxRequest, type SandboxResponse } from '../http.ts';
import { checkCard, checkMessage } from './chats.ts';

const NAME = 'hooks.sandbox.test';
const TOLERANCE_S = 300;

export type ReceiverFormat = 'webhook' | 'teams' | 'slack';

export interface Received {
  readonly format: ReceiverFormat;
  /** The webhook's id; of a chat's message, which has none, its number. */
  readonly id: string;
  readonly body: unknown;
  /** As it came, for whoever checks the signature himself. */
  readonly raw: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ReceiverService {
  /** `host:port` */
  readonly host: string;
  /** `whsec_…`: a signature of any of them is taken. A test may change them. */
  readonly keys: string[];
  readonly received: readonly Received[];
  /** How often a webhook came that was there already. */
  readonly repeated: number;
  url(format: ReceiverFormat): string;
  fail(status: number, headers?: Readonly<Record<string, string>>): () => void;
  hang(): () => void;
  clear(): void;
  stop(): Promise<void>;
}

export async function startReceiver(
  ctx: SandboxContext,
  options: { readonly port?: number } = {},
): Promise<ReceiverService> {
  const keys = [`whsec_${randomBytes(32).toString('base64')}`];
  const token = randomBytes(18).toString('base64url');
  ctx.transcript.secret('the signing key of the receiver', keys[0] ?? '');
  ctx.transcript.secret('the addresses of the chats', token);
  let received: Received[] = [];
  let repeated = 0;

  const webhook = (request: SandboxRequest): SandboxResponse => {
    const id = verified(request, keys, ctx.clock.now());
    if (received.some((one) => one.id === id)) repeated += 1;
    else received.push({ ...asCame(request), format: 'webhook', id });
    return { status: 204 };
  };
  const chat = (format: 'teams' | 'slack', request: SandboxRequest): SandboxResponse => {
    received.push({ ...asCame(request), format, id: String(received.length + 1) });
    return format === 'teams' ? { status: 202 } : { status: 200, body: 'ok' };
  };

  const server = await startHttps(ctx, {
    ...options,
    names: [NAME],
    system: 'channels',
    operation: ({ method, segments }) => `${method} ${segments[0] ?? ''}`,
    handler(request) {
      const [format, given] = request.segments;
      if (request.method === 'GET') return { status: 200, body: { received, repeated } };
      if (format === 'webhook') return webhook(request);
      if (format === 'teams' && request.query.get('sig') === token) {
        checkCard(request.json, request.body.length);
        return chat(format, request);
      }
      if (format === 'slack' && given === token) {
        checkMessage(request.json);
        return chat(format, request);
      }
      // Teams' workflows say that a signature does not fit, Slack that there is no such service.
      return format === 'teams' ? { status: 401 } : { status: 404, body: 'no_service' };
    },
  });
  const host = `${NAME}:${server.port}`;
  const arm = (action: Parameters<typeof ctx.faults.add>[0]['action']): (() => void) => {
    const id = ctx.faults.add({ system: 'channels', match: '^POST', action });
    return () => ctx.faults.remove(id);
  };
  const paths = { webhook: '/webhook', teams: `/teams/invoke?sig=${token}`, slack: `/slack/${token}` } as const;
  return {
    host,
    keys,
    get received() {
      return received;
    },
    get repeated() {
      return repeated;
    },
    url: (format) => `https://${host}${paths[format]}`,
    fail: (status, headers) => arm({ status, body: 'no', ...(headers === undefined ? {} : { headers }) }),
    hang: () => arm({ delayMs: 3600_000, drop: 'before' }),
    clear() {
      received = [];
      repeated = 0;
    },
    stop: () => server.stop(),
  };
}

function asCame({ json, body, headers }: SandboxRequest): Pick<Received, 'body' | 'raw' | 'headers'> {
  const signed = Object.entries(headers).filter(([name]) => name.startsWith('webhook-'));
  return {
    body: json,
    raw: body.toString('utf8'),
    headers: Object.fromEntries(signed.map(([k, v]) => [k, String(v)])),
  };
}

/** As the standard has it: one signature that fits is enough. @returns the webhook's id */
function verified({ headers, body }: SandboxRequest, keys: readonly string[], now: Date): string {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) =>
    String(headers[`webhook-${name}`]),
  );
  const isRecent = Math.abs(now.getTime() / 1000 - Number(timestamp)) <= TOLERANCE_S;
  const fits = keys.some((key) => {
    const digest = createHmac('sha256', Buffer.from(key.replace(/^whsec_/, ''), 'base64'));
    const wanted = digest.update(`${id}.${timestamp}.`).update(body).digest();
    return (signatures ?? '').split(' ').some((one) => {
      const given = Buffer.from(one.replace(/^v1,/, ''), 'base64');
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    });
  });
  if (id === undefined || !isRecent || !fits) throw new HttpProblem(401, { error: 'the signature does not fit' });
  return id;
}
