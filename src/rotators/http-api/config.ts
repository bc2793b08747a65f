import schema from '../../../docs/http-api.schema.json' with { type: 'json' };
import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { ObjectRef, Target, TargetInput } from '../../rotation/ports.ts';
import type { Description, Json } from './description.ts';
import { READY } from './descriptions/index.ts';
import { ruleProblems, textNames } from './rules.ts';
import { schemaProblems, type Schema } from './schema-check.ts';

/** One entry of the setting KEYTURN_HTTP_APIS, its form checked and its description not yet. */
export interface HttpApiSetting {
  readonly name: string;
  /** The name of a ready description, or one. */
  readonly description: unknown;
  /** `host` or `host:port`; the description's own when absent. */
  readonly host?: string;
  /** Where the administrator's credential is. */
  readonly secret: ObjectRef;
  readonly variables: Readonly<Record<string, unknown>>;
  /** The description's when absent. */
  readonly lifetimeDays?: number;
  readonly allowPrivate: boolean;
}

/** A checked instance: all that a request needs but the secrets. */
export interface HttpApi extends Omit<HttpApiSetting, 'description' | 'host'> {
  readonly description: Description;
  readonly host: string;
  /** Every variable of the description, with the defaults. */
  readonly variables: Readonly<Record<string, Json>>;
  /** How the setting is called in an error. */
  readonly setting: string;
}

/**
 * Checks every instance and its description, whether one is in the settings or ready-made. Pure.
 * @throws CONFIG_INVALID with every problem of every instance
 */
export function readInstances(settings: readonly HttpApiSetting[]): ReadonlyMap<string, HttpApi> {
  const problems: Problem[] = [];
  const read = settings.map((one) => readInstance(one, problems));
  if (problems.length > 0) {
    throw configInvalid(
      'the setting KEYTURN_HTTP_APIS',
      problems,
      'See docs/http-api.md for what a description may say.',
    );
  }
  return new Map(read.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
}

function readInstance(given: HttpApiSetting, problems: Problem[]): HttpApi | undefined {
  const setting = `KEYTURN_HTTP_APIS["${given.name}"]`;
  const path = `settings.${setting}`;
  const before = problems.length;
  const description = readDescription(given.description, `${path}.description`, problems);
  if (description === undefined) return undefined;
  const variables = readVariables(given, description, path, problems);
  const host = given.host ?? description.host;
  if (host === undefined) {
    problems.push({ path: `${path}.host`, message: `is required: ${description.name} runs at everybody's own` });
  }
  const longest = description.limits?.lifetimeDays;
  if (given.lifetimeDays !== undefined && (longest === undefined || given.lifetimeDays > longest)) {
    const message =
      longest === undefined ? `has no meaning: ${description.name} gives keys no expiry` : `may be at most ${longest}`;
    problems.push({ path: `${path}.lifetimeDays`, message });
  }
  if (host === undefined || problems.length > before) return undefined;
  return { ...given, description, host, variables, setting };
}

/** @returns undefined when there is a problem, which has been put to the others then */
export function readDescription(given: unknown, path: string, problems: Problem[]): Description | undefined {
  const description = typeof given === 'string' ? READY.get(given) : given;
  if (description === undefined) {
    problems.push({
      path,
      message: `there is no ready description '${String(given)}'; there are ${[...READY.keys()].join(', ')}`,
    });
    return undefined;
  }
  const ofForm = schemaProblems(schema as Schema, description, path);
  problems.push(...ofForm);
  if (ofForm.length > 0) return undefined;
  const checked = description as Description;
  const ofRules = ruleProblems(checked, path);
  problems.push(...ofRules);
  return ofRules.length > 0 ? undefined : checked;
}

function readVariables(
  given: HttpApiSetting,
  description: Description,
  path: string,
  problems: Problem[],
): Readonly<Record<string, Json>> {
  const declared = description.variables ?? {};
  const inText = textNames(description);
  const say = (name: string, message: string): void =>
    void problems.push({ path: `${path}.variables.${name}`, message });
  const values: Record<string, Json> = {};
  for (const name of Object.keys(given.variables)) {
    if (!Object.hasOwn(declared, name)) {
      say(name, `${description.name} has no such variable; there are ${Object.keys(declared).join(', ') || 'none'}`);
    }
  }
  for (const [name, variable] of Object.entries(declared)) {
    const value = Object.hasOwn(given.variables, name) ? (given.variables[name] as Json) : variable.default;
    if (value === undefined) say(name, `is required: ${variable.about}`);
    else if (inText.has(name) && !isText(value)) say(name, 'must be a text, a number, true or false, and not empty');
    else values[name] = value;
  }
  return values;
}

/** Fit to stand in a path, a query, a header: `..` would climb. */
function isText(value: Json): boolean {
  if (value === null || typeof value === 'object') return false;
  return !/^\.{0,2}$|[\p{Cc}\p{Cs}]/u.test(String(value));
}

/** May the tag CredentialId hold it, and an address? Pure. */
export function isKeyId(id: string): boolean {
  return /^[\x21-\x7e]{1,256}$/.test(id) && !/^\.{1,2}$/.test(id);
}

/**
 * Parses the tags of a secret. Pure.
 * @throws CONFIG_INVALID with every problem at once
 */
export function parseInstanceTarget(
  instances: ReadonlyMap<string, HttpApi>,
  { credentialId, providerAddress, alternateCredentialId }: TargetInput,
): Target<HttpApi> {
  const problems: Problem[] = [];
  const instance = instances.get(providerAddress.trim().toLowerCase());
  if (instance === undefined) {
    const names = [...instances.values()].map(({ name }) => name).join(', ');
    const message = `names no entry of the setting KEYTURN_HTTP_APIS; there ${names === '' ? 'are none' : `are: ${names}`}`;
    problems.push({ path: 'tags.ProviderAddress', message });
  }
  const id = credentialId.trim();
  if (!isKeyId(id)) {
    problems.push({
      path: 'tags.CredentialId',
      message: 'must be the id of the key in this version, as the service says it',
    });
  }
  if (alternateCredentialId !== undefined) {
    const message = 'has no meaning here: each rotation makes a key of its own';
    problems.push({ path: 'tags.AlternateCredentialId', message });
  }
  if (instance === undefined || problems.length > 0) {
    throw configInvalid('the tags of an http-api secret are not right', problems);
  }
  const hosts = new Set([instance.host, instance.description.test.host ?? instance.host]);
  return {
    id: `https://${instance.host}#${instance.name.toLowerCase()}`,
    slots: [],
    current: id,
    hosts: [...hosts],
    config: instance,
  };
}
