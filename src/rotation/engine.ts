import type {
  Adoptions,
  Announcer,
  CertificatesPort,
  Clock,
  Configuration,
  Consumer,
  Discovery,
  Journal,
  KeysPort,
  KeyUser,
  Log,
  Notices,
  ObjectRef,
  SecretValue,
  ValueShape,
  VaultPort,
  WorkQueue,
} from './ports.ts';

/** Everything the engine uses of the world. Built once, in src/main.ts or by a test. */
export interface Engine {
  readonly vault: VaultPort;
  readonly keys: KeysPort;
  /** Who can be moved on to a new version of a key. */
  readonly keyUsers: readonly KeyUser[];
  readonly certificates: CertificatesPort;
  /** Finds who uses an object, and how to make them use a new version. */
  readonly discovery: Discovery;
  readonly consumers: readonly Consumer[];
  readonly adoptions: Adoptions;
  readonly journal: Journal;
  readonly queue: WorkQueue;
  readonly announcer: Announcer;
  readonly notices: Notices;
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly log: Log;
  /** Cryptographically random; without a shape a new password that every system takes. */
  readonly mint: (shape?: ValueShape) => SecretValue;
  /** Cryptographically random and unique, for lease owners and ids. */
  readonly uniqueId: () => string;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** What became of one message. */
export type Outcome =
  | {
      readonly outcome: 'dropped' | 'refused' | 'deferred' | 'announced' | 'adopted' | 'propagating';
      readonly reason: string;
      readonly detail: string;
    }
  | {
      readonly outcome: 'rotated' | 'retired' | 'waiting' | 'blocked' | 'cancelled';
      readonly rotationId: string;
      readonly detail: string;
    };

export function describeObject(object: ObjectRef): string {
  return `${object.vault}/${object.kind}s/${object.name}`;
}
