/** What a subscription asks for, and the history that its deliveries leave. */
import type { GridSchema } from './events.ts';

export type Destination =
  | { readonly kind: 'webhook'; readonly url: string }
  /** `put` gets the JSON of one event, as Event Grid writes it into a storage queue; it throws when that failed. */
  | { readonly kind: 'queue'; readonly put: (text: string) => Promise<void> };

export interface Subscription {
  readonly name: string;
  readonly destination: Destination;
  /** `EventGridSchema` when absent. */
  readonly schema?: GridSchema;
  /** All vaults when absent. */
  readonly vaults?: readonly string[];
  /** All types when absent. */
  readonly includedEventTypes?: readonly string[];
  /** 1 when absent; a failed batch is re-sent whole. */
  readonly maxEventsPerBatch?: number;
  /** 30 when absent. */
  readonly maxDeliveryAttempts?: number;
  /** 1440 when absent; scaled by `retryFactor` like the schedule. */
  readonly eventTimeToLiveInMinutes?: number;
  /** Where undeliverable events are put; without it they vanish. */
  readonly deadLetter?: DeadLetter[];
  /** How often each event is delivered; 1 when absent. */
  readonly duplicates?: number;
  /** Events leave in random order, within `windowMs` (50 when `true`). */
  readonly disorder?: boolean | { readonly windowMs: number };
  /** False skips the validation handshake. */
  readonly validate?: boolean;
}

/** The event with what Event Grid adds to it (facts B3); CloudEvents get the lower-case names. */
export type DeadLetter = Readonly<Record<string, unknown>>;

/** One attempt. */
export interface Delivery {
  readonly at: string;
  readonly subscription: string;
  readonly eventIds: readonly string[];
  readonly eventTypes: readonly string[];
  /** 0 for the first. */
  readonly attempt: number;
  /** `Delivered`, or the outcome's name in a dead letter: `NotFound`, `TimedOut`, `SocketError`, … */
  readonly outcome: string;
  readonly status?: number;
}
