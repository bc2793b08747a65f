/** A system to try the example with: keys that live in memory. Put yours in its place. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Credential, System } from './answer.ts';

interface Key extends Credential {
  readonly value: string;
}

export interface MemorySystem extends System {
  /** A key as a person makes it, without a rotation. */
  make(credentialId?: string): Credential & { readonly value: string };
  accepts(value: string): boolean;
  clear(): void;
}

export function createMemorySystem(): MemorySystem {
  const keys = new Map<string, Key>();

  function make(credentialId: string = randomUUID(), rotationId?: string): Key {
    const value = randomBytes(32).toString('base64url');
    const key = { credentialId, value, ...(rotationId === undefined ? {} : { rotationId }) };
    keys.set(credentialId, key);
    return key;
  }

  return {
    check: () => [],
    list: () => [...keys.values()].map(({ value: _value, ...credential }) => credential),
    set({ rotationId, slot }) {
      // One of two accounts: the slot says which one gets a new value. Otherwise each rotation makes a key of its own, and one
      // that an interrupted attempt of the same rotation has left goes first.
      if (slot !== '') return make(slot, rotationId);
      for (const key of keys.values()) if (key.rotationId === rotationId) keys.delete(key.credentialId);
      return make(undefined, rotationId);
    },
    test: ({ credentialId, value }) => keys.get(credentialId)?.value === value,
    revoke: ({ credentialId }) => void keys.delete(credentialId),
    make: (credentialId) => make(credentialId),
    accepts: (value) => [...keys.values()].some((key) => key.value === value),
    clear: () => keys.clear(),
  };
}
