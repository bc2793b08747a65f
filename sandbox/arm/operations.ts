import { randomUUID } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

/** Which of ARM's two headers names the operation: `Location`, or `Azure-AsyncOperation` with a status body. */
export type LaterStyle = 'location' | 'status';

interface Operation {
  readonly style: LaterStyle;
  readonly work: () => unknown;
  polls: number;
  result?: unknown;
}

/** ARM's asynchronous operations: accepted with 202, under way at the first poll, done at the second. */
export class Operations {
  readonly #scopes = new Map<string, LaterStyle>();
  readonly #open = new Map<string, Operation>();

  later(scope: string, style: LaterStyle): () => void {
    this.#scopes.set(scope.toLowerCase(), style);
    return () => this.#scopes.delete(scope.toLowerCase());
  }

  /** The 202 for this scope, or undefined where its operations are done at once. */
  accept(scope: string, origin: string, work: () => unknown): SandboxResponse | undefined {
    const style = this.#scopes.get(scope.toLowerCase());
    if (style === undefined) return undefined;
    const id = randomUUID();
    this.#open.set(id, { style, work, polls: 0 });
    const header = style === 'location' ? 'location' : 'azure-asyncoperation';
    const url = `${origin}/providers/Microsoft.Storage/operations/${id}?api-version=2025-08-01`;
    return { status: 202, headers: { [header]: url, 'retry-after': '0' } };
  }

  /** The answer to a poll; undefined when the request is none. */
  poll(request: SandboxRequest): SandboxResponse | undefined {
    const [providers, , operations, id = ''] = request.segments;
    if (request.method !== 'GET' || providers !== 'providers' || operations !== 'operations') return undefined;
    const operation = this.#open.get(id);
    if (operation === undefined)
      return { status: 404, body: { error: { code: 'NotFound', message: 'No operation.' } } };
    operation.polls += 1;
    const pending = operation.polls < 2;
    if (operation.polls === 2) operation.result = operation.work();
    const headers = { 'retry-after': '0' };
    if (operation.style === 'location') {
      return pending ? { status: 202, headers } : { status: 200, body: operation.result };
    }
    return { status: 200, headers, body: { id, status: pending ? 'InProgress' : 'Succeeded' } };
  }
}
