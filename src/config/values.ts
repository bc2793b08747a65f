import type { ObjectRef } from '../rotation/ports.ts';
import { nearest } from './spelling.ts';

/** How single settings are written. Each function reports what is wrong and gives something usable all the same. */
export type Env = Readonly<Record<string, string | undefined>>;

/** @param path below `settings.` */
export type Report = (path: string, message: string) => void;

export function setting(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
}

/** Vault addresses, separated by spaces or commas. */
export function readVaults(env: Env, report: Report): readonly string[] {
  const words = (setting(env, 'KEYTURN_VAULTS') ?? '').split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0)
    report('KEYTURN_VAULTS', 'is required: the addresses of the vaults, as https://kv.vault.azure.net');
  const vaults: string[] = [];
  for (const [index, word] of words.entries()) {
    const origin = httpsOrigin(word);
    const path = `KEYTURN_VAULTS[${index}]`;
    if (origin === undefined) report(path, `'${word}' is not the address of a vault, as https://kv.vault.azure.net`);
    else if (vaults.includes(origin)) report(path, `'${word}' is named twice`);
    else vaults.push(origin);
  }
  return vaults;
}

/** Of the served vaults those that are shared with the others. */
export function readSharedVaults(env: Env, vaults: readonly string[], report: Report): readonly string[] {
  const words = (setting(env, 'KEYTURN_SHARED_VAULTS') ?? '').split(/[\s,]+/).filter((word) => word !== '');
  return words.flatMap((word, index) => {
    const origin = httpsOrigin(word);
    if (origin !== undefined && vaults.includes(origin)) return [origin];
    report(`KEYTURN_SHARED_VAULTS[${index}]`, `'${word}' is none of the vaults in KEYTURN_VAULTS`);
    return [];
  });
}

/** `https://host[:port]`, lower case; undefined for anything with another scheme, a path, a query or a user. */
export function httpsOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const bare =
    url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return url.protocol === 'https:' && bare ? url.origin : undefined;
}

export function readHttps(env: Env, name: string, fallback: string | undefined, report: Report): string | undefined {
  const value = setting(env, name);
  if (value === undefined) return fallback;
  if (URL.canParse(value) && new URL(value).protocol === 'https:' && new URL(value).username === '') return value;
  // The text is not repeated: an address with a user in it holds a password.
  report(name, 'is not an https address');
  return fallback;
}

export function readBoolean(env: Env, name: string, fallback: boolean, report: Report): boolean {
  const value = setting(env, name)?.toLowerCase();
  if (value === undefined) return fallback;
  if (value !== 'true' && value !== 'false') report(name, `'${value}' is neither true nor false`);
  return value === 'true';
}

/** A DNS suffix with an optional port, returned in lower case without a leading dot. */
export function readSuffix(env: Env, name: string, fallback: string, report: Report): string {
  const value = setting(env, name);
  return value === undefined ? fallback : checkSuffix(value, name, fallback, report);
}

function checkSuffix(text: string, path: string, fallback: string, report: Report): string {
  const value = text.trim().toLowerCase().replace(/^\./, '');
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?$/.test(value)) return value;
  report(path, `'${value}' is not a DNS suffix, as ${fallback}`);
  return fallback;
}

/** A JSON object of DNS suffixes; what it does not name has its default, and what has no default is refused. */
export function readSuffixes(
  env: Env,
  name: string,
  defaults: Readonly<Record<string, string>>,
  report: Report,
): Readonly<Record<string, string>> {
  const suffixes = { ...defaults };
  for (const [kind, value] of Object.entries(readJsonObject(env, name, report) ?? {})) {
    const path = `${name}.${kind}`;
    const fallback = Object.hasOwn(defaults, kind) ? defaults[kind] : undefined;
    if (fallback === undefined) report(path, unknownKind(kind, Object.keys(defaults)));
    else if (typeof value !== 'string') report(path, `is not a text, as "${fallback}"`);
    else suffixes[kind] = checkSuffix(value, path, fallback, report);
  }
  return suffixes;
}

function unknownKind(kind: string, known: readonly string[]): string {
  const meant = nearest(kind, known);
  return meant === undefined
    ? `is no kind with a suffix of its own; there are ${known.join(', ')}`
    : `is no kind with a suffix of its own; did you mean ${meant}?`;
}

/** NCRONTAB with seconds, the form that Functions timers take; names of months and days are taken, too. */
export function isSchedule(text: string): boolean {
  const fields = text.split(/\s+/);
  const unit = '(?:\\*|\\d{1,2}(?:-\\d{1,2})?|[a-z]{3}(?:-[a-z]{3})?)(?:/\\d{1,2})?';
  const field = new RegExp(`^${unit}(?:,${unit})*$`, 'i');
  return fields.length === 6 && fields.every((one) => field.test(one));
}

/** A JSON object from a setting; undefined when the setting is absent or (reported) is something else. */
export function readJsonObject(env: Env, name: string, report: Report): Readonly<Record<string, unknown>> | undefined {
  const parsed = readJson(env, name, report);
  if (parsed === undefined || isRecord(parsed)) return parsed;
  report(name, 'is not a JSON object');
  return undefined;
}

/** The same for an array. */
export function readJsonArray(env: Env, name: string, report: Report): readonly unknown[] | undefined {
  const parsed = readJson(env, name, report);
  if (parsed === undefined || Array.isArray(parsed)) return parsed;
  report(name, 'is not a JSON array');
  return undefined;
}

function readJson(env: Env, name: string, report: Report): unknown {
  const value = setting(env, name);
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's message is not passed on: it quotes the text.
    report(name, 'is not JSON');
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `https://<vault>/secrets/<name>`, without a version; undefined for anything else. */
export function readSecretUrl(value: unknown): ObjectRef | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(https:\/\/[^/?#]+)\/secrets\/([0-9a-z-]{1,127})\/?$/i.exec(value);
  const vault = match?.[1] === undefined ? undefined : httpsOrigin(match[1]);
  const name = match?.[2];
  return vault === undefined || name === undefined ? undefined : { kind: 'secret', vault, name: name.toLowerCase() };
}
