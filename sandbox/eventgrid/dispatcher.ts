/** One subscription's deliveries: batches, attempts, the retry schedule and the dead letters of facts B3. */
import type { SandboxContext } from '../context.ts';
import type { Agenda } from './agenda.ts';
import { attempt } from './endpoint.ts';
import type { Outcome } from './endpoint.ts';
import { render } from './events.ts';
import type { GridEvent } from './events.ts';
import type { Delivery, Subscription } from './subscription.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
/** Then every twelve hours. */
const SCHEDULE_MS = [10 * S, 30 * S, M, 5 * M, 10 * M, 30 * M, H, 3 * H, 6 * H] as const;
const NOT_RETRIED = new Set([400, 401, 413]);
const LEAST_WAIT_MS: Readonly<Record<number, number>> = { 401: 5 * M, 403: 5 * M, 404: 5 * M, 408: 2 * M, 503: 30 * S };

export interface DispatcherParts {
  readonly ctx: SandboxContext;
  readonly agenda: Agenda;
  readonly retryFactor: number;
  readonly timeoutMs: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly settled: () => void;
  readonly record: (delivery: Delivery) => void;
}

interface Batch {
  readonly events: readonly GridEvent[];
  readonly publishedMs: number;
  attempts: number;
}

export class Dispatcher {
  readonly subscription: Subscription;
  readonly createdMs: number;
  readonly #parts: DispatcherParts;
  #waiting: GridEvent[] = [];
  #pending = 0;
  #stopped = false;

  constructor(subscription: Subscription, parts: DispatcherParts) {
    this.subscription = subscription;
    this.createdMs = parts.ctx.clock.now().getTime();
    this.#parts = parts;
  }

  /** Batches that are neither delivered nor given up. */
  get pending(): number {
    return this.#pending;
  }

  stop(): void {
    this.#stopped = true;
    this.#pending = 0;
    this.#waiting = [];
  }

  offer(event: GridEvent): void {
    const { includedEventTypes, vaults, duplicates = 1 } = this.subscription;
    if (includedEventTypes?.includes(event.eventType) === false) return;
    if (vaults?.some((vault) => event.topic.endsWith(`/vaults/${vault}`)) === false) return;
    const ofExpiry = event.eventType.endsWith('NearExpiry') || event.eventType.endsWith('Expired');
    if (ofExpiry && (event.versionCreatedMs ?? Number.POSITIVE_INFINITY) < this.createdMs) return;
    for (let n = 0; n < duplicates; n += 1) this.enqueue(event);
  }

  /** Past the filter: what a replay does. */
  enqueue(event: GridEvent): void {
    const { disorder = false } = this.subscription;
    const windowMs = typeof disorder === 'object' ? disorder.windowMs : disorder ? 50 : 0;
    this.#pending += 1;
    this.#parts.agenda.at(this.#now() + this.#parts.random() * windowMs, () => {
      this.#waiting.push(event);
      setImmediate(() => this.#flush());
    });
  }

  #now(): number {
    return this.#parts.ctx.clock.now().getTime();
  }

  #flush(): void {
    const size = this.subscription.maxEventsPerBatch ?? 1;
    while (this.#waiting.length > 0) {
      const events = this.#waiting.splice(0, size);
      // The batch is pending as one; its other events are counted off.
      this.#pending -= events.length - 1;
      void this.#try({ events, publishedMs: this.#now(), attempts: 0 });
    }
  }

  async #try(batch: Batch): Promise<void> {
    if (this.#stopped) return;
    const { ctx } = this.#parts;
    const eventTypes = batch.events.map((event) => event.eventType);
    const operation = `DELIVER ${this.subscription.name} ${eventTypes.join(',')}`;
    const fault = ctx.faults.take('eventgrid', operation) ?? {};
    const { signal, timeoutMs } = this.#parts;
    const number = batch.attempts;
    const outcome = await attempt(this.subscription, { events: batch.events, number, fault, signal, timeoutMs });
    // Changed while the attempt was under way.
    if (this.#isStopped()) return;
    batch.attempts += 1;
    ctx.traffic.record('eventgrid', operation, outcome.status ?? outcome.name);
    this.#parts.record({
      at: ctx.clock.now().toISOString(),
      subscription: this.subscription.name,
      eventIds: batch.events.map((event) => event.id),
      eventTypes,
      attempt: number,
      outcome: outcome.name,
      ...(outcome.status === undefined ? {} : { status: outcome.status }),
    });
    if (outcome.name === 'Delivered') this.#settle();
    else this.#again(batch, outcome);
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  #again(batch: Batch, outcome: Outcome): void {
    const { retryFactor, agenda } = this.#parts;
    const { maxDeliveryAttempts = 30, eventTimeToLiveInMinutes = 1440, destination } = this.subscription;
    const status = outcome.status ?? 0;
    const final = NOT_RETRIED.has(status) && (status !== 401 || destination.kind === 'webhook');
    if (final) {
      this.#giveUp(batch, outcome, 'UndeliverableDueToClientError');
      return;
    }
    if (batch.attempts >= maxDeliveryAttempts) {
      this.#giveUp(batch, outcome, 'MaxDeliveryAttemptsExceeded');
      return;
    }
    const planned = SCHEDULE_MS[batch.attempts - 1] ?? 12 * H;
    const waitMs = Math.max(planned, LEAST_WAIT_MS[status] ?? 10 * S) * retryFactor;
    const dueMs = this.#now() + waitMs * (1 + this.#parts.random() * 0.1);
    const endMs = batch.publishedMs + eventTimeToLiveInMinutes * M * retryFactor;
    if (dueMs > endMs) {
      agenda.at(endMs, () => this.#giveUp(batch, outcome, 'TimeToLiveExceeded'));
      return;
    }
    agenda.at(dueMs, () => void this.#try(batch));
  }

  /** Only `MaxDeliveryAttemptsExceeded` is a recorded reason; the names of the two others are unverified. */
  #giveUp(batch: Batch, outcome: Outcome, reason: string): void {
    const schema = this.subscription.schema ?? 'EventGridSchema';
    const details = {
      deadLetterReason: reason,
      deliveryAttempts: batch.attempts,
      lastDeliveryOutcome: outcome.name,
      publishTime: new Date(batch.publishedMs).toISOString(),
      lastDeliveryAttemptTime: this.#parts.ctx.clock.now().toISOString(),
    };
    const lower = Object.fromEntries(Object.entries(details).map(([key, value]) => [key.toLowerCase(), value]));
    for (const event of batch.events) {
      const extra = schema === 'EventGridSchema' ? details : lower;
      this.subscription.deadLetter?.push({ ...render(event, schema), ...extra });
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#stopped) return;
    this.#pending -= 1;
    this.#parts.settled();
  }
}
