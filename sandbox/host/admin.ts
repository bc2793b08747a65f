/** The host's `/admin` API, for the holder of the master key. */
import type { SandboxRequest } from '../http-request.ts';
import type { RegisteredFunction, TriggerInput } from './core.ts';
import type { HttpAnswer } from './http-trigger.ts';
import { timerInput } from './timers.ts';
import type { Run } from './timers.ts';
import { eventInput } from './webhook.ts';

interface AdminOptions {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly isDisabled: (functionName: string) => boolean;
  readonly run: Run;
}

const json = (body: unknown): HttpAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/**
 * `GET /admin/host/status`, `GET /admin/functions`, and `POST /admin/functions/<name>` with `{"input": "..."}`, which
 * runs a function that is not HTTP, also a disabled one: 202 at once, its outcome is in the log.
 */
export function invokeByHand(request: SandboxRequest, options: AdminOptions): HttpAnswer {
  const [, area, name] = request.segments;
  if (area === 'host' && name === 'status') return json({ state: 'Running', version: 'sandbox' });
  if (area !== 'functions') return { status: 404 };
  if (name === undefined || name === '') {
    return json(
      [...options.functions.values()].map(({ metadata }) => ({
        name: metadata.name,
        isDisabled: options.isDisabled(metadata.name),
        config: { bindings: Object.entries(metadata.bindings).map(([key, value]) => ({ ...value, name: key })) },
      })),
    );
  }
  const fn = options.functions.get(name);
  if (fn === undefined) return { status: 404 };
  if (request.method !== 'POST') return { status: 405 };
  const input = inputFor(fn, (request.json as { input?: unknown } | undefined)?.input);
  if (input === undefined) {
    return { status: 400, body: `'${name}' is called by its route, or its input is not the JSON text of an event` };
  }
  void options.run(name, input);
  return { status: 202 };
}

function inputFor(fn: RegisteredFunction, input: unknown): TriggerInput | undefined {
  const text = typeof input === 'string' ? input : JSON.stringify(input ?? null);
  switch (fn.trigger.type.toLowerCase()) {
    case 'timertrigger':
      return timerInput(new Date(), new Date(), undefined, false);
    case 'eventgridtrigger':
      return eventText(text);
    case 'queuetrigger':
      return { data: { string: text } };
    default:
      return undefined;
  }
}

function eventText(text: string): TriggerInput | undefined {
  try {
    return eventInput(JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
