import { randomUUID } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

/** Which of ARM's two headers names the operation: `Location`, or `Azure-AsyncOperation` with a status body. */
export type LaterStyle = 'location' | 'status';

interface Operation {
  readonly scope: string;
  readonly style: LaterStyle;
  readonly work: () => unknown;
  polls: number;
  done: boolean;
  result?: unknown;
}

/** ARM's asynchronous operations: accepted with 202 (or 201), under way at the first poll, done at the second. */
export class Operations {
  readonly #scopes = new Map<string, LaterStyle>();
  readonly #slow = new Set<string>();
  readonly #open = new Map<string, Operation>();

  later(scope: string, style: LaterStyle): () => void {
    this.#scopes.set(scope.toLowerCase(), style);
    return () => this.#scopes.delete(scope.toLowerCase());
  }

  /** Operations of this scope do not end, and ask for polls 20 seconds apart, until the returned function is called. */
  slow(scope: string): () => void {
    this.#slow.add(scope.toLowerCase());
    return () => this.#slow.delete(scope.toLowerCase());
  }

  /** The 202 for this scope, or undefined where its operations are done at once. */
  accept(
    { scope, origin, namespace }: { readonly scope: string; readonly origin: string; readonly namespace: string },
    work: () => unknown,
    own?: { readonly style: LaterStyle; readonly status: 201 | 202 },
  ): SandboxResponse | undefined {
    const style = this.#scopes.get(scope.toLowerCase()) ?? own?.style;
    if (style === undefined) return undefined;
    // What nobody asks about ends all the same, before the next one begins.
    for (const earlier of this.#open.values()) if (earlier.scope === scope.toLowerCase()) this.#end(earlier);
    const id = randomUUID();
    this.#open.set(id, { scope: scope.toLowerCase(), style, work, polls: 0, done: false });
    const header = style === 'location' ? 'location' : 'azure-asyncoperation';
    const url = `${origin}/providers/${namespace}/operations/${id}?api-version=2025-08-01`;
    const wait = this.#slow.has(scope.toLowerCase()) ? '20' : '0';
    return { status: own?.status ?? 202, headers: { [header]: url, 'retry-after': wait } };
  }

  /** The answer to a poll; undefined when the request is none. */
  poll(request: SandboxRequest): SandboxResponse | undefined {
    const [providers, , operations, id = ''] = request.segments;
    if (request.method !== 'GET' || providers !== 'providers' || operations !== 'operations') return undefined;
    const operation = this.#open.get(id);
    if (operation === undefined)
      return { status: 404, body: { error: { code: 'NotFound', message: 'No operation.' } } };
    operation.polls += 1;
    const slow = this.#slow.has(operation.scope);
    const pending = slow || operation.polls < 2;
    if (!pending) this.#end(operation);
    const headers = { 'retry-after': slow ? '20' : '0' };
    if (operation.style === 'location') {
      return pending ? { status: 202, headers } : { status: 200, body: operation.result };
    }
    return { status: 200, headers, body: { id, status: pending ? 'InProgress' : 'Succeeded' } };
  }

  #end(operation: Operation): void {
    if (operation.done) return;
    operation.done = true;
    operation.result = operation.work();
  }
}
