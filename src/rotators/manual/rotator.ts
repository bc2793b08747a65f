import type { Rotator } from '../../rotation/ports.ts';

/**
 * A credential that only a person can make. The run stops and tells the people; the value comes in through the runbook, and
 * is published like any other. See README.md in this folder.
 */
export function manualRotator(): Rotator {
  return {
    kind: 'manual',
    capabilities: { minting: 'person', overlap: 'many', revocable: false, proof: 'none' },
    needs: [],
    claims: () => false,
    // Where the person is to go; nothing here is reached by Keyturn, so nothing is checked or owned.
    parseTarget: ({ providerAddress }) => ({ id: providerAddress, slots: [], current: '', hosts: [], config: {} }),
    describe: ({ id }) => [
      `ask a person for a new value${id === '' ? '' : ` from ${id}`}, and take it with PUT /api/rotations/{id}/value`,
    ],
    check: () => Promise.resolve([]),
    list: () => Promise.resolve([]),
    set: (_target, { value }, { signal }) => {
      signal.throwIfAborted();
      if (value === undefined) throw new TypeError('a person gives the value for manual');
      return Promise.resolve({ credentialId: '', slot: '', value });
    },
    test: () => Promise.resolve(),
    revoke: () => Promise.resolve(),
  };
}
