import type { TokenCredential } from '@azure/core-auth';
import type { SecretValue } from '../rotation/secret-value.ts';

/** How queues and table are reached: by the app's identity, or by a connection string. */
export interface StorageDeps {
  readonly connectionString?: SecretValue;
  /** `https://<account>.queue.core.windows.net` */
  readonly queueUri?: string;
  /** `https://<account>.table.core.windows.net` */
  readonly tableUri?: string;
  readonly credential: () => Promise<TokenCredential>;
}

/** Calls once and keeps the answer, unless it failed. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
