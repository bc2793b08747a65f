import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { TableClient } from '@azure/data-tables';
import { parseAdoption, type Adoption } from '../rotation/adoption/record.ts';
import { RotationError } from '../rotation/errors.ts';
import { objectKey } from '../rotation/ids.ts';
import type { AdoptionEntry, Adoptions, Call } from '../rotation/ports.ts';
import { hash, type Row } from './rows.ts';
import { callingTable, entity, query, type Calling, type Found, type TableDeps } from './table.ts';

/*
 * In the table of the journal:
 *
 *   PartitionKey              RowKey     what
 *   ────────────────────────  ─────────  ──────────────────────────────────────────────────────────────────────────
 *   <object key>              adoption   an object's newest version and its consumers; its ETag is lease and fence
 *   parent_<hash of the id>   lease      who changes a resource just now, so that no two pushes cross
 */
const ADOPTION = 'adoption';
const LEASE = 'lease';

/**
 * A string property holds at most 32K UTF-16 units, a row 1 MiB. That is some 1,500 consumers that are well; one grant that is missing
 * fails them all, each with its sentence and its command: what is too long is packed, as base64, which no JSON begins like.
 */
const CHUNK = 32_000;
const MAX_CHUNKS = 15;
/** Unpacked. */
const LONGEST = 32 * 1024 * 1024;
const PACKED = 'packed:';

/** Where consumers stand, on Azure Tables, one request a call (table.ts). */
export function createAdoptions(deps: TableDeps): Adoptions {
  const calling = callingTable(deps);
  return {
    read: (object, call) =>
      calling('reading who uses an object', false, call, async (table): Promise<AdoptionEntry | undefined> => {
        const row = await entity(table, objectKey(object), ADOPTION, call);
        return row === undefined ? undefined : entryOf(row);
      }),
    write: (record, etag, call) =>
      calling('writing who uses an object', true, call, async (table) => {
        const row = rowOf(record);
        const options = { abortSignal: call.signal };
        const answer =
          etag === undefined
            ? await table.createEntity(row, options)
            : await table.updateEntity(row, 'Replace', { ...options, etag });
        if (answer.etag === undefined) throw new TypeError('the table service answered a write without an ETag');
        return answer.etag;
      }),
    open: (call) => open(calling, call),
    async takeParent(parent, owner, until, call) {
      try {
        return await calling('taking a resource', true, call, (table) => take(table, parent, owner, until, call));
      } catch (error) {
        // Somebody was quicker.
        if (error instanceof RotationError && error.code === 'LEASE_LOST') return false;
        throw error;
      }
    },
    releaseParent: (parent, owner, call) =>
      calling('giving back a resource', true, call, async (table) => {
        const row = await entity(table, partitionOf(parent), LEASE, call);
        if (row?.['owner'] !== owner) return;
        await table.deleteEntity(partitionOf(parent), LEASE, { etag: row.etag, abortSignal: call.signal });
      }),
  };
}

async function take(table: TableClient, parent: string, owner: string, until: Date, call: Call): Promise<boolean> {
  const row = { partitionKey: partitionOf(parent), rowKey: LEASE, parent, owner, until: until.toISOString() };
  const held = await entity(table, row.partitionKey, LEASE, call);
  const options = { abortSignal: call.signal };
  if (held === undefined) await table.createEntity(row, options);
  else if (held['owner'] !== owner && Date.parse(String(held['until'])) > call.now().getTime()) return false;
  else await table.updateEntity(row, 'Replace', { ...options, etag: held.etag });
  return true;
}

async function* open(calling: Calling, call: Call): AsyncIterable<AdoptionEntry | RotationError> {
  const filter = `RowKey eq '${ADOPTION}' and wakeAt gt ''`;
  const found = await calling('reading who uses what', false, call, async (table) => {
    const all: Found[] = [];
    for await (const row of query(table, filter, call)) all.push(row);
    return all;
  });
  for (const row of found) {
    try {
      yield entryOf(row);
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      yield error;
    }
  }
}

function entryOf(row: Found): AdoptionEntry {
  const text = Array.from({ length: MAX_CHUNKS }, (_, index) => row[`record${index}`]).filter(
    (chunk) => typeof chunk === 'string',
  );
  const where = `${String(row['vault'])}/${String(row['name'])}, PartitionKey ${String(row['partitionKey'])}, RowKey ${ADOPTION}`;
  return { record: parseAdoption(unpacked(text.join('')), where), etag: row.etag };
}

/** What cannot be unpacked is no JSON either, and is named as that. */
function unpacked(text: string): string {
  if (!text.startsWith(PACKED)) return text;
  try {
    const bytes = Buffer.from(text.slice(PACKED.length), 'base64');
    return inflateRawSync(bytes, { maxOutputLength: LONGEST }).toString('utf8');
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return '';
  }
}

function fitting(record: Adoption): string {
  const text = JSON.stringify(record);
  if (text.length <= CHUNK * MAX_CHUNKS || text.length > LONGEST / 4) return text;
  return `${PACKED}${deflateRawSync(text).toString('base64')}`;
}

function rowOf(record: Adoption): Row {
  const text = fitting(record);
  const chunks = Math.ceil(text.length / CHUNK);
  if (chunks > MAX_CHUNKS) throw tooMany(record);
  const { object, version, wakeAt } = record;
  return {
    partitionKey: objectKey(object),
    rowKey: ADOPTION,
    vault: object.vault,
    name: object.name,
    version,
    ...(wakeAt === undefined ? {} : { wakeAt }),
    ...Object.fromEntries(
      Array.from({ length: chunks }, (_, index) => [`record${index}`, text.slice(index * CHUNK, (index + 1) * CHUNK)]),
    ),
  };
}

function partitionOf(parent: string): string {
  return `parent_${hash(parent.toLowerCase())}`;
}

function tooMany({ object, consumers }: Adoption): RotationError {
  return new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `${object.vault}/${object.kind}s/${object.name} has ${consumers.length} consumers, more than a row of the journal holds`,
    remedy:
      'Split the object: give some of its consumers one of their own. They are not told about new versions meanwhile.',
  });
}
