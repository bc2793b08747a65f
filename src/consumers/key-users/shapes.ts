import type { KeyAddress } from '../../rotation/ports.ts';

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
