import type { AzuriteService } from '../../sandbox/azurite/azurite.ts';
import type { VaultService } from '../../sandbox/vault/vault.ts';
import type { Call, Journal, VaultPort } from '../../src/rotation/ports.ts';
import type { RotatorHarness } from '../contract/rotator-harness.ts';
import type { TestClock } from './test-clock.ts';

export const DAY = 24 * 3600_000;
export const OVERLAP_MS = DAY;
export const TABLE = 'keyturn';

/** What the scenes of a world share. */
export interface Parts {
  readonly harness: RotatorHarness;
  readonly vault: VaultService;
  readonly azurite: AzuriteService;
  readonly clock: TestClock;
  readonly advance: (ms: number) => void;
  readonly vaultPort: VaultPort;
  readonly journal: Journal;
}

/** A call that ends by itself, on the world's clock. */
export function callOf(clock: TestClock): Call {
  return { signal: AbortSignal.timeout(30_000), now: () => clock.now() };
}
