/**
 * Azure Resource Graph over the resources of the simulated ARM: `POST /providers/Microsoft.ResourceGraph/resources`. It understands one
 * shape of query, the one that finds consumers, and answers 400 to every other. Its copy may be behind (`freeze`).
 */
import { HttpProblem } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { armProblem } from './errors.ts';
import { matching, readQuery, saidOf } from './kusto.ts';
import type { Row } from './kusto.ts';
import type { Resource } from './service.ts';

/** What Azure gives at most on one page. */
const MOST = 1000;
const CONTAINER = 'microsoft.resources/subscriptions';

export interface GraphSource {
  readonly resources: () => readonly Resource[];
  readonly subscriptions: () => readonly string[];
}

export class ResourceGraph {
  readonly #source: GraphSource;
  readonly #hidden = new Set<string>();
  readonly #stripped = new Set<string>();
  #frozen: readonly Row[] | undefined;
  #refusals = 0;
  #resetsAfter = '00:00:05';
  /** Lowers what one page has, so that few resources need several. */
  pageSize = MOST;

  constructor(source: GraphSource) {
    this.#source = source;
  }

  /** From now on the copy does not follow: what is deleted is still listed, what is made is not. */
  freeze(): () => void {
    this.#frozen = this.#rows();
    return () => void (this.#frozen = undefined);
  }

  /** The identity sees nothing of the subscription, and is not told so. */
  hide(subscription: string): () => void {
    this.#hidden.add(subscription.toLowerCase());
    return () => this.#hidden.delete(subscription.toLowerCase());
  }

  /** The copies of this type, lower case, lack their properties: what Azure copies of each type is documented nowhere. */
  strip(type: string): () => void {
    this.#stripped.add(type);
    return () => this.#stripped.delete(type);
  }

  /** The next so many queries are above the user's quota. @param resetsAfter hh:mm:ss */
  throttle(times: number, resetsAfter = '00:00:05'): void {
    this.#refusals = times;
    this.#resetsAfter = resetsAfter;
  }

  static asks({ method, path }: SandboxRequest): boolean {
    return method === 'POST' && path.toLowerCase() === '/providers/microsoft.resourcegraph/resources';
  }

  /** @throws HttpProblem 400, 403, 429 */
  answer(request: SandboxRequest): SandboxResponse {
    if (this.#refusals > 0) {
      this.#refusals -= 1;
      const headers = { 'x-ms-user-quota-remaining': '0', 'x-ms-user-quota-resets-after': this.#resetsAfter };
      throw armProblem(429, 'RateLimiting', 'Please provide below info when asking for support.', headers);
    }
    const { subscriptions, query, top, skip } = asked(request);
    const seen = subscriptions.filter((id) => this.#source.subscriptions().includes(id) && !this.#hidden.has(id));
    if (seen.length === 0) throw armProblem(403, 'AccessDenied', 'Access to the subscriptions is denied.');
    const read = readQuery(query);
    if (read === undefined) throw invalid(`The sandbox's Resource Graph does not read this query: ${query}`);
    const rows = [...(this.#frozen ?? this.#rows()), ...seen.map(container)]
      .filter((row) => seen.includes(row.id.split('/')[2]?.toLowerCase() ?? ''))
      .filter((row) => matching(read, row))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const size = Math.min(top, this.pageSize, MOST);
    const page = rows.slice(skip, skip + size);
    const next = skip + size < rows.length ? Buffer.from(String(skip + size)).toString('base64') : undefined;
    return {
      status: 200,
      headers: { 'x-ms-user-quota-remaining': '14', 'x-ms-user-quota-resets-after': '00:00:05' },
      body: {
        totalRecords: rows.length,
        count: page.length,
        resultTruncated: 'false',
        ...(next === undefined ? {} : { $skipToken: next }),
        facets: [],
        data: page.map((row) => ({ id: row.id, type: row.type, location: row.location, says: saidOf(read, row) })),
      },
    };
  }

  #rows(): readonly Row[] {
    return this.#source.resources().flatMap((resource) => {
      const { service, id } = resource;
      const shown = service.graph?.(resource);
      if (shown === undefined) return [];
      const type = service.address.replaceAll(/\/\{\w+\}/g, '').toLowerCase();
      const properties = this.#stripped.has(type) ? {} : shown.properties;
      return [{ id, type, location: shown.location, properties: JSON.stringify(properties) }];
    });
  }
}

function container(id: string): Row {
  return { id: `/subscriptions/${id}`, type: CONTAINER, location: '', properties: '{}' };
}

function asked(request: SandboxRequest) {
  const body = (request.json ?? {}) as Readonly<Record<string, unknown>>;
  const { subscriptions, query, options = {} } = body;
  if (typeof query !== 'string') throw invalid('Query is required.');
  if (!Array.isArray(subscriptions) || subscriptions.length === 0 || subscriptions.length > 1000) {
    throw invalid('Between 1 and 1000 subscriptions are required.');
  }
  const { $top = 100, $skipToken, resultFormat } = options as Readonly<Record<string, unknown>>;
  if (resultFormat !== 'objectArray') throw invalid('The sandbox answers as objectArray only.');
  const skip = typeof $skipToken === 'string' ? Number(Buffer.from($skipToken, 'base64').toString()) : 0;
  if (!Number.isInteger(skip)) throw invalid('The skip token is not valid.');
  const ids = subscriptions.map((id) => String(id).toLowerCase());
  return { subscriptions: ids, query, top: Number($top), skip };
}

function invalid(message: string): HttpProblem {
  return armProblem(400, 'BadRequest', message);
}
