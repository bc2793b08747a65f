import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Call } from '../rotation/ports.ts';
import { addressRefused, isPublicAddress, publicLookup } from './address.ts';
import { headerInvalid, tooLarge, unanswered, type Doing } from './failures.ts';

/** One HTTPS request to an endpoint that the settings name. */
export interface HttpsRequest {
  readonly method: string;
  /** Always https. */
  readonly url: URL;
  /** Values are printable: they are checked before anything is sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** May the host have a private, loopback or link-local address? */
  readonly allowPrivate: boolean;
}

export interface HttpsAnswer {
  readonly status: number;
  /** Lower case; of a header that came more than once, all values with commas between. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Of an answer: a listing of a thousand keys has room in it many times over. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Nothing at all came for so long; the call's own signal bounds the whole. */
const SILENCE_MS = 25_000;

/**
 * Sends one request on a connection of its own, and reads the whole answer. Never repeats, never follows a redirect, never
 * goes to an address that is not public unless that is allowed, never skips a certificate's check, and takes no proxy from
 * the environment.
 * @returns whatever status the server answered with
 * @throws RotationError when there was no answer: TIMED_OUT or UNAVAILABLE, with effect `unknown` only when the request
 *   writes and may have arrived; CONFIG_INVALID when the address or a header is not one to send to or with
 */
export async function send(request: HttpsRequest, doing: Doing, call: Call): Promise<HttpsAnswer> {
  const bad = Object.entries(request.headers).find(([, value]) => !/^[\x20-\x7e]*$/.test(value));
  if (bad !== undefined) throw headerInvalid(doing, bad[0]);
  const { request: begin } = await import('node:https');
  const { url, method, allowPrivate, body } = request;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  let sent = false;
  try {
    if (call.signal.aborted) throw new DOMException('aborted', 'AbortError');
    // A literal address is connected to without a lookup.
    if (isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host)) throw addressRefused(host, host);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = begin(url, {
        method,
        headers: { ...request.headers, ...lengthOf(body), 'accept-encoding': 'identity' },
        agent: false,
        timeout: SILENCE_MS,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        signal: call.signal,
        ...(allowPrivate ? {} : { lookup: publicLookup }),
      });
      outgoing.on('socket', (socket) => socket.once('secureConnect', () => (sent = true)));
      outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })));
      outgoing.on('error', reject);
      outgoing.on('response', resolve);
      outgoing.end(body);
    });
    return { status: answer.statusCode ?? 0, headers: headersOf(answer), text: await textOf(answer, doing) };
  } catch (error) {
    throw unanswered(error, doing, { host: url.host, sent, aborted: call.signal.aborted });
  }
}

function lengthOf(body: string | undefined): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

function headersOf(answer: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(answer.headersDistinct);
  return Object.fromEntries(entries.map(([name, values]) => [name, (values ?? []).join(', ')]));
}

async function textOf(answer: IncomingMessage, doing: Doing): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw tooLarge(doing, MOST_BYTES);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
