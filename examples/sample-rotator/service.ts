/**
 * The system behind the sample rotator: keys of an imaginary parcel service, over HTTP.
 *
 *     POST   /keys {label}   201 {id, key}     makes one more; the key is told this once
 *     GET    /keys           200 [{id, label}]
 *     DELETE /keys/{id}      204, also when it is gone
 *     GET    /whoami         200 with a key that is valid, 401 with any other
 *
 * All but /whoami want the account's own token.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

interface Key {
  readonly id: string;
  readonly label: string;
  readonly key: string;
}

/** What goes wrong, until it is mended. `hang` does nothing and answers nobody. */
export type Trouble = 'denied' | 'absent' | 'throttled' | 'unavailable' | 'hang';

export class ParcelService {
  readonly token = randomBytes(16).toString('hex');
  readonly log: string[] = [];
  trouble: Trouble | undefined;
  #keys: Key[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A key as a person makes one. */
  make(label: string): Key {
    const made = { id: randomUUID(), label, key: `pk_${randomBytes(24).toString('hex')}` };
    this.#keys.push(made);
    return made;
  }

  isValid(key: string): boolean {
    return this.#keys.some((one) => one.key === key);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString('utf8');
    const operation = `${request.method ?? ''} ${request.url ?? ''}`;
    const [status, body] = this.#answer(operation, request.headers.authorization?.replace('Bearer ', '') ?? '', text);
    this.log.push(`${operation} → ${status}`);
    if (status === 0) return;
    response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {});
    response.end(body === undefined ? '' : JSON.stringify(body));
  }

  #answer(operation: string, bearer: string, text: string): readonly [status: number, body?: unknown] {
    const troubles = { denied: 403, absent: 404, throttled: 429, unavailable: 503, hang: 0 } as const;
    if (operation === 'GET /whoami') {
      if (this.trouble === 'hang' || this.trouble === 'unavailable') return [troubles[this.trouble]];
      return this.isValid(bearer) ? [200, {}] : [401];
    }
    if (this.trouble !== undefined) return [troubles[this.trouble]];
    if (bearer !== this.token) return [401];
    if (operation === 'GET /keys') return [200, this.#keys.map(({ id, label }) => ({ id, label }))];
    if (operation === 'POST /keys') {
      const { id, key } = this.make((JSON.parse(text) as { label: string }).label);
      return [201, { id, key }];
    }
    const [, gone] = /^DELETE \/keys\/(.+)$/.exec(operation) ?? [];
    this.#keys = this.#keys.filter(({ id }) => id !== gone);
    return [gone === undefined ? 404 : 204];
  }
}
