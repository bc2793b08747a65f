import type { KeyAddress } from '../../rotation/ports.ts';

/* Reading ARM's answers, which are taken for nothing that they do not show. */

export type Json = Readonly<Record<string, unknown>>;

export function objectIn(body: unknown, ...path: readonly string[]): Json {
  const found = path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), body);
  return isObject(found) ? found : {};
}

export function textIn(body: Json, key: string): string | undefined {
  const value = body[key];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** Without these members: what ARM only shows is not sent back. */
export function without(body: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

export interface KeyId {
  readonly key: KeyAddress;
  readonly version?: string;
}

/** `https://kv.vault.azure.net[:443]/keys/<name>[/<version>]`, in any case; undefined when it is no such address. Pure. */
export function keyIdOf(url: string | undefined): KeyId | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { protocol, origin, pathname } = new URL(url);
  const [, keys, name, version] = pathname.split('/');
  if (protocol !== 'https:' || keys?.toLowerCase() !== 'keys' || name === undefined || name === '') return undefined;
  const key = { vault: origin.toLowerCase(), name: name.toLowerCase() };
  return version === undefined || version === '' ? { key } : { key, version: version.toLowerCase() };
}

export function urlOf({ vault, name, version }: KeyAddress & { readonly version: string }): string {
  return `${vault}/keys/${name}/${version}`;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
