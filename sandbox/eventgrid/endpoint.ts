/** One attempt at one endpoint, and the handshake that comes before the first. */
import { randomUUID } from 'node:crypto';
import type { FaultAction } from '../faults.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { render } from './events.ts';
import type { GridEvent, GridSchema } from './events.ts';
import type { Subscription } from './subscription.ts';

export interface Outcome {
  readonly name: string;
  readonly status?: number;
}

const NAMES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'TimedOut',
  413: 'PayloadTooLarge',
  429: 'Busy',
  503: 'Busy',
};

export interface Attempt {
  readonly events: readonly GridEvent[];
  readonly number: number;
  readonly fault: FaultAction;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export async function attempt(subscription: Subscription, one: Attempt): Promise<Outcome> {
  const { fault } = one;
  if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false, signal: one.signal });
  if (fault.drop === 'before') return { name: 'SocketError' };
  if (fault.status !== undefined) return named(fault.status);
  const outcome = await send(subscription, one);
  // Delivered, but the answer got lost: Event Grid sends it again.
  return fault.drop === 'after' ? { name: 'TimedOut' } : outcome;
}

async function send(subscription: Subscription, one: Attempt): Promise<Outcome> {
  const { destination } = subscription;
  const schema = subscription.schema ?? 'EventGridSchema';
  const bodies = one.events.map((event) => render(event, schema));
  try {
    if (destination.kind === 'queue') {
      for (const body of bodies) await destination.put(JSON.stringify(body));
      return { name: 'Delivered' };
    }
    const batched = (subscription.maxEventsPerBatch ?? 1) > 1;
    const body = schema === 'EventGridSchema' || batched ? bodies : bodies[0];
    const response = await fetch(destination.url, {
      method: 'POST',
      headers: headers(subscription.name, schema, batched, one),
      body: JSON.stringify(body),
      signal: AbortSignal.any([one.signal, AbortSignal.timeout(one.timeoutMs)]),
    });
    await response.arrayBuffer();
    return named(response.status);
  } catch (error) {
    return { name: failure(error) };
  }
}

function headers(name: string, schema: GridSchema, batched: boolean, one: Attempt): Record<string, string> {
  const [first] = one.events;
  const cloud = batched ? 'application/cloudevents-batch+json' : 'application/cloudevents+json';
  return {
    'content-type': `${schema === 'EventGridSchema' ? 'application/json' : cloud}; charset=utf-8`,
    'aeg-event-type': 'Notification',
    'aeg-subscription-name': name.toUpperCase(),
    'aeg-delivery-count': String(one.number),
    'aeg-data-version': '1',
    'aeg-metadata-version': '1',
    ...(one.events.length === 1 && first ? { 'aeg-output-event-id': first.id } : {}),
  };
}

function named(status: number): Outcome {
  // Only 200 to 204 count as success.
  if (status >= 200 && status <= 204) return { name: 'Delivered', status };
  return { name: NAMES[status] ?? (status >= 500 ? 'GenericError' : 'BadRequest'), status };
}

function failure(error: unknown): string {
  if (!(error instanceof Error)) return 'SocketError';
  if (error.name === 'TimeoutError') return 'TimedOut';
  if (error.name === 'AbortError') return 'Aborted';
  const cause = error.cause as { code?: string } | undefined;
  return cause?.code === 'ENOTFOUND' ? 'ResolutionError' : 'SocketError';
}

/** @throws Error naming what the endpoint answered when it does not prove that it wants the events. */
export async function handshake(subscription: Subscription, signal: AbortSignal): Promise<void> {
  const { destination, name } = subscription;
  if (destination.kind === 'queue' || subscription.validate === false) return;
  const { url } = destination;
  const refuse = (what: string): Error =>
    new Error(
      `subscription ${name}: the endpoint ${new URL(url).origin} did not pass the validation handshake: ${what}`,
    );
  if (subscription.schema === 'CloudEventSchemaV1_0') {
    const origin = 'eventgrid.azure.net';
    const response = await fetch(url, { method: 'OPTIONS', headers: { 'webhook-request-origin': origin }, signal });
    await response.arrayBuffer();
    const allowed = response.headers.get('webhook-allowed-origin');
    if (response.status === 200 && (allowed === '*' || allowed === origin)) return;
    throw refuse(`OPTIONS gave ${response.status} with WebHook-Allowed-Origin ${allowed ?? 'absent'}`);
  }
  const validationCode = randomUUID();
  const event = {
    id: randomUUID(),
    topic: '',
    subject: '',
    data: { validationCode },
    eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
    eventTime: new Date().toISOString(),
    metadataVersion: '1',
    dataVersion: '2',
  };
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'aeg-event-type': 'SubscriptionValidation',
      'aeg-subscription-name': name,
    },
    body: JSON.stringify([event]),
    signal,
  });
  const text = await response.text();
  if (response.status !== 200 || !text.includes(`"${validationCode}"`) || !/"validationResponse"/i.test(text)) {
    throw refuse(`SubscriptionValidation gave ${response.status} without the code in validationResponse`);
  }
}
