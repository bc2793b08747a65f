import type { Engine } from './rotation/engine.ts';
import { RotationError, type ErrorCode, type Problem } from './rotation/errors.ts';
import { SecretValue, type ObjectRef } from './rotation/ports.ts';
import { RUN_STATES, type Run, type RunState } from './rotation/record.ts';
import { cancel } from './rotation/cancel.ts';
import * as runbook from './rotation/runbook.ts';
import { dryRun as plan } from './rotation/dry-run.ts';
import { inventory } from './rotation/inventory.ts';
import { dryRunKey, startKey } from './rotation/keys/runbook.ts';
import { supply } from './rotation/supply.ts';

/** An HTTP answer; the body is JSON. Errors are problem+json (RFC 9457). */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The HTTP runbook: what was asked, checked; one call of the engine; the answer. Never throws for what a caller did. */
export interface RunbookApi {
  start(body: unknown, caller: string): Promise<Answer>;
  read(id: string): Promise<Answer>;
  list(query: Readonly<Record<string, string>>): Promise<Answer>;
  cancel(id: string, caller: string): Promise<Answer>;
  /** The body holds a secret value: nothing of it gets into an answer or a log. */
  supply(id: string, body: unknown, caller: string): Promise<Answer>;
  bootstrap(body: unknown, caller: string): Promise<Answer>;
  inventory(query: Readonly<Record<string, string>>): Promise<Answer>;
}

export function createRunbook(engine: Engine): RunbookApi {
  return {
    start: (body, caller) =>
      answering(async () => {
        const { dryRun, ...request } = readStart(engine, body, caller);
        const does =
          request.object.kind === 'key' ? { plan: dryRunKey, start: startKey } : { plan, start: runbook.start };
        if (dryRun) return { status: 200, body: await does.plan(engine, request) };
        const started = await does.start(engine, request);
        const location = `/api/rotations/${started.rotationId}`;
        return { status: 202, headers: { location, 'retry-after': '5' }, body: { ...started, status: location } };
      }),
    read: (id) =>
      answering(async () => {
        const { object, run } = await runbook.read(engine, id);
        return { status: 200, body: { object, ...run, whatToDo: whatToDo(run) } };
      }),
    list: (query) =>
      answering(async () => {
        const found = await runbook.list(engine, readFilter(engine, query));
        return {
          status: 200,
          body: { rotations: found.map(({ object, run }) => ({ object, ...run, whatToDo: whatToDo(run) })) },
        };
      }),
    cancel: (id, caller) => answering(async () => ({ status: 200, body: await cancel(engine, id, caller) })),
    supply: (id, body, caller) =>
      answering(async () => {
        const run = await supply(engine, id, readValue(body), caller);
        return { status: 202, headers: { location: `/api/rotations/${run.rotationId}`, 'retry-after': '5' } };
      }),
    bootstrap: (body) =>
      answering(async () => {
        const { object, dryRun } = readBootstrap(engine, body);
        return { status: 200, body: { dryRun, done: await runbook.bootstrap(engine, object, { dryRun }) } };
      }),
    inventory: (query) =>
      answering(async () => {
        const problems = unknownKeys(query, ['vault']);
        const vaults =
          query['vault'] === undefined ? engine.configuration.vaults : [vaultOf(engine, query['vault'], problems)];
        if (problems.length > 0) throw badRequest(problems);
        return { status: 200, body: await inventory(engine, vaults) };
      }),
  };
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  REQUEST_INVALID: 400,
  EVENT_INVALID: 400,
  CONFIG_INVALID: 422,
  NOT_SERVED: 403,
  ACCESS_DENIED: 502,
  TARGET_NOT_FOUND: 404,
  CONFLICT: 409,
  SLOT_OWNED: 409,
  LEASE_LOST: 409,
  GRANTS_DIFFER: 409,
  VALUE_AWAITED: 409,
  HUMAN_REQUIRED: 409,
  THROTTLED: 503,
  UNAVAILABLE: 503,
  TIMED_OUT: 504,
};

async function answering(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RotationError) return problem(error);
    throw error;
  }
}

/** problem+json of an error: its code, what happened, and what to do. */
export function problem(error: RotationError): Answer {
  const status = STATUS[error.code] ?? 500;
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
    },
    body: {
      type: `urn:keyturn:error:${error.code}`,
      title: error.code,
      status,
      detail: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      ...(error.problems.length === 0 ? {} : { problems: error.problems }),
    },
  };
}

/** One sentence for the person on call. */
function whatToDo(run: Run): string {
  switch (run.state) {
    case 'queued':
      return 'Nothing: it starts when a worker takes it from the queue. If it stays so for minutes, look at GET /api/health.';
    case 'running':
      return 'Nothing: it is being worked on. If its worker died, another goes on when the lease has lapsed.';
    case 'waiting':
      return `${waitsFor(run)} It goes on by itself at ${run.wakeAt ?? 'the next sweep'}.`;
    case 'blocked':
      return sentence(run.blocked?.remedy ?? run.blocked?.message ?? 'See the last step');
    case 'done':
      return 'Nothing: it is done.';
    case 'cancelled':
    case 'refused':
      return sentence(run.steps.at(-1)?.detail ?? 'Nothing: it is over');
  }
}

function waitsFor(run: Run): string {
  if (run.lastError !== undefined)
    return [run.lastError.message, run.lastError.remedy ?? ''].map(sentence).join(' ').trim();
  const last = run.steps.at(-1);
  if (last?.outcome === 'waiting' && last.detail !== undefined) return sentence(last.detail);
  return 'Nothing is to be done.';
}

function sentence(text: string): string {
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}

