import type { ObjectRef } from '../rotation/ports.ts';
import { instancePath, readNamedSecret } from './http-apis.ts';
import { nearest } from './spelling.ts';
import { isRecord, readJsonArray, type Env, type Report } from './values.ts';

/** Where new versions and notices are told. */
export interface ChannelSetting {
  /** What ledger, log and errors call it. */
  readonly name: string;
  readonly format: 'webhook' | 'teams' | 'slack';
  /** Its address, or the secret that holds it: whoever has the address of a chat may write there. */
  readonly address: { readonly url: string } | { readonly secret: ObjectRef };
  /** Of a webhook: the secret with the key that its requests are signed with. */
  readonly signingKey?: ObjectRef;
  /** Patterns of the objects, lower case: `<name>` or `<vault>/<name>`, with `*` for any text. */
  readonly objects: readonly string[];
  readonly events: readonly ('versions' | 'notices')[];
  /** Nobody waits until it has a version. */
  readonly advisory: boolean;
  readonly allowPrivate: boolean;
}

type Raw = Readonly<Record<string, unknown>>;

const NAME = 'KEYTURN_CHANNELS';
const FORMATS = ['webhook', 'teams', 'slack'] as const;
const EVENTS = ['versions', 'notices'] as const;
const KNOWN = ['name', 'format', 'url', 'urlSecret', 'signingKey', 'objects', 'events', 'advisory', 'allowPrivate'];
const PATTERN = /^[0-9a-z*-]+(?:\/[0-9a-z*-]+)?$/;
const FORM =
  'write {"name":"…","format":"webhook","url":"https://…" or "urlSecret":"https://<vault>/secrets/<name>","signingKey":"https://<vault>/secrets/<name>"} (docs/notifications.md)';

/** KEYTURN_CHANNELS: a JSON array. @param allows whether a host may be reached */
export function readChannels(
  env: Env,
  vaults: readonly string[],
  allows: (host: string) => boolean,
  report: Report,
): readonly ChannelSetting[] {
  const found: ChannelSetting[] = [];
  for (const [index, value] of (readJsonArray(env, NAME, report) ?? []).entries()) {
    if (!isRecord(value) || typeof value['name'] !== 'string') {
      report(`${NAME}[${index}]`, isRecord(value) ? `has no name; ${FORM}` : `is not an object; ${FORM}`);
      continue;
    }
    const { name } = value;
    const one = readOne(name, instancePath(NAME, name, found, report), value, { vaults, allows, report });
    if (one !== undefined) found.push(one);
  }
  return found;
}

interface Around {
  readonly vaults: readonly string[];
  readonly allows: (host: string) => boolean;
  readonly report: Report;
}

function readOne(name: string, path: string, value: Raw, around: Around): ChannelSetting | undefined {
  const { report, vaults } = around;
  refuseUnknown(path, value, report);
  const format = FORMATS.find((one) => one === value['format']);
  if (format === undefined) {
    report(`${path}.format`, `is none of ${FORMATS.join(', ')}`);
    return undefined;
  }
  const isChat = format !== 'webhook';
  const address = readAddress(path, value, isChat, around);
  const { signingKey, advisory = isChat, allowPrivate = false } = value;
  const key = isChat ? undefined : readNamedSecret(`${path}.signingKey`, signingKey, vaults, report);
  if (isChat && signingKey !== undefined)
    report(`${path}.signingKey`, `is for webhooks; ${format} checks no signature`);
  if (typeof advisory !== 'boolean') report(`${path}.advisory`, 'is neither true nor false');
  else if (isChat && !advisory)
    report(`${path}.advisory`, 'is true for a chat: it uses no version that could be waited for');
  if (typeof allowPrivate !== 'boolean') report(`${path}.allowPrivate`, 'is neither true nor false');
  const objects = readList(`${path}.objects`, value['objects'] ?? ['*'], report, (one) =>
    PATTERN.test(one.toLowerCase()),
  );
  const events = readList(`${path}.events`, value['events'] ?? EVENTS, report, (one) =>
    EVENTS.some((known) => known === one),
  );
  if (address === undefined) return undefined;
  return {
    ...{ name, format, address, advisory: advisory === true, allowPrivate: allowPrivate === true },
    objects: objects.map((one) => one.toLowerCase()),
    events: EVENTS.filter((one) => events.includes(one)),
    ...(key === undefined ? {} : { signingKey: key }),
  };
}

/** What is in `url` is never repeated in a report: it may be the secret that it should not be. */
function readAddress(
  path: string,
  { url, urlSecret }: Raw,
  isChat: boolean,
  { vaults, allows, report }: Around,
): ChannelSetting['address'] | undefined {
  if (urlSecret !== undefined) {
    if (url !== undefined) report(`${path}.url`, 'is not needed beside urlSecret');
    const secret = readNamedSecret(`${path}.urlSecret`, urlSecret, vaults, report);
    return secret === undefined ? undefined : { secret };
  }
  if (isChat) {
    const why = 'is required: the address of a chat is a secret itself, so put it into a vault';
    report(`${path}.urlSecret`, `${why} and name that secret: https://<vault>/secrets/<name>`);
    return undefined;
  }
  const address = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (address?.protocol !== 'https:' || address.username + address.password + address.hash !== '') {
    report(`${path}.url`, 'is not an https address without user and fragment');
    return undefined;
  }
  if (!allows(address.host)) report(`${path}.url`, `its host ${address.host} is not in KEYTURN_ALLOWED_HOSTS`);
  return { url: address.href };
}

function readList(path: string, value: unknown, report: Report, fits: (one: string) => boolean): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    report(path, 'is not a list with something in it');
    return [];
  }
  return value.filter((one, index): one is string => {
    if (typeof one === 'string' && fits(one)) return true;
    const form = path.endsWith('.events')
      ? `is none of ${EVENTS.join(', ')}`
      : 'is no pattern: <name> or <vault>/<name>, with * for any text';
    report(`${path}[${index}]`, form);
    return false;
  });
}

function refuseUnknown(path: string, value: Raw, report: Report): void {
  for (const key of Object.keys(value)) {
    if (KNOWN.includes(key)) continue;
    const meant = nearest(key, KNOWN);
    report(`${path}.${key}`, `there is no such property; ${meant === undefined ? FORM : `did you mean ${meant}?`}`);
  }
}
