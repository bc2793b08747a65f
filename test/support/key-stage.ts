import type { Engine } from '../../src/rotation/engine.ts';
import type { RotateMessage } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import type { Life } from '../crash/killer.ts';
import type { TestQueue } from './test-queue.ts';

export interface KeySetting {
  readonly trigger?: 'near-expiry' | 'compromised';
  /** Whether the vault's rotate puts the tags of the version before on the new one: not documented. */
  readonly keepsTags?: boolean;
}

export interface StagedVersion {
  readonly version: string;
  readonly enabled: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

/** One key or certificate that is due, its users, and everything that outlives a process: in memory, or over the wire. */
export interface KeyStage {
  readonly queue: TestQueue;
  /** A tag that every new version must have in the end. */
  readonly tag: string;
  /** What the vault or the runbook sends first. */
  readonly event: RotateMessage;
  now(): Date;
  /** Moves the clock, and lets services do by themselves what is due by then. */
  advance(ms: number): void;
  /** Its ports are mortal. @param tell takes what the engine logs */
  engine(life: Life, tell: (line: string) => void): Engine;
  /** Newest first. */
  versions(): readonly StagedVersion[];
  /** By the name of the user, the version that its data is encrypted with. */
  used(): Readonly<Record<string, string | undefined>>;
  /** The vault's own rotation policy, or a person, makes a version. */
  foreignVersion(): void;
  /** What a person does between two deliveries, where one has a part in it. @returns whether anything was done */
  person?(life: Life): Promise<boolean>;
  /** Changes that were made so far: of the object, and of its users. */
  readonly mutations: number;
  run(): Promise<Run | undefined>;
  /** All that the ledger says of the key. */
  ledger(): Promise<readonly Run[]>;
  /** Takes the key away, so that the sweeps of later scenes do not find it. */
  end(): void;
}
