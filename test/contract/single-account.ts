import type { RotatorHarness } from './rotator-harness.ts';

const ALTERNATE = 'tags.AlternateCredentialId';

/** What of a pair's bad inputs is bad for a single account, too: all but the second account. */
export function withoutAlternate(inputs: RotatorHarness['badInputs']): RotatorHarness['badInputs'] {
  return inputs
    .map((one) => ({ ...one, paths: one.paths.filter((path) => path !== ALTERNATE) }))
    .filter(({ paths }) => paths.length > 0);
}