/* ── Reading requests: every problem at once ─────────────────────────────────────────────────────────── */

type Fields = Readonly<Record<string, unknown>>;

function readStart(engine: Engine, body: unknown, caller: string): runbook.StartRequest & { readonly dryRun: boolean } {
  const problems: Problem[] = [];
  const fields = asFields(body, ['vault', 'name', 'kind', 'reason', 'force', 'dryRun'], problems);
  const object = { ...readObject(engine, fields, problems), kind: readKind(fields, problems) };
  const reason = fields['reason'] ?? 'manual';
  if (reason !== 'manual' && reason !== 'compromised') {
    problems.push({ path: 'reason', message: 'is "manual" (the default) or "compromised"' });
  }
  const force = readFlag(fields, 'force', problems);
  const dryRun = readFlag(fields, 'dryRun', problems);
  if (problems.length > 0) throw badRequest(problems);
  return { object, reason: reason === 'compromised' ? 'compromised' : 'manual', force, dryRun, requestedBy: caller };
}

function readValue(body: unknown): SecretValue {
  const problems: Problem[] = [];
  const { value } = asFields(body, ['value'], problems);
  if (typeof value !== 'string' || value === '') problems.push({ path: 'value', message: 'is the new value, a text' });
  if (problems.length > 0 || typeof value !== 'string') throw badRequest(problems);
  return new SecretValue(value);
}

function readBootstrap(engine: Engine, body: unknown): { readonly object: ObjectRef; readonly dryRun: boolean } {
  const problems: Problem[] = [];
  const fields = asFields(body, ['vault', 'name', 'dryRun'], problems);
  const object = readObject(engine, fields, problems);
  const dryRun = readFlag(fields, 'dryRun', problems);
  if (problems.length > 0) throw badRequest(problems);
  return { object, dryRun };
}

function readFilter(engine: Engine, query: Readonly<Record<string, string>>): Parameters<typeof runbook.list>[1] {
  const problems = unknownKeys(query, ['vault', 'name', 'state', 'limit']);
  const { state, name } = query;
  const known = RUN_STATES.find((one) => one === state);
  if (state !== undefined && known === undefined) {
    problems.push({ path: 'state', message: `is one of ${RUN_STATES.join(', ')}` });
  }
  const limit = Number(query['limit'] ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    problems.push({ path: 'limit', message: 'is a whole number from 1 to 1000' });
  }
  const vault = query['vault'] === undefined ? undefined : vaultOf(engine, query['vault'], problems);
  if (problems.length > 0) throw badRequest(problems);
  return {
    limit,
    ...(vault === undefined ? {} : { vault }),
    ...(name === undefined ? {} : { name: name.toLowerCase() }),
    ...(known === undefined ? {} : { state: known satisfies RunState }),
  };
}

function readObject(engine: Engine, fields: Fields, problems: Problem[]): ObjectRef {
  const { name } = fields;
  if (typeof name !== 'string' || !/^[0-9a-zA-Z-]{1,127}$/.test(name)) {
    problems.push({ path: 'name', message: 'is the name of the secret or key: 1 to 127 letters, digits and hyphens' });
  }
  const vault = typeof fields['vault'] === 'string' ? vaultOf(engine, fields['vault'], problems) : '';
  if (typeof fields['vault'] !== 'string')
    problems.push({ path: 'vault', message: 'is the URL or the name of a served vault' });
  return { kind: 'secret', vault, name: typeof name === 'string' ? name.toLowerCase() : '' };
}

/** A served vault by its URL or, where that is clear, by its short name. */
function vaultOf(engine: Engine, given: string, problems: Problem[]): string {
  const text = given.trim().toLowerCase().replace(/\/+$/, '');
  const { vaults } = engine.configuration;
  const matches = vaults.filter((vault) => vault === text || new URL(vault).hostname.split('.')[0] === text);
  if (matches.length === 1 && matches[0] !== undefined) return matches[0];
  problems.push({
    path: 'vault',
    message:
      matches.length > 1
        ? `${given} is the name of several served vaults; give the URL: ${matches.join(', ')}`
        : `${given} is not served; KEYTURN_VAULTS names ${vaults.join(', ')}`,
  });
  return '';
}

function readKind(fields: Fields, problems: Problem[]): 'secret' | 'key' {
  const kind = fields['kind'] ?? 'secret';
  if (kind === 'secret' || kind === 'key') return kind;
  problems.push({ path: 'kind', message: 'is "secret" (the default) or "key"' });
  return 'secret';
}

function readFlag(fields: Fields, name: string, problems: Problem[]): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') problems.push({ path: name, message: 'is true or false' });
  return value === true;
}

function asFields(body: unknown, known: readonly string[], problems: Problem[]): Fields {
  if (typeof body === 'string') throw badRequest([{ path: '', message: `the body is not JSON${whereBroken(body)}` }]);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest([{ path: '', message: `the body is to be a JSON object with ${known.join(', ')}` }]);
  }
  problems.push(...unknownKeys(body, known));
  return body as Fields;
}

/** Where the JSON ends to be JSON, without quoting any of it. */
function whereBroken(text: string): string {
  try {
    JSON.parse(text);
    return ' object';
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    return position === undefined ? '' : `: it breaks at character ${position}`;
  }
}

function unknownKeys(given: object, known: readonly string[]): Problem[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: key, message: `is not known; there are ${known.join(', ')}` }));
}

function badRequest(problems: readonly Problem[]): RotationError {
  return new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'human',
    message: problems.map((p) => (p.path === '' ? p.message : `${p.path}: ${p.message}`)).join('; '),
    problems,
    remedy: 'The requests are described in docs/runbook.md.',
  });
}
