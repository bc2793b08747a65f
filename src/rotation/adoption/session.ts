import { CallScope, LEASE_MS } from '../calls.ts';
import type { Adoptions, Call, Clock, ObjectRef } from '../ports.ts';
import { isHeld } from '../record.ts';
import type { Adoption } from './record.ts';

/** One delivery's hold on the row of an object's consumers: the row, guarded by its ETag, and the lease in it. */
export class AdoptionSession {
  readonly object: ObjectRef;
  readonly owner: string;
  readonly scope: CallScope;
  readonly #adoptions: Adoptions;
  readonly #clock: Clock;
  #record: Adoption | undefined;
  #etag: string | undefined;

  private constructor(deps: AdoptionDeps, object: ObjectRef) {
    this.object = object;
    this.owner = deps.owner;
    this.#adoptions = deps.adoptions;
    this.#clock = deps.clock;
    this.scope = new CallScope(deps.clock, LEASE_MS);
  }

  static async open(deps: AdoptionDeps, object: ObjectRef): Promise<AdoptionSession> {
    const session = new AdoptionSession(deps, object);
    const entry = await session.call('reading who uses it', (call) => deps.adoptions.read(object, call));
    session.#record = entry?.record;
    session.#etag = entry?.etag;
    return session;
  }

  get record(): Adoption | undefined {
    return this.#record;
  }

  now(): Date {
    return this.#clock.now();
  }

  /** Somebody else's lease that has not lapsed yet. */
  get isHeld(): boolean {
    const lease = this.#record?.lease;
    return lease !== undefined && lease.owner !== this.owner && isHeld(lease, this.now());
  }

  call<T>(what: string, work: (call: Call) => Promise<T>, longest?: number): Promise<T> {
    return this.scope.run(what, work, longest);
  }

  /** Writes the row and takes or keeps the lease. @throws LEASE_LOST when somebody else wrote it since */
  async saveHeld(record: Adoption): Promise<void> {
    const until = new Date(this.now().getTime() + LEASE_MS);
    await this.#save({ ...record, lease: { owner: this.owner, until: until.toISOString() } });
    this.scope.extend(until);
  }

  /** Writes the row and gives the lease back. */
  async saveReleased({ lease: _lease, ...record }: Adoption): Promise<void> {
    await this.#save(record);
  }

  async #save(record: Adoption): Promise<void> {
    this.#etag = await this.call('writing who uses it', (call) => this.#adoptions.write(record, this.#etag, call));
    this.#record = record;
  }
}

export interface AdoptionDeps {
  readonly adoptions: Adoptions;
  readonly clock: Clock;
  /** Unique to this handling of this message. */
  readonly owner: string;
}
