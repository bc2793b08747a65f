/**
 * The sandbox's remote control: plain HTTP on 127.0.0.1, JSON in and out, no authentication (it is a development tool).
 *
 *     GET    /                        addresses
 *     GET    /traffic  DELETE /traffic      every request the simulated services saw
 *     GET    /faults   POST /faults {"system","match","times"?,"skip"?,"action"}   DELETE /faults[/{id}]
 *     GET    /clock    POST /clock/advance {"ms"} or {"hours"} or {"days"}
 *     GET    /events   POST /events/replay {"id","times"?}
 *     GET    /topic    what the service published to its own topic
 *     GET    /vaults/{vault}/access   POST /vaults/{vault}/access {"allow":true} or {"deny","actions"?,"secrets"?,"of"?,"times"?}
 *
 * An error names the field and what would be right: `{"error":{"code","message"}}`.
 */
import type { SandboxContext } from '../context.ts';
import type { EventGridService } from '../eventgrid/eventgrid.ts';
import type { TopicService } from '../eventgrid/topic.ts';
import { HttpProblem, startHttp } from '../http.ts';
import type { SandboxRequest, SandboxResponse, SandboxServer } from '../http.ts';
import type { VaultService } from '../vault/vault.ts';
import { accessRule, advanceMs, faultRule, object } from './input.ts';

export interface ControlOptions {
  readonly port?: number;
  /** What `GET /` shows; asked each time. */
  readonly addresses: () => Readonly<Record<string, unknown>>;
  readonly vault?: VaultService | undefined;
  readonly eventGrid?: EventGridService | undefined;
  readonly topic?: TopicService | undefined;
}

type Route = (request: SandboxRequest, ctx: SandboxContext, options: ControlOptions) => unknown;

/** By `METHOD /first-part`; the rest of the path is the route's own affair. */
const ROUTES: Readonly<Record<string, Route>> = {
  'GET /': (_request, _ctx, options) => options.addresses(),
  'GET /traffic': (_request, ctx) => ctx.traffic.entries,
  'DELETE /traffic': (_request, ctx) => {
    ctx.traffic.clear();
    return undefined;
  },
  'GET /faults': (_request, ctx) => ctx.faults.list(),
  'POST /faults': (request, ctx) => ({ id: ctx.faults.add(faultRule(request.json)) }),
  'DELETE /faults': removeFaults,
  'GET /clock': (_request, ctx) => clockOf(ctx),
  'POST /clock': advance,
  'GET /events': (_request, _ctx, { eventGrid }) => ({
    events: started(eventGrid, 'eventgrid').events(),
    deliveries: started(eventGrid, 'eventgrid').deliveries(),
  }),
  'POST /events': replay,
  'GET /topic': (_request, _ctx, { topic }) => started(topic, 'topic').received,
  'GET /vaults': (request, _ctx, { vault }) => access(request, started(vault, 'vault'), false),
  'POST /vaults': (request, _ctx, { vault }) => access(request, started(vault, 'vault'), true),
};

export async function startControl(ctx: SandboxContext, options: ControlOptions): Promise<SandboxServer> {
  return startHttp(ctx, {
    // Not observed: the control API is no part of the simulated Azure, so neither recorded nor faulted.
    system: 'eventgrid',
    observed: false,
    ...(options.port === undefined ? {} : { port: options.port }),
    handler: (request): SandboxResponse => {
      const route = ROUTES[`${request.method} /${request.segments[0] ?? ''}`];
      if (route === undefined) throw notThere(request);
      const body = route(request, ctx, options);
      return body === undefined ? { status: 204 } : { status: 200, body };
    },
  });
}

function notThere(request: SandboxRequest): HttpProblem {
  const message = `There is no ${request.method} ${request.path}. There are: ${Object.keys(ROUTES).join(', ')}.`;
  return new HttpProblem(404, { error: { code: 'NotFound', message } });
}

function bad(message: string): HttpProblem {
  return new HttpProblem(400, { error: { code: 'BadRequest', message } });
}

function started<T>(part: T | undefined, name: string): T {
  if (part !== undefined) return part;
  const message = `This sandbox runs without its part '${name}'.`;
  throw new HttpProblem(409, { error: { code: 'NotStarted', message } });
}

function clockOf(ctx: SandboxContext): unknown {
  return { now: ctx.clock.now().toISOString(), offsetMs: ctx.clock.offsetMs };
}

function advance(request: SandboxRequest, ctx: SandboxContext): unknown {
  if (request.segments[1] !== 'advance') throw notThere(request);
  ctx.clock.advance(advanceMs(request.json));
  return clockOf(ctx);
}

function removeFaults(request: SandboxRequest, ctx: SandboxContext): void {
  const id = request.segments[1];
  if (id === undefined || id === '') ctx.faults.clear();
  else ctx.faults.remove(id);
}

function replay(request: SandboxRequest, _ctx: SandboxContext, options: ControlOptions): unknown {
  if (request.segments[1] !== 'replay') throw notThere(request);
  const grid = started(options.eventGrid, 'eventgrid');
  const { id, times = 1 } = object(request.json, '{"id": "<event id>", "times": 1}');
  if (!Number.isInteger(times) || (times as number) < 1 || (times as number) > 100)
    throw bad('times: a whole number from 1 to 100.');
  if (!grid.events().some((event) => event.id === id)) {
    throw bad('id: no event has this id. GET /events lists those there are.');
  }
  grid.replay(id as string, times as number);
  return { id, times };
}

function access(request: SandboxRequest, vault: VaultService, change: boolean): unknown {
  const [, name = '', last] = request.segments;
  if (last !== 'access') throw notThere(request);
  if (!vault.names.includes(name)) throw bad(`There is no vault '${name}', only ${vault.names.join(', ')}.`);
  if (change) vault.setAccess(name, accessRule(request.json));
  return vault.access(name);
}
