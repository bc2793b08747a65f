/** Reads one HTTP request whole and decodes it: the inbound half of `http.ts`. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface SandboxRequest {
  readonly method: string;
  /** The host the client asked for: lower case, without the port. */
  readonly host: string;
  /** The path as sent, still percent-encoded, without the query. */
  readonly path: string;
  /** The path's parts, decoded; `/secrets/n/` gives `['secrets', 'n', '']`. */
  readonly segments: readonly string[];
  /** Names and values decoded. */
  readonly query: URLSearchParams;
  /** Path and query exactly as sent, for proxies. */
  readonly rawUrl: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body parsed as JSON; `undefined` when it is empty or is not JSON. */
  readonly json: unknown;
}

/** The whole body, or undefined when it is larger than allowed (what is too much is read and thrown away). */
export async function readBody(message: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}

/** What a handler gets to see of a request. */
export function parseRequest(message: IncomingMessage, body: Buffer): SandboxRequest {
  const rawUrl = message.url ?? '/';
  const mark = rawUrl.indexOf('?');
  const path = mark < 0 ? rawUrl : rawUrl.slice(0, mark);
  let json: unknown;
  return {
    method: message.method ?? 'GET',
    host: (message.headers.host ?? '').replace(/:\d+$/, '').toLowerCase(),
    path,
    segments: path.split('/').slice(1).map(decodePart),
    query: new URLSearchParams(mark < 0 ? '' : rawUrl.slice(mark + 1)),
    rawUrl,
    headers: message.headers,
    body,
    get json(): unknown {
      json ??= parseJson(body);
      return json;
    },
  };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return part;
    throw error;
  }
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
