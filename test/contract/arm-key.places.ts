import { afterAll, beforeAll, describe } from 'vitest';
import { ARM_KEY_ROWS } from '../../src/rotators/arm-key/rows.ts';
import { PLACES } from '../../sandbox/arm/places.ts';
import { ArmKeyHarness } from './arm-key.harness.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';
import { describeRotator } from './rotator-suite.ts';

/** Rows that run the whole contract suite from here; storage accounts have a harness of their own, with the SDK. */
export const KINDS: readonly string[] = ARM_KEY_ROWS.map(({ kind }) => kind).filter((one) => one !== 'storage-account');

export function harnessOf(kind: string, shared?: () => StorageCloud): ArmKeyHarness {
  const place = PLACES.find((one) => one.kind === kind);
  if (place === undefined) throw new Error(`no place in the sandbox is known for ${kind}`);
  return new ArmKeyHarness(place, shared);
}

/** Several rows over one cloud, which runs while the tests that are described do. */
export function describeOverCloud(describeTests: (shared: () => StorageCloud) => void): void {
  describe('keys that ARM regenerates', () => {
    let cloud: StorageCloud | undefined;
    beforeAll(async () => {
      cloud = await startStorageCloud();
    });
    afterAll(() => cloud?.stop());
    describeTests(() => {
      if (cloud === undefined) throw new Error('the cloud has not been started');
      return cloud;
    });
  });
}

/** The contract suite for several rows. */
export function describeArmKeys(kinds: readonly string[]): void {
  describeOverCloud((shared) => {
    for (const kind of kinds) describeRotator(harnessOf(kind, shared));
  });
}
