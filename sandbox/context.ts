import type { SandboxClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Pki } from './pki.ts';
import type { Traffic } from './traffic.ts';
import type { Transcript } from './transcript.ts';

/** What every simulated service shares. */
export interface SandboxContext {
  readonly clock: SandboxClock;
  readonly traffic: Traffic;
  readonly faults: Faults;
  readonly pki: Pki;
  readonly transcript: Transcript;
  /** A folder of this run's own; removed when the sandbox stops. */
  readonly dir: string;
}
