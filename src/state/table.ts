import type { TableClient } from '@azure/data-tables';
import type { Call } from '../rotation/ports.ts';
import { isMissingContainer, storageError } from './errors.ts';
import { once, type StorageDeps } from './storage.ts';

export interface TableDeps extends StorageDeps {
  readonly table: string;
}

export type Calling = <T>(
  doing: string,
  writes: boolean,
  call: Call,
  work: (table: TableClient) => Promise<T>,
) => Promise<T>;

export type Found = Record<string, unknown> & { readonly etag: string };

/**
 * The table of the journal, connected when it is first used, and made when it is first missed. The SDK's own retries are off: a
 * repeated conditional write would take its own success for somebody else's. What fails is a `RotationError`.
 */
export function callingTable(deps: TableDeps): Calling {
  const client = once(() => connect(deps));
  return async (doing, writes, call, work) => {
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
}

async function connect(deps: TableDeps): Promise<TableClient> {
  const { TableClient } = await import('@azure/data-tables');
  const options = { retryOptions: { maxRetries: 0 } };
  if (deps.connectionString !== undefined) {
    return TableClient.fromConnectionString(deps.connectionString.reveal(), deps.table, options);
  }
  return new TableClient(deps.tableUri ?? '', deps.table, await deps.credential(), options);
}

/** @returns undefined when there is no such row */
export async function entity(
  table: TableClient,
  partition: string,
  row: string,
  call: Call,
): Promise<Found | undefined> {
  try {
    return await table.getEntity(partition, row, { abortSignal: call.signal });
  } catch (error) {
    const status = (error as { statusCode?: unknown }).statusCode;
    if (status === 404 && !isMissingContainer(error)) return undefined;
    throw error;
  }
}

/** @param filter OData */
export function query(table: TableClient, filter: string, call: Call): AsyncIterable<Found> {
  return table.listEntities({ queryOptions: { filter }, abortSignal: call.signal }) as AsyncIterable<Found>;
}
