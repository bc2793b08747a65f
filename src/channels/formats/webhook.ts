import type { Said } from '../said.ts';

/** The body of a webhook, as Standard Webhooks recommends it: type, timestamp, data. */
export function webhookBody({ type, at, data }: Said): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}
