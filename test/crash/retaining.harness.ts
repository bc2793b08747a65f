import { mintPassword } from '../../src/rotation/mint.ts';
import type { RotatorHarness } from '../contract/rotator-harness.ts';
import { Calls } from '../support/memory/calls.ts';
import { MemoryRotator } from '../support/memory/rotator.ts';

/**
 * An account in memory whose system keeps the value before: for the crash suite where there is no MySQL 8, and to see that
 * nothing of what the engine promises hangs on that one server.
 */
export function retainingHarness(): RotatorHarness {
  const rotator = new MemoryRotator(new Calls(), { overlap: 'none', revocable: true, retains: true });
  let made = 0;
  const none = (): Promise<never> => Promise.reject(new Error('the system in memory has no faults of its own'));
  return {
    name: 'an account in memory that keeps the value before',
    rotator: {
      kind: rotator.kind,
      capabilities: rotator.capabilities,
      claims: (address) => rotator.claims(address),
      parseTarget: (input) => rotator.parseTarget(input),
      describe: (target, slot) => rotator.describe(target, slot),
      check: () => rotator.check(),
      list: (target) => rotator.list(target),
      set: (target, pending) => rotator.set(target, pending),
      test: (target, issued) => rotator.test(target, issued),
      revoke: (target, slot, how) => rotator.revoke(target, slot, how),
    },
    retains: true,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    fresh() {
      made += 1;
      const [user, value] = [`account-${made}`, mintPassword()];
      rotator.passwords.set(user, value.reveal());
      const input = { credentialId: user, providerAddress: 'bank.example' };
      return Promise.resolve({ input, current: { credentialId: user, slot: user, value } });
    },
    authenticates: (_input, issued) => Promise.resolve(rotator.logsIn(issued.slot, issued.value)),
    mint: () => mintPassword(),
    fault: none,
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'none' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    written: () => Promise.resolve(''),
    badInputs: [],
  };
}
