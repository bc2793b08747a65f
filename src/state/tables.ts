import type { TableClient, TransactionAction } from '@azure/data-tables';
import type { Call, Journal, JournalEntry, ObjectRef, Slot } from '../rotation/ports.ts';
import { objectKey, objectKeyOf } from '../rotation/ids.ts';
import { RotationError } from '../rotation/errors.ts';
import type { JournalRecord } from '../rotation/record.ts';
import * as rows from './rows.ts';
import { callingTable, entity, query, type Calling, type Found, type TableDeps } from './table.ts';

export interface JournalDeps extends TableDeps {
  /** Told of every row of the ledger that cannot be read; the others are listed all the same. */
  readonly unreadable?: (error: RotationError) => void;
}

/** Journal and ledger on Azure Tables, one request a call (table.ts). */
export function createJournal(deps: JournalDeps): Journal {
  const calling = callingTable(deps);
  return {
    read: (object, call) =>
      calling('reading the journal', false, call, async (table): Promise<JournalEntry | undefined> => {
        const row = await entity(table, objectKey(object), rows.JOURNAL, call);
        return row === undefined ? undefined : { record: rows.readJournalRow(row), etag: row.etag };
      }),
    write: (record, etag, call) =>
      calling('writing the journal', true, call, (table) => write(table, record, etag, call)),
    ...slots(calling),
    announceRun: (object, run, call) =>
      calling('writing the ledger', true, call, async (table) => {
        await table.upsertEntity(rows.runRow(object, run), 'Replace', { abortSignal: call.signal });
      }),
    run: async (id, call) => {
      const partition = objectKeyOf(id);
      if (partition === undefined) return undefined;
      return calling('reading the ledger', false, call, async (table) => {
        const row = await entity(table, partition, rows.runKey(id), call);
        return row === undefined ? undefined : rows.readRunRow(row);
      });
    },
    runs: (filter, call) =>
      calling('reading the ledger', false, call, async (table) => {
        const found = [];
        for await (const row of query(table, rows.runsFilter(filter), call)) {
          try {
            found.push(rows.readRunRow(row));
          } catch (error) {
            if (!(error instanceof RotationError)) throw error;
            deps.unreadable?.(error);
          }
        }
        return found.sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt)).slice(0, filter.limit);
      }),
    open: (call) => open(calling, call),
    note: (note, call) =>
      calling('writing a note', true, call, async (table) => {
        await table.upsertEntity(rows.noteRow(note), 'Replace', { abortSignal: call.signal });
      }),
  };
}

/** Journal and ledger row in one transaction. @returns the journal row's new ETag */
async function write(table: TableClient, record: JournalRecord, etag: string | undefined, call: Call): Promise<string> {
  const journal = rows.journalRow(record);
  const actions: TransactionAction[] = [
    etag === undefined ? ['create', journal] : ['update', journal, 'Replace', { etag }],
  ];
  if (record.run !== undefined) actions.push(['upsert', rows.runRow(record.object, record.run), 'Replace']);
  const answer = await table.submitTransaction(actions, { abortSignal: call.signal });
  const written = answer.subResponses[0]?.etag;
  if (written === undefined) throw new TypeError('the table service answered a transaction without an ETag');
  return written;
}

function slots(calling: Calling): Pick<Journal, 'claimSlots' | 'slotOwner' | 'releaseSlots'> {
  const owners = (table: TableClient, system: string, wanted: readonly Slot[], call: Call) =>
    Promise.all(wanted.map((slot) => entity(table, rows.slotPartition(system), rows.slotKey(slot), call)));
  const slotOwner: Journal['slotOwner'] = (system, wanted, call) =>
    calling('reading the slots', false, call, async (table) => {
      const found = (await owners(table, system, wanted, call)).find((row) => row !== undefined);
      return found === undefined ? undefined : rows.readOwner(found);
    });
  return {
    slotOwner,
    claimSlots: async (system, wanted, owner, call) => {
      try {
        await calling('claiming the slots', true, call, (table) =>
          table.submitTransaction(
            wanted.map((slot) => ['create', rows.slotRow(system, slot, owner)] as TransactionAction),
            { abortSignal: call.signal },
          ),
        );
        return undefined;
      } catch (error) {
        if (!(error instanceof RotationError) || error.code !== 'LEASE_LOST') throw error;
      }
      return adopt(calling, system, wanted, owner, call, owners);
    },
    releaseSlots: (system, wanted, owner, call) =>
      calling('freeing the slots', true, call, async (table) => {
        for (const row of await owners(table, system, wanted, call)) {
          if (row === undefined || !same(rows.readOwner(row), owner)) continue;
          await table.deleteEntity(String(row['partitionKey']), String(row['rowKey']), {
            etag: row.etag,
            abortSignal: call.signal,
          });
        }
      }),
  };
}

/** Some of the slots have an owner. Ours already: the rest is claimed, too. Anybody else's: nothing is. */
async function adopt(
  calling: Calling,
  system: string,
  wanted: readonly Slot[],
  owner: ObjectRef,
  call: Call,
  owners: (
    table: TableClient,
    system: string,
    wanted: readonly Slot[],
    call: Call,
  ) => Promise<readonly (Found | undefined)[]>,
): Promise<ObjectRef | undefined> {
  return calling('claiming the slots', true, call, async (table) => {
    const found = await owners(table, system, wanted, call);
    const foreign = found.find((row) => row !== undefined && !same(rows.readOwner(row), owner));
    if (foreign !== undefined) return rows.readOwner(foreign);
    const missing = wanted.filter((_, index) => found[index] === undefined);
    if (missing.length === 0) return undefined;
    await table.submitTransaction(
      missing.map((slot) => ['create', rows.slotRow(system, slot, owner)] as TransactionAction),
      { abortSignal: call.signal },
    );
    return undefined;
  });
}

async function* open(calling: Calling, call: Call): AsyncIterable<JournalEntry | RotationError> {
  const found = await calling('reading the journal', false, call, async (table) => {
    const all: Found[] = [];
    for await (const row of query(table, rows.OPEN_FILTER, call)) all.push(row);
    return all;
  });
  for (const row of found) {
    try {
      yield { record: rows.readJournalRow(row), etag: row.etag };
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      yield error;
    }
  }
}

function same(a: ObjectRef, b: ObjectRef): boolean {
  return objectKey(a) === objectKey(b);
}
