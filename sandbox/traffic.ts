export type System =
  | 'cosmos'
  | 'redis'
  | 'messaging'
  | 'app-configuration'
  | 'search'
  | 'registry'
  | 'vault'
  | 'arm'
  | 'graph'
  | 'login'
  | 'blob'
  | 'tables'
  | 'queues'
  | 'identity'
  | 'topic'
  | 'postgres'
  | 'mysql'
  | 'tds'
  | 'eventgrid'
  | 'http-api'
  | 'channels'
  | 'tls';

/** One remote call as the server's side saw it. Operations never hold a secret value. */
export interface TrafficEntry {
  /** Sandbox time, ISO 8601. */
  readonly at: string;
  readonly system: System;
  /** e.g. `GET /secrets/orders-db`, `LOGIN app_a`, `ALTER LOGIN` */
  readonly operation: string;
  /** HTTP status, or `ok` / the server's error number */
  readonly outcome: string;
  /** Who called, as far as the protocol says: the user agent, the application's name. */
  readonly client?: string;
}

/** What crossed the wire, counted at the servers. The call budget and the benchmarks are asserted from this. */
export class Traffic {
  #entries: TrafficEntry[] = [];
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  record(system: System, operation: string, outcome: string | number, client?: string): void {
    const entry = { at: this.#now().toISOString(), system, operation, outcome: String(outcome) };
    this.#entries.push(client === undefined ? entry : { ...entry, client });
    if (this.#entries.length > 200_000) this.#entries = this.#entries.slice(-100_000);
  }

  get entries(): readonly TrafficEntry[] {
    return this.#entries;
  }

  clear(): void {
    this.#entries = [];
  }
}
