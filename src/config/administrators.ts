import type { ObjectRef } from '../rotation/ports.ts';
import { matchesHost, moreSpecific, parseHostPattern, type HostPattern } from './hosts.ts';
import { isRecord, readJsonObject, readSecretUrl, type Env, type Report } from './values.ts';

/** Who administers the hosts of one pattern, and how it proves itself. */
export interface AdministratorSetting {
  readonly pattern: HostPattern;
  /** @param host `host` or `host:port` */
  readonly matches: (host: string) => boolean;
  /** The administrator's name; absent only when the secret's value holds it. */
  readonly user?: string;
  /** Where the password is; absent: the app's managed identity gets a token. */
  readonly secret?: ObjectRef;
}

const NAME = 'KEYTURN_ADMINISTRATORS';
const FORMS =
  'write {"user":"…","managedIdentity":true}, {"user":"…","secret":"https://<vault>/secrets/<name>"} or {"secret":"…"}';

/**
 * KEYTURN_ADMINISTRATORS: a JSON object from host pattern to administrator. The secret's value is a password when
 * `user` is given; otherwise it holds both, as JSON or as a connection string.
 */
export function readAdministrators(
  env: Env,
  vaults: readonly string[],
  report: Report,
): readonly AdministratorSetting[] {
  const found: AdministratorSetting[] = [];
  for (const [key, value] of Object.entries(readJsonObject(env, NAME, report) ?? {})) {
    const path = `${NAME}["${key}"]`;
    const pattern = parseHostPattern(key);
    if (typeof pattern === 'string') report(path, pattern);
    const who = readOne(path, value, vaults, report);
    if (typeof pattern === 'string' || who === undefined) continue;
    found.push({ pattern, matches: (host) => matchesHost(pattern, host), ...who });
  }
  return found.sort((a, b) => moreSpecific(a.pattern, b.pattern));
}

function readOne(
  path: string,
  value: unknown,
  vaults: readonly string[],
  report: Report,
): Pick<AdministratorSetting, 'user' | 'secret'> | undefined {
  if (!isRecord(value)) {
    report(path, `is not an object; ${FORMS}`);
    return undefined;
  }
  const { user, managedIdentity, secret, ...others } = value;
  for (const other of Object.keys(others)) report(`${path}.${other}`, `there is no such property; ${FORMS}`);
  if (user !== undefined && (typeof user !== 'string' || user === '')) report(`${path}.user`, 'is not a name');
  const name = typeof user === 'string' && user !== '' ? { user } : {};
  if ((managedIdentity === true) === (secret !== undefined)) {
    report(path, `says ${secret === undefined ? 'neither' : 'both'} managedIdentity and secret; ${FORMS}`);
    return undefined;
  }
  if (secret === undefined) {
    if (user === undefined)
      report(`${path}.user`, 'is required with managedIdentity: the name of the identity in the system');
    return name;
  }
  const object = readSecretUrl(secret);
  if (object === undefined) {
    report(`${path}.secret`, 'is not the address of a secret without a version: https://<vault>/secrets/<name>');
    return undefined;
  }
  if (!vaults.includes(object.vault)) {
    report(`${path}.secret`, `its vault ${object.vault} is not in KEYTURN_VAULTS`);
  }
  return { ...name, secret: object };
}
