/** Reads the control API's bodies; what is wrong is answered with what would be right. */
import type { FaultRule } from '../faults.ts';
import { HttpProblem } from '../http.ts';
import type { System } from '../traffic.ts';
import type { AccessRule, Refusal, VaultAction } from '../vault/vault.ts';

const SYSTEMS: readonly System[] = [
  'vault',
  'arm',
  'graph',
  'login',
  'blob',
  'tables',
  'queues',
  'identity',
  'topic',
  'postgres',
  'mysql',
  'tds',
  'eventgrid',
  'http-api',
  'tls',
];
const REFUSALS: readonly Refusal[] = [
  'AccessDenied',
  'ForbiddenByRbac',
  'ForbiddenByFirewall',
  'ForbiddenByConnection',
  'ForbiddenByPolicy',
  'Throttled',
];
const ACTIONS: readonly VaultAction[] = [
  'get',
  'list',
  'set',
  'update',
  'delete',
  'recover',
  'purge',
  'backup',
  'restore',
  'create',
  'rotate',
  'getRotationPolicy',
  'setRotationPolicy',
];
const UNIT_MS = { ms: 1, hours: 3_600_000, days: 86_400_000 } as const;

type Json = Readonly<Record<string, unknown>>;

function bad(message: string): HttpProblem {
  return new HttpProblem(400, { error: { code: 'BadRequest', message } });
}

export function object(body: unknown, example: string): Json {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Json;
  throw bad(`The body must be a JSON object such as ${example}.`);
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], field: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw bad(`${field}: one of ${allowed.join(', ')}.`);
  return found;
}

function count(value: unknown, field: string): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw bad(`${field}: a whole number, 0 or more.`);
}

function list<T>(value: unknown, field: string, one: (item: unknown) => T): readonly T[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw bad(`${field}: a list.`);
  return value.map(one);
}

/** Leaves out what is undefined, as exact optional properties want it. */
function compact<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function advanceMs(body: unknown): number {
  const example = '{"ms": 1000}, {"hours": 2} or {"days": 31}';
  const fields = object(body, example);
  const units = Object.keys(UNIT_MS) as (keyof typeof UNIT_MS)[];
  const given = units.filter((unit) => fields[unit] !== undefined);
  const [unit] = given;
  const amount = unit === undefined ? undefined : fields[unit];
  if (given.length !== 1 || unit === undefined || typeof amount !== 'number' || !(amount >= 0)) {
    throw bad(`Give exactly one of ${example}; the clock only moves forward.`);
  }
  return amount * UNIT_MS[unit];
}

export function faultRule(body: unknown): FaultRule {
  const fields = object(body, '{"system": "vault", "match": "^PUT /secrets/", "times": 1, "action": {"status": 503}}');
  const { match } = fields;
  if (typeof match !== 'string' || !isPattern(match)) throw bad('match: a regular expression over the operation.');
  const action = object(
    fields['action'],
    '{"status": 503}, {"delayMs": 2000}, {"drop": "before"} or {"drop": "after"}',
  );
  const { body: answer } = action;
  const headers = action['headers'] === undefined ? undefined : stringMap(action['headers']);
  const drop = action['drop'] === undefined ? undefined : oneOf(action['drop'], ['before', 'after'], 'action.drop');
  const status = count(action['status'], 'action.status');
  if (status !== undefined && (status < 100 || status > 599)) throw bad('action.status: from 100 to 599.');
  return compact<FaultRule>({
    system: oneOf(fields['system'], SYSTEMS, 'system'),
    match,
    times: count(fields['times'], 'times'),
    skip: count(fields['skip'], 'skip'),
    action: compact<FaultRule['action']>({
      status,
      body: answer,
      headers,
      drop,
      delayMs: count(action['delayMs'], 'action.delayMs'),
    }),
  });
}

export function accessRule(body: unknown): 'allow' | AccessRule {
  const fields = object(body, '{"allow": true} or {"deny": "ForbiddenByRbac", "actions": ["get"]}');
  if (fields['allow'] === true) return 'allow';
  return compact<AccessRule>({
    deny: oneOf(fields['deny'], REFUSALS, 'deny'),
    actions: list(fields['actions'], 'actions', (item) => oneOf(item, ACTIONS, 'actions')),
    secrets: list(fields['secrets'], 'secrets', (item) => {
      if (typeof item !== 'string') throw bad('secrets: a list of names.');
      return item;
    }),
    of: fields['of'] === undefined ? undefined : oneOf(fields['of'], ['secret', 'key', 'certificate'] as const, 'of'),
    times: count(fields['times'], 'times'),
    retryAfterSeconds: count(fields['retryAfterSeconds'], 'retryAfterSeconds'),
  });
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(object(value, '{"retry-after": "5"}'));
  if (!entries.every(([, text]) => typeof text === 'string')) throw bad('action.headers: every value is a string.');
  return Object.fromEntries(entries as [string, string][]);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
