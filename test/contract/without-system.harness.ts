import { mintPassword } from '../../src/rotation/mint.ts';
import type { Rotator } from '../../src/rotation/ports.ts';
import type { RotatorHarness } from './rotator-harness.ts';

/** For rotators with no system behind them: there is nothing to start, to ask or to break. */
export function withoutSystemHarness(rotator: Rotator): RotatorHarness {
  const fault = { code: 'UNAVAILABLE', effect: 'none' } as const;
  return {
    name: rotator.kind,
    rotator,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    fresh: () =>
      Promise.resolve({
        input: { credentialId: '', providerAddress: '' },
        current: { credentialId: '', slot: '', value: mintPassword() },
      }),
    // Whoever reads the vault takes what is there.
    authenticates: () => Promise.resolve(true),
    mint: () => mintPassword(),
    fault: () => Promise.reject(new TypeError('there is no system that could fail')),
    faultCodes: { denied: fault, absent: fault, throttled: fault, unavailable: fault, timeout: fault },
    written: () => Promise.resolve(''),
    badInputs: [],
  };
}
