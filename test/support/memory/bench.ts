import { readSettings } from '../../../src/config/settings.ts';
import { createConfiguration } from '../../../src/config/tags.ts';
import { describeObject, type Engine, type Outcome } from '../../../src/rotation/engine.ts';
import { RotationError, type ErrorCode, type RotationErrorInit } from '../../../src/rotation/errors.ts';
import {
  SecretValue,
  type Announcement,
  type Capabilities,
  type ObjectRef,
  type RotateMessage,
  type Rotator,
  type Trigger,
  type VersionInfo,
} from '../../../src/rotation/ports.ts';
import { handlePropagate } from '../../../src/rotation/propagate.ts';
import type { JournalRecord, Run } from '../../../src/rotation/record.ts';
import { handleRotate } from '../../../src/rotation/runner.ts';
import { TestQueue } from '../test-queue.ts';
import { Calls } from './calls.ts';
import { DAY, FixedClock, NOW } from './clock.ts';
import { MemoryCertificates } from './certificates.ts';
import { MemoryAdoptions, MemoryConsumers } from './consumers.ts';
import { MemoryNotices } from './notices.ts';
import { MemoryKeys, MemoryKeyUsers } from './keys.ts';
import { MemoryJournal } from './journal.ts';
import { MemoryRotator } from './rotator.ts';
import { MemoryVault } from './vault.ts';

export const VAULT = 'https://kv.vault.azure.net';
export const OTHER_VAULT = 'https://other.vault.azure.net';
export const OBJECT: ObjectRef = { kind: 'secret', vault: VAULT, name: 'db' };
export const TAGS = { CredentialId: 'a', AlternateCredentialId: 'b', ProviderAddress: 'bank.example', Rotator: 'bank' };
export const OLD = 'the-old-password';
/** The overlap of the defaults. */
export const OVERLAP = DAY;

/** A `RotationError` as an adapter would throw it. */
export function error(code: ErrorCode, more: Partial<RotationErrorInit> = {}): RotationError {
  return new RotationError({ code, recovery: 'retry', message: `${code} happened`, ...more });
}

/** The engine over ports in memory: one secret `db` in `kv`, 20 days from its expiry, its password in slot a. */
export class Bench {
  readonly clock = new FixedClock();
  readonly calls = new Calls();
  readonly vault = new MemoryVault(this.calls, this.clock);
  readonly keys = new MemoryKeys(this.calls, this.clock);
  readonly users = new MemoryKeyUsers(this.calls);
  readonly certificates = new MemoryCertificates(this.calls, this.clock);
  readonly notices = new MemoryNotices(this.calls);
  readonly consumers = new MemoryConsumers(this.calls);
  readonly adoptions = new MemoryAdoptions(this.calls, this.clock);
  readonly journal = new MemoryJournal(this.calls);
  readonly queue = new TestQueue(() => this.clock.now());
  readonly rotator: MemoryRotator;
  readonly announced: Announcement[] = [];
  readonly logged: string[] = [];
  readonly minted: string[] = [];
  readonly outcomes: Outcome[] = [];
  readonly engine: Engine;
  #ids = 0;

  constructor(capabilities: Partial<Capabilities> = {}, change: (rotator: Rotator) => Rotator = (same) => same) {
    this.rotator = new MemoryRotator(this.calls, capabilities);
    const settings = readSettings({
      KEYTURN_VAULTS: `${VAULT} ${OTHER_VAULT}`,
      KEYTURN_ALLOWED_HOSTS: 'bank.example shop.example',
      KeyturnStorage: 'UseDevelopmentStorage=true',
    });
    this.engine = {
      vault: this.vault,
      keys: this.keys,
      keyUsers: [this.users],
      certificates: this.certificates,
      notices: this.notices,
      discovery: this.consumers,
      consumers: [this.consumers],
      adoptions: this.adoptions,
      journal: this.journal,
      queue: {
        rotate: async (message, delay) => {
          await this.calls.made('queue.rotate');
          await this.queue.rotate(message, delay);
        },
        propagate: async (message, delay) => {
          await this.calls.made('queue.propagate');
          await this.queue.propagate(message, delay);
        },
      },
      announcer: {
        announce: async (event) => {
          await this.calls.made('announcer.announce');
          this.announced.push(event);
        },
      },
      configuration: createConfiguration(settings, [change(this.rotator)]),
      clock: this.clock,
      log: (level, message, fields) => void this.logged.push(JSON.stringify({ level, message, ...fields })),
      mint: () => {
        this.minted.push(`minted-password-${this.minted.length + 1}`);
        return new SecretValue(this.minted.at(-1) ?? '');
      },
      uniqueId: () => `runner-${(this.#ids += 1)}`,
      random: () => 0,
    };
    this.seed();
  }

