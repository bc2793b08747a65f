import type { Adoption } from '../../../src/rotation/adoption/record.ts';
import { parseAdoption } from '../../../src/rotation/adoption/record.ts';
import { RotationError } from '../../../src/rotation/errors.ts';
import { objectKey } from '../../../src/rotation/ids.ts';
import type {
  AdoptionEntry,
  Adoptions,
  Clock,
  Confirmation,
  Consumer,
  Discovered,
  Discovery,
  ObjectRef,
  Reference,
  Refreshed,
  VersionRef,
} from '../../../src/rotation/ports.ts';
import type { Calls } from './calls.ts';

/** How a consumer in memory behaves. */
export interface MemoryConsumerState {
  /** The version that it serves. */
  version: string;
  /** Its own resource's, unless several share one. */
  parent?: string;
  pinned?: string;
  advisory?: boolean;
  /** `at-once`: serves it when it is told; `slow`: an operation, and then it does; `lagging`: when a test says so. */
  takes?: 'at-once' | 'slow' | 'lagging' | 'by-itself' | 'by-hand' | 'delivered';
  /** Nobody can see what it serves. */
  hidden?: boolean;
}

/** Consumers in memory. One operation at a time for each parent: a push while another one is under way is a mistake of ours. */
export class MemoryConsumers implements Consumer, Discovery {
  readonly kind = 'test-consumer';
  readonly objects = ['secret', 'certificate'] as const;
  readonly lagMs = { pushed: 3600_000, follows: 24 * 3600_000 };
  readonly #calls: Calls;
  readonly #states = new Map<string, MemoryConsumerState>();
  /** By operation: what it will have done. */
  readonly #operations = new Map<string, { readonly id: string; readonly version: string; ended: boolean }>();
  enabled = false;
  /** Nobody who is found is waited for. */
  isAdvisory = false;
  gaps: Discovered['gaps'] = [];
  pushes = 0;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  waitsFor(): boolean {
    return this.enabled && !this.isAdvisory;
  }

  async find(_object: ObjectRef): Promise<Discovered> {
    await this.#calls.made('discovery.find');
    const references = [...this.#states].map(([id, { parent = id, pinned, advisory = false }]): Reference => {
      const base = { kind: this.kind, id, parent, hosts: [], advisory };
      return pinned === undefined ? base : { ...base, pinned };
    });
    return { references, gaps: this.gaps };
  }

  async refresh({ id }: Reference, { version }: VersionRef, operation?: string): Promise<Refreshed> {
    await this.#calls.made('consumer.refresh');
    const state = this.#state(id);
    if (operation !== undefined) {
      const known = this.#operations.get(operation);
      return known?.ended === true ? { is: 'pushed' } : { is: 'running', operation };
    }
    switch (state.takes) {
      case 'by-itself':
        return { is: 'follows' };
      case 'by-hand':
        return { is: 'reported', detail: `${id} names a version`, remedy: `Change ${id} by hand` };
      case 'slow': {
        this.pushes += 1;
        const started = `operation-${this.pushes}`;
        this.#operations.set(started, { id, version, ended: false });
        return { is: 'running', operation: started };
      }
      case 'lagging':
        this.pushes += 1;
        return { is: 'pushed' };
      case 'delivered':
        this.pushes += 1;
        return { is: 'delivered', detail: `${id} has said that it has ${version}` };
      case 'at-once':
      case undefined:
        break;
    }
    this.pushes += 1;
    state.version = version;
    return { is: 'pushed' };
  }

  async confirm({ id }: Reference, { version }: VersionRef): Promise<Confirmation> {
    await this.#calls.made('consumer.confirm');
    const state = this.#state(id);
    if (state.hidden === true) return { is: 'unreachable', detail: `${id} is behind a wall`, remedy: 'Open it' };
    const detail = `${id} serves ${state.version}`;
    return state.version === version ? { is: 'adopted', proof: 'handshake', detail } : { is: 'pending', detail };
  }

  /* What tests look at and put there. */

  put(id: string, state: MemoryConsumerState): void {
    this.enabled = true;
    this.#states.set(id, state);
  }

  remove(id: string): void {
    this.#states.delete(id);
  }

  serves(id: string): string {
    return this.#state(id).version;
  }

  /** What lags or follows has come to this version; what is slow has ended. */
  settle(version: string): void {
    for (const operation of this.#operations.values()) {
      if (operation.ended) continue;
      operation.ended = true;
      this.#state(operation.id).version = operation.version;
    }
    for (const state of this.#states.values()) {
      if (state.takes === 'lagging' || state.takes === 'by-itself') state.version = version;
    }
  }

  #state(id: string): MemoryConsumerState {
    const state = this.#states.get(id);
    if (state !== undefined) return state;
    throw new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message: `${id} is not there` });
  }
}

/** Rows with ETags, as text. */
export class MemoryAdoptions implements Adoptions {
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #rows = new Map<string, { readonly text: string; readonly etag: string }>();
  readonly parents = new Map<string, { readonly owner: string; readonly until: Date }>();
  #etags = 0;

  constructor(calls: Calls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  async read(object: ObjectRef): Promise<AdoptionEntry | undefined> {
    await this.#calls.made('adoptions.read');
    return this.entry(object);
  }

  async write(record: Adoption, etag: string | undefined): Promise<string> {
    await this.#calls.made('adoptions.write');
    if (this.#rows.get(objectKey(record.object))?.etag !== etag) {
      throw new RotationError({ code: 'LEASE_LOST', recovery: 'retry', message: 'the row has changed' });
    }
    this.#etags += 1;
    this.#rows.set(objectKey(record.object), { text: JSON.stringify(record), etag: `"${this.#etags}"` });
    return `"${this.#etags}"`;
  }

  async *open(): AsyncIterable<AdoptionEntry> {
    await this.#calls.made('adoptions.open');
    for (const { text, etag } of [...this.#rows.values()]) {
      const record = parseAdoption(text, 'an object');
      if (record.wakeAt !== undefined) yield { record, etag };
    }
  }

  async takeParent(parent: string, owner: string, until: Date): Promise<boolean> {
    await this.#calls.made('adoptions.takeParent');
    const held = this.parents.get(parent);
    if (held !== undefined && held.owner !== owner && held.until > this.#clock.now()) return false;
    this.parents.set(parent, { owner, until });
    return true;
  }

  async releaseParent(parent: string, owner: string): Promise<void> {
    await this.#calls.made('adoptions.releaseParent');
    if (this.parents.get(parent)?.owner === owner) this.parents.delete(parent);
  }

  entry(object: ObjectRef): AdoptionEntry | undefined {
    const row = this.#rows.get(objectKey(object));
    return row === undefined ? undefined : { record: parseAdoption(row.text, 'an object'), etag: row.etag };
  }

  text(): string {
    return JSON.stringify([...this.#rows.values()]);
  }
}
