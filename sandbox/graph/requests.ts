/** What a request to Graph asks for, and what the answers look like. */
import type { SandboxRequest } from '../http.ts';
import type { Application, Applications, ClientSecret } from './applications.ts';
import * as refuse from './errors.ts';
import { listedKey } from './key-requests.ts';

const VERBS = ['', 'addPassword', 'removePassword', 'addKey', 'removeKey'] as const;
export type Verb = (typeof VERBS)[number];

export interface Ask {
  readonly app: Application;
  readonly verb: Verb;
}

const BY_APP_ID = /^applications\(appId='([^']*)'\)$/i;

/** @throws HttpProblem 404 when there is no such application, 400 for a path that Graph has not */
export function parse(request: SandboxRequest, applications: Applications, now: Date): Ask {
  const [version, collection = '', ...rest] = request.segments;
  const byAppId = BY_APP_ID.exec(collection)?.[1];
  const id = byAppId ?? rest.shift() ?? '';
  const [verb = '', ...more] = rest;
  const known = version === 'v1.0' && (byAppId !== undefined || collection === 'applications') && more.length === 0;
  const methods = verb === '' ? ['GET', 'PATCH'] : ['POST'];
  if (!known || !isVerb(verb) || !methods.includes(request.method)) {
    throw refuse.graphProblem(400, 'BadRequest', `Resource not found for the segment '${verb}'.`, now);
  }
  const app = byAppId === undefined ? applications.byObjectId(id) : applications.byAppId(byAppId);
  if (app === undefined) throw refuse.notFound(id, now);
  return { app, verb };
}

function isVerb(verb: string): verb is Verb {
  return VERBS.some((one) => one === verb);
}

/** The application with the properties of `$select`, or a few where there is none. No secret's text, ever. */
export function resourceOf(app: Application, request: SandboxRequest): unknown {
  const all: Record<string, unknown> = {
    id: app.id,
    appId: app.appId,
    displayName: app.displayName,
    passwordCredentials: app.secrets.map((secret) => listed(secret)),
    keyCredentials: app.keys.map((key) => listedKey(key, request.query.has('$select'))),
  };
  const select = request.query.get('$select');
  const names = select === null ? Object.keys(all) : select.split(',');
  return Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]]));
}

/** The answer of addPassword: the only one that tells the text. */
export function told(secret: ClientSecret): unknown {
  return { ...listed(secret), secretText: secret.text };
}

function listed(secret: ClientSecret): Record<string, unknown> {
  return {
    customKeyIdentifier: null,
    displayName: secret.displayName,
    endDateTime: secret.endDateTime.toISOString(),
    hint: secret.hint,
    keyId: secret.keyId,
    secretText: null,
    startDateTime: secret.startDateTime.toISOString(),
  };
}

/** @throws HttpProblem as a tenant's policy and the application's limit refuse it, with nothing added */
export function wantedPassword(
  { app }: Ask,
  request: SandboxRequest,
  now: Date,
): { name: string | null; endDateTime?: Date } {
  const wanted = (asRecord(request.json)['passwordCredential'] ?? {}) as Record<string, unknown>;
  if (app.passwordsForbidden) throw refuse.typeForbidden(now);
  const end = wanted['endDateTime'];
  const endDateTime = typeof end === 'string' ? new Date(end) : undefined;
  if (endDateTime !== undefined && !(endDateTime > now)) {
    throw refuse.badRequest('Key credential end date is invalid.', now);
  }
  const days = (endDateTime === undefined ? 731 * 86_400_000 : endDateTime.getTime() - now.getTime()) / 86_400_000;
  if (app.maxLifetimeDays !== undefined && days > app.maxLifetimeDays) throw refuse.lifetimeTooLong(now);
  if (app.secrets.length >= app.maxPasswords) throw refuse.tooMany(app.maxPasswords, now);
  const name = typeof wanted['displayName'] === 'string' ? wanted['displayName'] : null;
  return endDateTime === undefined ? { name } : { name, endDateTime };
}

export function keyIdOf(request: SandboxRequest, now: Date): string {
  const { keyId } = asRecord(request.json);
  if (typeof keyId === 'string' && /^[0-9a-f-]{36}$/i.test(keyId)) return keyId;
  throw refuse.badRequest('Invalid value specified for property keyId of the action.', now);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
