/**
 * The Event Grid extension's webhook, `/runtime/webhooks/EventGrid?functionName=...&code=<system key>` (source:
 * HttpRequestProcessor and EventGridExtensionConfigProvider of the extension). The events of a delivery run in
 * parallel, and one failure is a 500 for them all: Event Grid then sends the whole delivery again. A handler cannot
 * choose the status.
 */
import type { SandboxRequest } from '../http-request.ts';
import type { RegisteredFunction, TriggerInput } from './core.ts';
import type { HttpAnswer } from './http-trigger.ts';
import type { HostKeys } from './keys.ts';
import type { Run } from './timers.ts';

const json = (status: number, body: unknown): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** `data` keeps its casing here; the library lower-cases the keys of trigger metadata, so handlers use the event. */
export function eventInput(event: unknown): TriggerInput {
  const { data } = (event ?? {}) as { data?: unknown };
  const metadata = data === undefined ? {} : { data: { json: JSON.stringify(data) } };
  return { data: { json: JSON.stringify(event) }, metadata };
}

export async function eventGridWebhook(
  request: SandboxRequest,
  functions: ReadonlyMap<string, RegisteredFunction>,
  keys: HostKeys,
  run: Run,
): Promise<HttpAnswer> {
  const key = request.query.get('code') ?? header(request, 'x-functions-key');
  if (key !== keys.eventGrid && key !== keys.master) return { status: 401 };
  const name = request.query.get('functionName') ?? '';
  const fn = [...functions.values()].find((candidate) => candidate.metadata.name.toLowerCase() === name.toLowerCase());
  if (fn === undefined || !/^eventgridtrigger$/i.test(fn.trigger.type)) {
    return { status: 404, body: `cannot find function: '${name}'` };
  }
  if (request.method === 'OPTIONS') return allowSender(request);
  switch (header(request, 'aeg-event-type')?.toLowerCase() ?? '') {
    case 'subscriptionvalidation':
      return validate(request);
    case 'notification':
      return notify(request, fn, run);
    case 'subscriptiondeletion':
      return { status: 200 };
    default:
      return { status: 400, body: 'the header aeg-event-type is missing or unknown' };
  }
}

/** The CloudEvents 1.0 abuse-protection handshake. */
function allowSender(request: SandboxRequest): HttpAnswer {
  const origin = header(request, 'webhook-request-origin') ?? '*';
  return { status: 200, headers: { 'webhook-allowed-origin': origin } };
}

function validate(request: SandboxRequest): HttpAnswer {
  const [event] = asArray(request.json) as { data?: { validationCode?: unknown } }[];
  const code = event?.data?.validationCode;
  if (typeof code !== 'string') return { status: 400, body: 'the event has no data.validationCode' };
  return json(200, { validationResponse: code });
}

async function notify(request: SandboxRequest, fn: RegisteredFunction, run: Run): Promise<HttpAnswer> {
  if (typeof request.json !== 'object' || request.json === null) return { status: 400, body: 'the body is no event' };
  const events = asArray(request.json);
  const many = String(fn.trigger['cardinality']).toLowerCase() === 'many';
  const inputs = many ? [eventInput(events)] : events.map(eventInput);
  const succeeded = await Promise.all(inputs.map((input) => run(fn.metadata.name, input)));
  return { status: succeeded.every(Boolean) ? 202 : 500 };
}

const asArray = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value]);

function header(request: SandboxRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
