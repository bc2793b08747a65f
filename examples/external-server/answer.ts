/**
 * What an endpoint for Keyturn's rotator `external` has to do, in one function without a server around it. Copy the file, and
 * put your own system in the place of `System`; docs/external.md is the protocol. It imports nothing but Node.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface Request {
  /** In lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Credential {
  readonly credentialId: string;
  readonly rotationId?: string;
  readonly notAfter?: string;
}

/** What you write. A refusal is thrown as `Refused`. */
export interface System {
  /** Words about what is in the way, without secrets; none when nothing is. Changes nothing. */
  check(): readonly { readonly code: string; readonly message: string; readonly remedy: string }[];
  list(): readonly Credential[];
  /** Makes a credential and labels it with the rotation's id. With the same id again: one live credential at the end. */
  set(ask: { readonly rotationId: string; readonly slot: string }): Credential & { readonly value: string };
  /** Really logs in with it. */
  test(ask: { readonly credentialId: string; readonly value: string }): boolean;
  /** Absent is success. */
  revoke(ask: { readonly credentialId: string }): void;
}

/** The status says what kind of refusal it is: 403, 404, 409, 429 (with `retryAfter`), 503. */
export class Refused extends Error {
  readonly status: number;
  readonly retryAfter: number | undefined;

  constructor(status: number, retryAfter?: number) {
    super(`refused with ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Requests that are older or newer than this are refused, and answers that are; in seconds. */
const TOLERANCE = 300;

/**
 * @param key `whsec_` and base64, the same that is in the vault
 * @param now the time in milliseconds
 */
export function createAnswer(
  system: System,
  { key, now = Date.now }: { readonly key: string; readonly now?: () => number },
): (request: Request) => Response {
  const secret = Buffer.from(key.replace(/^whsec_/, ''), key.startsWith('whsec_') ? 'base64' : 'utf8');
  const sign = (id: string, timestamp: string, body: string): string =>
    `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  /** Ids of requests that were taken, with their time: none is taken twice. More than one process must share them. */
  const taken = new Map<string, number>();

  function isGenuine({ headers, body }: Request): boolean {
    const id = one(headers['webhook-id']);
    const timestamp = one(headers['webhook-timestamp']);
    const wanted = Buffer.from(sign(id, timestamp, body));
    const given = Buffer.from(one(headers['webhook-signature']));
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false;
    const seconds = now() / 1000;
    if (!(Math.abs(seconds - Number(timestamp)) <= TOLERANCE)) return false;
    for (const [old, at] of taken) if (seconds - at > 2 * TOLERANCE) taken.delete(old);
    if (taken.has(id)) return false;
    taken.set(id, seconds);
    return true;
  }

  return (request) => {
    if (!isGenuine(request)) return plain(401, 'ACCESS_DENIED');
    try {
      const body = JSON.stringify(perform(system, JSON.parse(request.body) as Ask));
      // The answer is for this request alone: its id is what the request's was, with `reply_` before it.
      const id = `reply_${one(request.headers['webhook-id'])}`;
      const timestamp = String(Math.floor(now() / 1000));
      const signature = sign(id, timestamp, body);
      const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
      return { status: 200, headers: { 'content-type': 'application/json', ...signed }, body };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const wait: Record<string, string> =
        error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) };
      return { ...plain(error.status), headers: wait };
    }
  };
}

type Ask = {
  readonly rotationId: string;
  readonly slot: string;
  readonly credentialId: string;
  readonly value: string;
} & {
  readonly verb: string;
};

function perform(system: System, ask: Ask): object {
  switch (ask.verb) {
    case 'check':
      return { blockers: system.check() };
    case 'list':
      return { credentials: system.list() };
    case 'set':
      return system.set(ask);
    case 'test':
      return { accepted: system.test(ask) };
    case 'revoke':
      system.revoke(ask);
      return {};
    default:
      throw new Refused(400);
  }
}

function plain(status: number, code?: string): Response {
  const body = code === undefined ? '' : JSON.stringify({ error: { code } });
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
