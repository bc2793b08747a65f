import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { ObjectRef, Target, TargetInput } from '../../rotation/ports.ts';

export interface DerivedConfig {
  /** The secret whose user and password are taken over. */
  readonly source: ObjectRef;
}

const SECRET = /^\/secrets\/([0-9a-zA-Z-]{1,127})\/?$/;

/** @returns the secret that a URL without a version names, or undefined */
export function readSource(address: string): ObjectRef | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, origin, pathname, search, hash, username } = new URL(address);
  const name = SECRET.exec(pathname)?.[1];
  if (protocol !== 'https:' || search + hash + username !== '' || name === undefined) return undefined;
  return { kind: 'secret', vault: origin, name: name.toLowerCase() };
}

/**
 * @param serves whether the settings serve the vault: no token is sent to any other
 * @throws CONFIG_INVALID
 */
export function parseTarget(input: TargetInput, serves: (vault: string) => boolean): Target<DerivedConfig> {
  const path = 'tags.ProviderAddress';
  const source = readSource(input.providerAddress);
  const problems: Problem[] = [];
  if (source === undefined) {
    problems.push({ path, message: 'is not the URL of a secret without its version: https://<vault>/secrets/<name>' });
  } else if (!serves(source.vault)) {
    problems.push({ path, message: `names a secret in ${source.vault}, which KEYTURN_VAULTS does not` });
  }
  if (source === undefined || problems.length > 0) throw configInvalid('the tags of a derived secret', problems);
  return {
    id: `${source.vault}/secrets/${source.name}`,
    slots: [],
    current: '',
    sources: [source],
    computed: true,
    namesUsers: true,
    hosts: [new URL(source.vault).host],
    config: { source },
  };
}
