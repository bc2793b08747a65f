import { configInvalid } from '../../rotation/errors.ts';
import type { Call, Issued, SecretValue } from '../../rotation/ports.ts';
import { jsonOf } from '../../https/answer.ts';
import type { HttpsRequest } from '../../https/client.ts';
import type { HttpApi } from './config.ts';
import type { Authentication, Json, Operation } from './description.ts';
import { namesIn, fill, fillBody, type Values } from './template.ts';

/** Builds the requests of a description. The only file of the rotator that sees secrets as text. */

/** A shorter text stands in others by chance. */
const SHORTEST_ECHO = 6;

/** The secrets that an authentication may name. */
export interface Secrets {
  readonly administrator?: SecretValue;
  readonly credential?: Issued;
}

/**
 * @param values what the operation itself gives: `label`, `id`, `cursor`, `expires.…`
 * @throws CONFIG_INVALID when the administrator's secret does not have the fields that the description reads from it
 */
export function requestOf(
  api: HttpApi,
  operation: Operation,
  {
    authentication,
    secrets,
    values = {},
    host = api.host,
  }: {
    readonly authentication: Authentication;
    readonly secrets: Secrets;
    readonly values?: Values;
    readonly host?: string;
  },
): HttpsRequest {
  const all: Values = { ...api.variables, ...values };
  const url = addressOf(host, operation, all);
  const filled = (templates: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(templates).map(([name, text]) => [name.toLowerCase(), fill(text, all)]));
  const { type, body } = bodyOf(operation, all);
  return {
    method: operation.method,
    url,
    allowPrivate: api.allowPrivate,
    headers: {
      accept: 'application/json',
      // Some services (GitHub's kind) refuse a request without one.
      'user-agent': 'keyturn',
      ...(type === undefined ? {} : { 'content-type': type }),
      ...filled(api.description.headers),
      ...filled(operation.headers),
      ...proofOf(api, authentication, all, secrets),
    },
    ...(body === undefined ? {} : { body }),
  };
}

/** Method and address for people, and for errors: without anything secret, for nothing secret can stand there. */
export function lineOf(api: HttpApi, operation: Operation, values: Values = {}, host = api.host): string {
  return `${operation.method} ${addressOf(host, operation, { ...api.variables, ...values }).href}`;
}

function addressOf(host: string, { path, query }: Operation, values: Values): URL {
  const url = new URL(`https://${host}${fill(path, values, encodeURIComponent)}`);
  for (const [name, text] of Object.entries(query ?? {})) {
    const value = fill(text, values);
    if (value !== '') url.searchParams.set(name, value);
  }
  return url;
}

function bodyOf({ body, form }: Operation, values: Values): { readonly type?: string; readonly body?: string } {
  if (body !== undefined) return { type: 'application/json', body: JSON.stringify(fillBody(body, values)) };
  if (form === undefined) return {};
  const fields = new URLSearchParams();
  for (const [name, text] of Object.entries(form)) fields.set(name, fill(text, values));
  return { type: 'application/x-www-form-urlencoded', body: fields.toString() };
}

function proofOf(
  api: HttpApi,
  authentication: Authentication,
  variables: Values,
  secrets: Secrets,
): Readonly<Record<string, string>> {
  const values = { ...variables, ...secretValues(api, authentication, secrets) };
  switch (authentication.kind) {
    case 'bearer':
      return { authorization: `Bearer ${fill(authentication.token, values)}` };
    case 'basic': {
      const pair = `${fill(authentication.user, values)}:${fill(authentication.password, values)}`;
      return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
    }
    case 'headers': {
      const entries = Object.entries(authentication.headers);
      return Object.fromEntries(entries.map(([name, text]) => [name.toLowerCase(), fill(text, values)]));
    }
  }
}

/** Does this authentication need the administrator's secret? The test of a key seldom does. */
export function needsAdministrator(authentication: Authentication): boolean {
  return secretNames(authentication).length > 0;
}

function secretNames(authentication: Authentication): readonly string[] {
  const { kind: _kind, ...texts } = authentication;
  return namesIn(texts as Json).filter((name) => name === 'secret' || name.startsWith('secret.'));
}

function secretValues(api: HttpApi, authentication: Authentication, { administrator, credential }: Secrets): Values {
  const values: Record<string, Json> = {};
  if (credential !== undefined) {
    values['credential.id'] = credential.credentialId;
    values['credential.value'] = credential.value.reveal();
  }
  if (administrator === undefined) return values;
  values['secret'] = administrator.reveal();
  const fields = secretNames(authentication).filter((name) => name !== 'secret');
  const parsed = fields.length === 0 ? undefined : jsonOf({ text: administrator.reveal() });
  for (const name of fields) {
    const field = name.slice('secret.'.length);
    const value =
      typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)[field] : undefined;
    if (typeof value !== 'string' || value === '') throw fieldMissing(api, field, fields);
    values[name] = value;
  }
  return values;
}

/**
 * The body with every text emptied in which a secret stands that was sent: some services repeat what they refuse, and the place of
 * the error's code is not safe from it.
 */
export function withoutEcho(body: unknown, { administrator, credential }: Secrets): unknown {
  const texts = [administrator?.reveal(), credential?.value.reveal()].filter((one) => one !== undefined);
  const fields = texts.flatMap((text) => Object.values(Object(jsonOf({ text })) as Record<string, unknown>));
  const secrets = [...texts, ...fields].filter((one) => typeof one === 'string' && one.length >= SHORTEST_ECHO);
  if (body === undefined || secrets.length === 0) return body;
  return JSON.parse(JSON.stringify(body), (_key, value: unknown) =>
    typeof value === 'string' && secrets.some((secret) => value.includes(String(secret))) ? '' : value,
  ) as unknown;
}

function fieldMissing({ secret, setting }: HttpApi, field: string, fields: readonly string[]): Error {
  const whole = fields.map((name) => `"${name.slice('secret.'.length)}": "…"`).join(', ');
  return configInvalid(
    'the administrator cannot be used',
    [
      {
        path: `settings.${setting}.secret`,
        message: `the value of ${secret.vault}/secrets/${secret.name} has no field ${field}`,
      },
    ],
    `Store it as JSON: {${whole}}`,
  );
}

/** The moments that `{{expires.…}}` stands for. */
export function expiryValues(api: HttpApi, call: Call): { readonly values: Values; readonly at: Date } | undefined {
  const days = api.lifetimeDays ?? api.description.limits?.lifetimeDays;
  if (
    days === undefined ||
    !namesIn([
      api.description.create.body ?? '',
      api.description.create.form ?? {},
      api.description.create.query ?? {},
    ]).some((name) => name.startsWith('expires.'))
  ) {
    return undefined;
  }
  const seconds = days * 86_400;
  const at = new Date(Math.floor(call.now().getTime() / 1000) * 1000 + seconds * 1000);
  const iso = at.toISOString().replace('.000Z', 'Z');
  const values = {
    'expires.iso': iso,
    'expires.date': iso.slice(0, 10),
    'expires.epoch': at.getTime() / 1000,
    'expires.seconds': seconds,
  };
  return { values, at };
}
