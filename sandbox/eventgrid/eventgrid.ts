/**
 * Event Grid's system topics of the sandbox's vaults (facts B1 to B3).
 *
 *     const grid = await startEventGrid(ctx, { vault });
 *     await grid.subscribe({ name: 'app', destination: { kind: 'webhook', url }, duplicates: 2, disorder: true });
 *     vault.seed('kv', 'orders-db', { value: 's', expiresInMs: 20 * 86_400_000 }); // NewVersionCreated, then NearExpiry
 *     await grid.idle();        // nothing is waiting, under way or to be tried again
 *     grid.events();            // every event so far, schema-less
 *     grid.deliveries();        // every attempt so far
 *     grid.replay(event.id, 3); // delivers it again, three times
 *
 * The retry schedule, the time to live and the least waits are real times `retryFactor` (0.001: ten seconds are ten
 * milliseconds), in sandbox time: advancing the clock makes retries due. A real endpoint has 30 s to answer.
 */
import type { SandboxContext } from '../context.ts';
import type { VaultService } from '../vault/vault.ts';
import { Agenda } from './agenda.ts';
import { Dispatcher } from './dispatcher.ts';
import { handshake } from './endpoint.ts';
import { certificateEvent, keyEvent, secretEvent } from './events.ts';
import type { GridEvent } from './events.ts';
import type { Delivery, Subscription } from './subscription.ts';
import { ExpiryWatcher } from './watcher.ts';

export type { GridEvent, GridSchema } from './events.ts';
export type { DeadLetter, Delivery, Destination, Subscription } from './subscription.ts';

export interface EventGridOptions {
  readonly vault: VaultService;
  /** 0.001 when absent. */
  readonly retryFactor?: number;
  /** For disorder and jitter; 1 when absent. */
  readonly seed?: number;
  /** 30,000 when absent. */
  readonly responseTimeoutMs?: number;
}

export interface EventGridService {
  /** @throws Error when the endpoint fails the validation handshake, or the name is taken */
  subscribe(subscription: Subscription): Promise<void>;
  unsubscribe(name: string): void;
  events(): readonly GridEvent[];
  deliveries(): readonly Delivery[];
  /** Resolves once no delivery is pending, future expiries apart. */
  idle(): Promise<void>;
  /** Delivers a past event again to every subscription that takes its type. @throws Error when there is no such event */
  replay(eventId: string, times: number): void;
  /** Publishes any event: foreign, malformed, of another vault. Filters apply. */
  inject(event: GridEvent): void;
  stop(): Promise<void>;
}

export function startEventGrid(ctx: SandboxContext, options: EventGridOptions): Promise<EventGridService> {
  const { vault } = options;
  const agenda = new Agenda(ctx.clock);
  const stopping = new AbortController();
  const dispatchers = new Map<string, Dispatcher>();
  const events: GridEvent[] = [];
  const deliveries: Delivery[] = [];
  const idlers = new Set<() => void>();
  const random = seeded(options.seed ?? 1);

  const inject = (event: GridEvent): void => {
    events.push(event);
    for (const dispatcher of dispatchers.values()) dispatcher.offer(event);
  };
  const watcher = new ExpiryWatcher(ctx.clock, vault, agenda, inject);
  const unlisten = [
    vault.onVersion((of) => inject(secretEvent('SecretNewVersionCreated', vault, of, ctx.clock.now()))),
    vault.certificates.onVersion((of) =>
      inject(certificateEvent('CertificateNewVersionCreated', vault, of, ctx.clock.now())),
    ),
    vault.keys.onVersion((of) => inject(keyEvent('KeyNewVersionCreated', vault, of, ctx.clock.now()))),
  ];
  const busy = (): boolean => watcher.pending || [...dispatchers.values()].some((dispatcher) => dispatcher.pending > 0);
  const settled = (): void => {
    if (busy()) return;
    for (const resolve of idlers) resolve();
    idlers.clear();
  };
  const parts = {
    ctx,
    agenda,
    retryFactor: options.retryFactor ?? 0.001,
    timeoutMs: options.responseTimeoutMs ?? 30_000,
    random,
    signal: stopping.signal,
    settled,
    record: (delivery: Delivery) => void deliveries.push(delivery),
  };

  return Promise.resolve({
    async subscribe(subscription) {
      if (dispatchers.has(subscription.name)) throw new Error(`there is a subscription ${subscription.name} already`);
      await handshake(subscription, stopping.signal);
      dispatchers.set(subscription.name, new Dispatcher(subscription, parts));
    },
    unsubscribe(name) {
      dispatchers.get(name)?.stop();
      dispatchers.delete(name);
      settled();
    },
    events: () => [...events],
    deliveries: () => [...deliveries],
    async idle() {
      // A look at the vaults takes a turn of the event loop and may bring new deliveries.
      while (watcher.pending) await new Promise((resolve) => setImmediate(resolve));
      if (busy()) await new Promise<void>((resolve) => idlers.add(resolve));
    },
    replay(eventId, times) {
      const event = events.find((one) => one.id === eventId);
      if (event === undefined) throw new Error(`there is no event ${eventId}`);
      for (let n = 0; n < times; n += 1) for (const dispatcher of dispatchers.values()) dispatcher.offer(event);
    },
    inject,
    stop() {
      stopping.abort();
      for (const stop of unlisten) stop();
      watcher.stop();
      agenda.stop();
      for (const dispatcher of dispatchers.values()) dispatcher.stop();
      for (const resolve of idlers) resolve();
      return Promise.resolve();
    },
  });
}

/** mulberry32: small, and the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
