import { randomUUID } from 'node:crypto';
import { HttpProblem } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

/** Which of ARM's two headers names the operation: `Location`, or `Azure-AsyncOperation` with a status body. */
export type LaterStyle = 'location' | 'status';

interface Operation {
  readonly scope: string;
  readonly style: LaterStyle;
  readonly work: () => unknown;
  readonly startedMs: number;
  polls: number;
  done: boolean;
  result?: unknown;
  /** It has ended without doing its work. */
  problem?: { readonly status: 'Failed' | 'Canceled'; readonly error: unknown };
}

/** So long an operation takes that nobody asks about. */
const UNASKED_MS = 20_000;

/** ARM's asynchronous operations: accepted with 202 (or 201), under way at the first poll, done at the second. */
export class Operations {
  readonly #now: () => Date;
  readonly #scopes = new Map<string, LaterStyle>();
  readonly #slow = new Set<string>();
  readonly #open = new Map<string, Operation>();

  constructor(now: () => Date) {
    this.#now = now;
  }

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
    own?: { readonly style: LaterStyle; readonly status: 201 | 202; readonly isSuperseded?: true },
  ): SandboxResponse | undefined {
    const style = this.#scopes.get(scope.toLowerCase()) ?? own?.style;
    if (style === undefined) return undefined;
    if (own?.isSuperseded === true) this.supersede(scope);
    // What nobody asks about ends all the same, before the next one begins.
    for (const earlier of this.#open.values()) if (earlier.scope === scope.toLowerCase()) this.#end(earlier);
    const id = randomUUID();
    const startedMs = this.#now().getTime();
    this.#open.set(id, { scope: scope.toLowerCase(), style, work, startedMs, polls: 0, done: false });
    const header = style === 'location' ? 'location' : 'azure-asyncoperation';
    const url = `${origin}/providers/${namespace}/operations/${id}?api-version=2025-08-01`;
    const wait = this.#slow.has(scope.toLowerCase()) ? '20' : '0';
    return { status: own?.status ?? 202, headers: { [header]: url, 'retry-after': wait } };
  }

  /** Operations end, whether or not somebody asks: called before every request. */
  pass(): void {
    const now = this.#now().getTime();
    for (const operation of this.#open.values()) {
      if (now >= operation.startedMs + UNASKED_MS && !this.#slow.has(operation.scope)) this.#end(operation);
    }
  }

  /** What is under way on the resource is canceled for another change of it (azure-cli #21156). */
  supersede(scope: string): void {
    for (const operation of this.#open.values()) {
      if (operation.scope !== scope.toLowerCase() || operation.done) continue;
      operation.done = true;
      const message = 'The operation was canceled and superseded by another operation.';
      const error = { code: 'CanceledAndSupersededDueToAnotherOperation', message };
      operation.problem = { status: 'Canceled', error };
    }
  }

  /** The answer to a poll; undefined when the request is none. */
  poll(request: SandboxRequest): SandboxResponse | undefined {
    const [providers, , operations, id = ''] = request.segments;
    if (request.method !== 'GET' || providers !== 'providers' || operations !== 'operations') return undefined;
    const operation = this.#open.get(id);
    if (operation === undefined)
      return { status: 404, body: { error: { code: 'NotFound', message: 'No operation.' } } };
    operation.polls += 1;
    const slow = this.#slow.has(operation.scope) && !operation.done;
    const pending = slow || operation.polls < 2;
    if (!pending) this.#end(operation);
    const headers = { 'retry-after': slow ? '20' : '0' };
    if (!pending && operation.problem !== undefined) {
      return { status: 200, headers, body: { id, ...operation.problem } };
    }
    if (operation.style === 'location') {
      return pending ? { status: 202, headers } : { status: 200, body: operation.result };
    }
    return { status: 200, headers, body: { id, status: pending ? 'InProgress' : 'Succeeded' } };
  }

  #end(operation: Operation): void {
    if (operation.done) return;
    operation.done = true;
    try {
      operation.result = operation.work();
    } catch (error) {
      // What the service finds out only while it is at it.
      if (!(error instanceof HttpProblem)) throw error;
      const { body } = error.response;
      const inner = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
      operation.problem = { status: 'Failed', error: inner };
    }
  }
}
