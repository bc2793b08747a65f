import type { TableClient, TransactionAction } from '@azure/data-tables';
import type { Call, Journal, JournalEntry, ObjectRef, Slot } from '../rotation/ports.ts';
import { objectKey, objectKeyOf } from '../rotation/ids.ts';
import { RotationError } from '../rotation/errors.ts';
import type { JournalRecord } from '../rotation/record.ts';
import { isMissingContainer, storageError } from './errors.ts';
import * as rows from './rows.ts';
import { once, type StorageDeps } from './storage.ts';

export interface JournalDeps extends StorageDeps {
  readonly table: string;
  /** Told of every row of the ledger that cannot be read; the others are listed all the same. */
  readonly unreadable?: (error: RotationError) => void;
}

type Calling = <T>(doing: string, writes: boolean, call: Call, work: (table: TableClient) => Promise<T>) => Promise<T>;

/**
 * Journal and ledger on Azure Tables, one request a call. The table is made when it is first missed. The SDK's own
 * retries are off: a repeated conditional write would take its own success for somebody else's.
 */
export function createJournal(deps: JournalDeps): Journal {
  const client = once(() => connect(deps));
  const calling: Calling = async (doing, writes, call, work) => {
    const table = await client();
    try {
      return await work(table);
    } catch (error) {
      if (!isMissingContainer(error)) throw storageError(error, 'table', { doing, writes }, call.now());
    }
    try {
      await table.createTable({ abortSignal: call.signal });
      return await work(table);
    } catch (error) {
      throw storageError(error, 'table', { doing, writes }, call.now());
    }
  };
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

async function connect(deps: JournalDeps): Promise<TableClient> {
  const { TableClient } = await import('@azure/data-tables');
  const options = { retryOptions: { maxRetries: 0 } };
  if (deps.connectionString !== undefined) {
    return TableClient.fromConnectionString(deps.connectionString.reveal(), deps.table, options);
  }
  return new TableClient(deps.tableUri ?? '', deps.table, await deps.credential(), options);
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

type Found = Record<string, unknown> & { readonly etag: string };

async function entity(table: TableClient, partition: string, row: string, call: Call): Promise<Found | undefined> {
  try {
    return await table.getEntity(partition, row, { abortSignal: call.signal });
  } catch (error) {
    const status = (error as { statusCode?: unknown }).statusCode;
    if (status === 404 && !isMissingContainer(error)) return undefined;
    throw error;
  }
}

function query(table: TableClient, filter: string, call: Call): AsyncIterable<Found> {
  return table.listEntities({ queryOptions: { filter }, abortSignal: call.signal }) as AsyncIterable<Found>;
}

function same(a: ObjectRef, b: ObjectRef): boolean {
  return objectKey(a) === objectKey(b);
}
