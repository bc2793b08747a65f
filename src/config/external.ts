import type { ObjectRef } from '../rotation/ports.ts';
import { instancePath, readNamedSecret } from './http-apis.ts';
import { isRecord, readJsonObject, type Env, type Report } from './values.ts';

/** An endpoint of the user's own that rotates. */
export interface ExternalSetting {
  /** What the tag ProviderAddress says. */
  readonly name: string;
  readonly url: string;
  /** Holds the key that requests and answers are signed with. */
  readonly secret: ObjectRef;
  readonly overlap: 'many' | 'two-slots';
  readonly allowPrivate: boolean;
}

const NAME = 'KEYTURN_EXTERNAL';
const FORM =
  'write {"url":"https://…","secret":"https://<vault>/secrets/<name>","overlap":"many" or "two-slots"}, and where needed "allowPrivate"';

/** KEYTURN_EXTERNAL: a JSON object from the instance's name to its endpoint. */
export function readExternal(env: Env, vaults: readonly string[], report: Report): readonly ExternalSetting[] {
  const found: ExternalSetting[] = [];
  for (const [name, value] of Object.entries(readJsonObject(env, NAME, report) ?? {})) {
    const path = instancePath(NAME, name, found, report);
    if (!isRecord(value)) {
      report(path, `is not an object; ${FORM}`);
      continue;
    }
    const { url, secret, overlap = 'many', allowPrivate = false, ...others } = value;
    for (const other of Object.keys(others)) report(`${path}.${other}`, `there is no such property; ${FORM}`);
    // The address is not repeated: one with a user in it holds a password.
    const address = readAddress(url);
    if (address === undefined) report(`${path}.url`, 'is not an https address without user, query and fragment');
    const object = readNamedSecret(`${path}.secret`, secret, vaults, report);
    if (overlap !== 'many' && overlap !== 'two-slots') {
      report(`${path}.overlap`, 'is neither "many" nor "two-slots"');
      continue;
    }
    if (typeof allowPrivate !== 'boolean') report(`${path}.allowPrivate`, 'is neither true nor false');
    if (address === undefined || object === undefined) continue;
    found.push({ name, url: address, secret: object, overlap, allowPrivate: allowPrivate === true });
  }
  return found;
}

function readAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const { protocol, username, password, search, hash, href } = new URL(value);
  return protocol === 'https:' && username + password + search + hash === '' ? href : undefined;
}
