import { configInvalid } from '../../rotation/errors.ts';
import type { ObjectRef, Target, TargetInput } from '../../rotation/ports.ts';
import { nameOf, readAddress, sourceProblems } from '../sources/address.ts';

export interface DerivedConfig {
  /** The secret whose user and password are taken over. */
  readonly source: ObjectRef;
}

/** @returns the secret that a URL without a version and without a query names, or undefined */
export function readSecret(address: string): ObjectRef | undefined {
  return address.includes('?') ? undefined : readAddress(address);
}

/**
 * @param serves whether the settings serve the vault: no token is sent to any other
 * @throws CONFIG_INVALID
 */
export function parseTarget(input: TargetInput, serves: (vault: string) => boolean): Target<DerivedConfig> {
  const source = readSecret(input.providerAddress);
  const problems = sourceProblems(source, serves);
  if (source === undefined || problems.length > 0) throw configInvalid('the tags of a derived secret', problems);
  return {
    id: nameOf(source),
    slots: [],
    current: '',
    sources: [source],
    computed: true,
    namesUsers: true,
    hosts: [new URL(source.vault).host],
    config: { source },
  };
}
