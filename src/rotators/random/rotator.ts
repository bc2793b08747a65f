import type { Rotator } from '../../rotation/ports.ts';

/**
 * A value with no system behind it: a signing key, the secret of a webhook. Publishing it is all there is to do; those who
 * use it read the current version to sign, and both of the last two to verify. See README.md in this folder.
 */
export function randomRotator(): Rotator {
  return {
    kind: 'random',
    capabilities: { minting: 'engine', overlap: 'many', revocable: false, proof: 'none' },
    needs: [],
    claims: () => false,
    parseTarget: () => ({ id: '', slots: [], current: '', hosts: [], config: {} }),
    describe: () => ['make a new random value (the tag ValueShape says how it looks)'],
    check: () => Promise.resolve([]),
    list: () => Promise.resolve([]),
    set: (_target, { value }, { signal }) => {
      signal.throwIfAborted();
      if (value === undefined) throw new TypeError('the engine mints the value for random');
      return Promise.resolve({ credentialId: '', slot: '', value });
    },
    test: () => Promise.resolve(),
    revoke: () => Promise.resolve(),
  };
}