  /** A version as a person writes one: made 70 days ago, 20 days to live, unless it says otherwise. */
  seed(how: { object?: ObjectRef; value?: string; tags?: Record<string, string> } & Partial<VersionInfo> = {}): string {
    const { object = OBJECT, value = OLD, tags = TAGS, ...more } = how;
    const times = { createdOn: days(-70), expiresOn: days(20) };
    if (value === OLD) this.rotator.passwords.set('a', OLD);
    return this.vault.put(object, value, tags, { ...times, ...more });
  }

  message(trigger: Trigger = 'near-expiry', more: Partial<RotateMessage> = {}): RotateMessage {
    const event = trigger === 'near-expiry' || trigger === 'expired';
    return { object: OBJECT, trigger, ...(event ? { version: this.version } : {}), ...more };
  }

  /** Delivers a message once, with a runner of its own. */
  async deliver(message: RotateMessage): Promise<Outcome> {
    const outcome = await handleRotate(this.engine, message);
    this.outcomes.push(outcome);
    return outcome;
  }

  resume(more: Partial<RotateMessage> = {}): Promise<Outcome> {
    return this.deliver({ object: OBJECT, trigger: 'resume', rotationId: this.run.rotationId, ...more });
  }

  propagate(version = this.version): Promise<Outcome> {
    return handlePropagate(this.engine, { object: OBJECT, version });
  }

  /** Delivers everything that is visible now, one after the other. @returns how many */
  async drain(): Promise<number> {
    let delivered = 0;
    for (let taken = this.queue.take(); taken !== undefined && delivered < 200; taken = this.queue.take()) {
      if (taken.item.kind === 'rotate') await this.deliver(taken.item.message);
      else await handlePropagate(this.engine, taken.item.message);
      taken.finish();
      delivered += 1;
    }
    return delivered;
  }

  /** A rotation up to its overlap: written, announced, the retirement in the queue. */
  async rotated(message = this.message()): Promise<void> {
    await this.deliver(message);
    await this.propagate();
  }

  /** Puts a row as a crash or another version of the program may have left it. */
  leave(run: Partial<Run>, more: Partial<JournalRecord> = {}): void {
    const at = this.clock.now().toISOString();
    const base: Run = {
      rotationId: 'left-behind',
      reason: 'NearExpiry',
      forced: false,
      compromised: false,
      state: 'running',
      step: 'set',
      startedAt: at,
      updatedAt: at,
      attempts: 0,
      steps: [],
    };
    this.journal.put({ schema: 1, object: OBJECT, run: { ...base, ...run }, ...more });
  }

  get version(): string {
    return this.vault.peek(OBJECT)[0]?.version ?? '';
  }

  get record(): JournalRecord | undefined {
    return this.journal.entry(OBJECT)?.record;
  }

  get run(): Run {
    const run = this.record?.run;
    if (run === undefined) throw new TypeError(`${describeObject(OBJECT)} has no run`);
    return run;
  }

  /** What a reader of the current version would find: does it log in? */
  currentWorks(): boolean {
    const current = this.vault.peek(OBJECT)[0];
    return current !== undefined && this.rotator.logsIn(current.tags['CredentialId'] ?? '', current.value);
  }

  /** Log-ins that the system has refused. */
  refusals(): readonly string[] {
    return this.rotator.refused;
  }

  /** Everything that leaves the engine, as text: searched for secret values. */
  told(): string {
    return [
      this.journal.text(),
      this.adoptions.text(),
      ...this.logged,
      ...this.queue.history,
      JSON.stringify(this.announced),
      JSON.stringify(this.notices.told),
      JSON.stringify(this.outcomes),
    ].join('\n');
  }
}

export function days(n: number): Date {
  return new Date(NOW.getTime() + n * DAY);
}
