import { createHash } from 'node:crypto';
import { RotationError } from '../rotation/errors.ts';
import { objectKey } from '../rotation/ids.ts';
import type { Note, ObjectRef, RunFilter, Slot } from '../rotation/ports.ts';
import { parse, parseRun, serialise, type JournalRecord, type Run } from '../rotation/record.ts';

/*
 * One table:
 *
 *   PartitionKey              RowKey            what
 *   ────────────────────────  ────────────────  ──────────────────────────────────────────────────────────────
 *   <object key>              journal           the record; its ETag is lease and fence
 *   <object key>              run_<rotationId>  the ledger row of one run
 *   slot_<hash of the system> <slot, encoded>   who owns the slot
 *   notes                     <hash of the id>  what belongs to no run
 *
 * Journal and ledger rows of one object share a partition, so that one transaction writes both.
 */

export interface Row extends Record<string, unknown> {
  partitionKey: string;
  rowKey: string;
}

export const JOURNAL = 'journal';
export const NOTES = 'notes';
const RUN = 'run_';

/** A string property holds at most 32K UTF-16 units (64 KiB). Cutting would lose what a crash needs. */
const MAX_TEXT = 32_000;
/** What is kept of one text of a note. */
const MAX_NOTE = 8_000;

export function journalRow(record: JournalRecord): Row {
  const { run } = record;
  return {
    partitionKey: objectKey(record.object),
    rowKey: JOURNAL,
    record: bounded(serialise(record)),
    vault: record.object.vault,
    name: record.object.name,
    state: run?.state ?? 'done',
    step: run?.step ?? 'done',
    ...(run?.wakeAt === undefined ? {} : { wakeAt: run.wakeAt }),
  };
}

export function runRow(object: ObjectRef, run: Run): Row {
  return {
    partitionKey: objectKey(object),
    rowKey: `${RUN}${run.rotationId}`,
    run: bounded(JSON.stringify(run)),
    kind: object.kind,
    vault: object.vault,
    name: object.name,
    state: run.state,
    step: run.step,
    startedAt: run.startedAt,
  };
}

export function runKey(rotationId: string): string {
  return `${RUN}${rotationId}`;
}

/** @throws JOURNAL_INVALID naming the row */
export function readJournalRow(row: Readonly<Record<string, unknown>>): JournalRecord {
  return parse(String(row['record']), whereabouts(row));
}

/** Everything that finds the row again. */
function whereabouts(row: Readonly<Record<string, unknown>>): string {
  const [vault, name, partition, key] = ['vault', 'name', 'partitionKey', 'rowKey'].map((column) =>
    String(row[column]),
  );
  return `${vault}/${name}, PartitionKey ${partition}, RowKey ${key}`;
}

/** @throws JOURNAL_INVALID */
export function readRunRow(row: Readonly<Record<string, unknown>>): { readonly object: ObjectRef; readonly run: Run } {
  return {
    object: {
      kind: readKind(row['kind']),
      vault: String(row['vault']),
      name: String(row['name']),
    },
    run: parseRun(String(row['run']), whereabouts(row)),
  };
}

function readKind(kind: unknown): ObjectRef['kind'] {
  return kind === 'key' || kind === 'certificate' ? kind : 'secret';
}

export function slotPartition(system: string): string {
  return `slot_${hash(system)}`;
}

export function slotRow(system: string, slot: Slot, owner: ObjectRef): Row {
  return {
    partitionKey: slotPartition(system),
    rowKey: slotKey(slot),
    system,
    slot,
    ownerKind: owner.kind,
    ownerVault: owner.vault,
    ownerName: owner.name,
  };
}

/**
 * A row key must not hold / \ # ? or control characters, and an account's name may. In lower case, because SQL Server's
 * names are the same account in any case; where they are two, the second secret is refused rather than mistaken.
 */
export function slotKey(slot: Slot): string {
  return Buffer.from(slot.toLowerCase(), 'utf8').toString('base64url');
}

export function readOwner(row: Readonly<Record<string, unknown>>): ObjectRef {
  return { kind: readKind(row['ownerKind']), vault: String(row['ownerVault']), name: String(row['ownerName']) };
}

/** What a note quotes is foreign, and of any length: an event's id, a message that was given up. It is for people: cut. */
export function noteRow(note: Note): Row {
  const { id, at, object, ...rest } = note;
  const texts = {
    id,
    at: at.toISOString(),
    ...(object === undefined ? {} : { vault: object.vault, name: object.name }),
    ...rest,
  };
  return {
    partitionKey: NOTES,
    rowKey: hash(`${note.kind}|${id}`),
    ...Object.fromEntries(Object.entries(texts).map(([column, text]) => [column, cut(text)])),
  };
}

/** The beginning, with a mark where the rest is missing. A half character at the cut would be no text. */
function cut(text: string): string {
  if (text.length <= MAX_NOTE) return text;
  return `${text.slice(0, MAX_NOTE).toWellFormed()}… (${text.length} characters in all)`;
}

const KINDS: readonly ObjectRef['kind'][] = ['secret', 'key', 'certificate'];

/** An OData filter for the ledger rows that a filter asks for. */
export function runsFilter(filter: RunFilter): string {
  const parts = [`RowKey ge '${RUN}'`, `RowKey lt 'run\`'`];
  const { object, vault, name, state } = filter;
  const wantedVault = object?.vault ?? vault;
  const wantedName = object?.name ?? name;
  if (wantedVault !== undefined && wantedName !== undefined) {
    // Without a kind: a secret and a key may have the same name.
    const kinds = object === undefined ? KINDS : [object.kind];
    const keys = kinds.map((kind) => objectKey({ kind, vault: wantedVault, name: wantedName }));
    parts.push(`(${keys.map((key) => `PartitionKey eq '${key}'`).join(' or ')})`);
  } else {
    if (wantedVault !== undefined) parts.push(`vault eq '${quoted(wantedVault)}'`);
    if (wantedName !== undefined) parts.push(`name eq '${quoted(wantedName)}'`);
  }
  if (state !== undefined) parts.push(`state eq '${state}'`);
  return parts.join(' and ');
}

/** Journal rows whose run is not over. */
export const OPEN_FILTER = `RowKey eq '${JOURNAL}' and (state eq 'queued' or state eq 'running' or state eq 'waiting' or state eq 'blocked')`;

function quoted(text: string): string {
  return text.replaceAll("'", "''");
}

export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

function bounded(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  throw new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `a record of ${text.length} characters does not fit into a row of the journal (${MAX_TEXT})`,
    remedy:
      'This is a fault of Keyturn: report it. The object is not rotated meanwhile; its current credential stays valid.',
  });
}
