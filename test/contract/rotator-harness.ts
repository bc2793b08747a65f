import type { Issued, Rotator, SecretValue, TargetInput } from '../../src/rotation/ports.ts';
import type { ErrorCode } from '../../src/rotation/errors.ts';

/** A way in which the backing system can fail, made to happen for real on the wire. */
export type Fault = 'denied' | 'absent' | 'throttled' | 'unavailable' | 'timeout';

export interface Fresh {
  readonly input: TargetInput;
  /** The credential that readers hold at the start; it authenticates. */
  readonly current: Issued;
}

/** What the shared contract suite needs of a backing system. A rotator is right when the suite passes on its harness. */
export interface RotatorHarness {
  readonly name: string;
  readonly rotator: Rotator;
  /** Of a rotator that `retains`: this server can, so the value before logs in until `revoke`. */
  readonly retains?: boolean;
  /** Starts the servers; called once. Says loudly why when something it needs is absent. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A new target of its own: a pair of accounts with the same grants, or a new storage account. */
  fresh(): Promise<Fresh>;
  /** Asks the system itself, past the rotator: does this credential log in? */
  authenticates(input: TargetInput, issued: Issued): Promise<boolean>;
  /** A new value, as the engine would mint it; used when minting is `engine`. */
  mint(): SecretValue;
  /** Makes the fault happen on this target; the returned function mends it. */
  fault(kind: Fault, input: TargetInput): Promise<() => Promise<void>>;
  /** How long the suite waits for what does not answer, where 1.5 s is longer than it need be. */
  readonly patienceMs?: number;
  /** The code each fault must come out as, with its effect. */
  readonly faultCodes: Readonly<Record<Fault, { readonly code: ErrorCode; readonly effect: 'none' | 'unknown' }>>;
  /** Every text that the system's side wrote (server log, traffic), to search for canaries. */
  written(): Promise<string>;
  /** Inputs that `parseTarget` must refuse, with every path that must be named. */
  readonly badInputs: readonly {
    readonly why: string;
    readonly input: TargetInput;
    readonly paths: readonly string[];
  }[];
}
