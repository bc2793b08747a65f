import { configInvalid } from '../../rotation/errors.ts';
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
    parseTarget: ({ providerAddress }) => {
      if (holdsUserInfo(providerAddress)) throw configInvalid('the tags of a manual secret', [NO_USER_INFO]);
      return { id: providerAddress, slots: [], current: '', hosts: [], config: {} };
    },
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

const NO_USER_INFO = {
  path: 'tags.ProviderAddress',
  message: 'holds a user or a password, and tags are no place for them: give the address of the page only',
};

/** The address is shown to people, in logs and in events. */
function holdsUserInfo(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { username, password } = new URL(address);
  return username !== '' || password !== '';
}
