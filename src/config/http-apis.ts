import type { ObjectRef } from '../rotation/ports.ts';
import { isRecord, readJsonObject, readSecretUrl, type Env, type Report } from './values.ts';

/** One service whose keys are rotated by its description. The description itself is checked by the rotator. */
export interface HttpApiSetting {
  /** What the tag ProviderAddress says. */
  readonly name: string;
  /** The name of a ready description, or a description. */
  readonly description: unknown;
  /** `host` or `host:port`; the description's own when absent. */
  readonly host?: string;
  readonly secret: ObjectRef;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly lifetimeDays?: number;
  readonly allowPrivate: boolean;
}

const NAME = 'KEYTURN_HTTP_APIS';
const INSTANCE = /^[a-z0-9][a-z0-9-]{0,62}$/i;
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;
const FORM =
  'write {"description":"<name>" or {…},"secret":"https://<vault>/secrets/<name>"}, and where needed "host", "variables", "lifetimeDays", "allowPrivate"';

/** KEYTURN_HTTP_APIS: a JSON object from the instance's name to what it is. */
export function readHttpApis(env: Env, vaults: readonly string[], report: Report): readonly HttpApiSetting[] {
  const found: HttpApiSetting[] = [];
  for (const [name, value] of Object.entries(readJsonObject(env, NAME, report) ?? {})) {
    const path = instancePath(NAME, name, found, report);
    if (!isRecord(value)) {
      report(path, `is not an object; ${FORM}`);
      continue;
    }
    const one = readOne(name, path, value, vaults, report);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** Names are written into tags in any case, and into errors. */
export function instancePath(
  setting: string,
  name: string,
  others: readonly { readonly name: string }[],
  report: Report,
): string {
  const path = `${setting}["${name}"]`;
  if (!INSTANCE.test(name)) report(path, 'is no name: letters, digits and hyphens, at most 63');
  if (others.some((one) => one.name.toLowerCase() === name.toLowerCase())) report(path, 'is named twice');
  return path;
}

/** The secret that an instance proves itself with; undefined when it is (reported) none that may be read. */
export function readNamedSecret(
  path: string,
  value: unknown,
  vaults: readonly string[],
  report: Report,
): ObjectRef | undefined {
  const secret = readSecretUrl(value);
  if (secret === undefined) {
    report(path, 'is not the address of a secret without a version: https://<vault>/secrets/<name>');
  } else if (!vaults.includes(secret.vault)) {
    report(path, `its vault ${secret.vault} is not in KEYTURN_VAULTS`);
  }
  return secret;
}

function readOne(
  name: string,
  path: string,
  value: Readonly<Record<string, unknown>>,
  vaults: readonly string[],
  report: Report,
): HttpApiSetting | undefined {
  const { description, host, secret, variables = {}, lifetimeDays, allowPrivate = false, ...others } = value;
  for (const other of Object.keys(others)) report(`${path}.${other}`, `there is no such property; ${FORM}`);
  if (typeof description !== 'string' && !isRecord(description)) {
    report(`${path}.description`, 'is neither the name of a ready description nor one');
  }
  const named = typeof host === 'string' ? host.toLowerCase() : undefined;
  if (host !== undefined && (named === undefined || !HOST.test(named))) {
    report(`${path}.host`, 'is not a host or host:port');
  }
  const object = readNamedSecret(`${path}.secret`, secret, vaults, report);
  if (!isRecord(variables)) report(`${path}.variables`, 'is not an object');
  if (lifetimeDays !== undefined && !(Number.isInteger(lifetimeDays) && Number(lifetimeDays) >= 2)) {
    report(`${path}.lifetimeDays`, 'is not a whole number of days from 2 on');
  }
  if (typeof allowPrivate !== 'boolean') report(`${path}.allowPrivate`, 'is neither true nor false');
  if (object === undefined || !isRecord(variables)) return undefined;
  return {
    name,
    description,
    secret: object,
    variables,
    allowPrivate: allowPrivate === true,
    ...(named === undefined ? {} : { host: named }),
    ...(lifetimeDays === undefined ? {} : { lifetimeDays: Number(lifetimeDays) }),
  };
}
