import { RotationError } from '../../../src/rotation/errors.ts';
import { objectKey } from '../../../src/rotation/ids.ts';
import { isOver } from '../../../src/rotation/machine.ts';
import type { Journal, JournalEntry, Note, ObjectRef, RunFilter, Slot } from '../../../src/rotation/ports.ts';
import { parse, serialise, type JournalRecord, type Run } from '../../../src/rotation/record.ts';
import type { Calls } from './calls.ts';

interface LedgerRow {
  readonly object: ObjectRef;
  readonly run: Run;
}

/** Rows with ETags, slots with owners, a ledger and notes, as text: what cannot be stored is not kept by accident. */
export class MemoryJournal implements Journal {
  readonly #calls: Calls;
  readonly #rows = new Map<string, { readonly text: string; readonly etag: string }>();
  readonly #slots = new Map<string, ObjectRef>();
  readonly ledger = new Map<string, LedgerRow>();
  readonly notes = new Map<string, Note>();
  #etags = 0;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async read(object: ObjectRef): Promise<JournalEntry | undefined> {
    await this.#calls.made('journal.read');
    return this.entry(object);
  }

  async write(record: JournalRecord, etag: string | undefined): Promise<string> {
    await this.#calls.made('journal.write');
    if (this.#rows.get(objectKey(record.object))?.etag !== etag) {
      throw new RotationError({ code: 'LEASE_LOST', recovery: 'retry', message: 'the row has changed' });
    }
    return this.put(record);
  }

  async claimSlots(system: string, slots: readonly Slot[], owner: ObjectRef): Promise<ObjectRef | undefined> {
    await this.#calls.made('journal.claimSlots');
    const foreign = this.#foreign(system, slots, owner);
    if (foreign === undefined) for (const slot of slots) this.#slots.set(`${system}|${slot}`, owner);
    return foreign;
  }

  async slotOwner(system: string, slots: readonly Slot[]): Promise<ObjectRef | undefined> {
    await this.#calls.made('journal.slotOwner');
    return this.ownerOf(system, slots);
  }

  async releaseSlots(system: string, slots: readonly Slot[], owner: ObjectRef): Promise<void> {
    await this.#calls.made('journal.releaseSlots');
    for (const slot of slots) {
      const found = this.#slots.get(`${system}|${slot}`);
      if (found !== undefined && objectKey(found) === objectKey(owner)) this.#slots.delete(`${system}|${slot}`);
    }
  }

  async announceRun(object: ObjectRef, run: Run): Promise<void> {
    await this.#calls.made('journal.announceRun');
    this.ledger.set(run.rotationId, { object, run });
  }

  async run(id: string): Promise<LedgerRow | undefined> {
    await this.#calls.made('journal.run');
    return this.ledger.get(id);
  }

  async runs(filter: RunFilter): Promise<readonly LedgerRow[]> {
    await this.#calls.made('journal.runs');
    return [...this.ledger.values()]
      .filter(({ object }) => filter.vault === undefined || object.vault === filter.vault)
      .filter(({ object }) => filter.name === undefined || object.name === filter.name)
      .filter(({ run }) => filter.state === undefined || run.state === filter.state)
      .sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt))
      .slice(0, filter.limit);
  }

  async *open(): AsyncIterable<JournalEntry | RotationError> {
    await this.#calls.made('journal.open');
    for (const { text, etag } of [...this.#rows.values()]) {
      const record = readable(text);
      if (record instanceof RotationError) yield record;
      else if (record.run !== undefined && !isOver(record.run)) yield { record, etag };
    }
  }

  async note(note: Note): Promise<void> {
    await this.#calls.made('journal.note');
    this.notes.set(note.id, note);
  }

  /* What tests look at and put there. */

  entry(object: ObjectRef): JournalEntry | undefined {
    const row = this.#rows.get(objectKey(object));
    return row === undefined ? undefined : { record: parse(row.text), etag: row.etag };
  }

  put(record: JournalRecord): string {
    this.#etags += 1;
    const etag = `"${this.#etags}"`;
    this.#rows.set(objectKey(record.object), { text: serialise(record), etag });
    if (record.run !== undefined) this.ledger.set(record.run.rotationId, { object: record.object, run: record.run });
    return etag;
  }

  /** A row as a later version of the program, or a person, may have left it. */
  spoil(object: ObjectRef): void {
    this.#rows.set(objectKey(object), { text: '{"schema":2}', etag: '"spoilt"' });
  }

  ownerOf(system: string, slots: readonly Slot[]): ObjectRef | undefined {
    return slots.map((slot) => this.#slots.get(`${system}|${slot}`)).find((owner) => owner !== undefined);
  }

  /** Everything that is kept, as text: searched for secret values. */
  text(): string {
    return JSON.stringify([[...this.#rows.values()], [...this.ledger.values()], [...this.notes.values()]]);
  }

  #foreign(system: string, slots: readonly Slot[], owner: ObjectRef): ObjectRef | undefined {
    return slots
      .map((slot) => this.#slots.get(`${system}|${slot}`))
      .find((one) => one !== undefined && objectKey(one) !== objectKey(owner));
  }
}

function readable(text: string): JournalRecord | RotationError {
  try {
    return parse(text, 'an object');
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
}
