import type { Problem } from '../../rotation/errors.ts';
import type { ObjectRef } from '../../rotation/ports.ts';

const SECRET = /^\/secrets\/([0-9a-zA-Z-]{1,127})\/?$/;

/** @returns the secret that a URL without a version names, whatever stands in the URL's query, or undefined */
export function readAddress(address: string): ObjectRef | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, origin, pathname, hash, username } = new URL(address);
  const name = SECRET.exec(pathname)?.[1];
  if (protocol !== 'https:' || hash + username !== '' || name === undefined) return undefined;
  return { kind: 'secret', vault: origin, name: name.toLowerCase() };
}

/**
 * What is wrong with a source that a tag names.
 * @param serves whether the settings serve the vault: no token is sent to any other
 */
export function sourceProblems(source: ObjectRef | undefined, serves: (vault: string) => boolean): readonly Problem[] {
  const path = 'tags.ProviderAddress';
  if (source === undefined) {
    return [{ path, message: 'is not the URL of a secret without its version: https://<vault>/secrets/<name>' }];
  }
  if (serves(source.vault)) return [];
  return [{ path, message: `names a secret in ${source.vault}, which KEYTURN_VAULTS does not` }];
}

/** For people, and the id of a target. */
export function nameOf({ vault, name }: ObjectRef): string {
  return `${vault}/secrets/${name}`;
}
