import { randomUUID } from 'node:crypto';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration } from '../../src/config/tags.ts';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { isOver } from '../../src/rotation/machine.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import type { Announcement, Issued, ObjectRef, RotateMessage, Rotator } from '../../src/rotation/ports.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import type { JournalRecord } from '../../src/rotation/record.ts';
import { handleRotate } from '../../src/rotation/runner.ts';
import { supply } from '../../src/rotation/supply.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import type { Fresh } from '../contract/rotator-harness.ts';
import { Killed, Life, type Fate } from '../crash/killer.ts';
import { Calls } from './memory/calls.ts';
import { MemoryKeys } from './memory/keys.ts';
import { NO_CONSUMERS } from './memory/no-consumers.ts';
import { Promises } from './promises.ts';
import { TestQueue } from './test-queue.ts';
import { callOf, DAY, OVERLAP_MS, type Parts } from './world-parts.ts';

/** The scenes are about secrets: the vault has no keys. */
const NO_KEYS = new MemoryKeys(new Calls(), { now: () => new Date(0), after: () => () => undefined });
const PURE_ROTATOR = ['claims', 'parseTarget', 'describe'];

/** One secret, due, with everything that outlives a process. */
export class Scene {
  readonly #parts: Parts;
  readonly #queue: TestQueue;
  readonly #fresh: Fresh;
  readonly #object: ObjectRef;
  readonly #event: RotateMessage;
  readonly #written: string[] = [];
  readonly #announced: Announcement[] = [];
  readonly #promises: Promises;
  readonly #stopListening: () => void;

  private constructor(parts: Parts, fresh: Fresh, object: ObjectRef, event: RotateMessage) {
    this.#parts = parts;
    this.#fresh = fresh;
    this.#object = object;
    this.#event = event;
    this.#promises = new Promises({ parts, fresh, object, compromised: event.trigger === 'compromised' });
    this.#queue = new TestQueue(() => parts.clock.now());
    // The vault's own event follows every version, whoever wrote it, and whatever becomes of the writer.
    this.#stopListening = parts.vault.onVersion(({ secret, version }) => {
      if (secret.name.toLowerCase() !== object.name) return;
      this.#queue.put({ kind: 'propagate', message: { object, version: version.id } });
    });
  }

  static async set(parts: Parts, trigger: 'near-expiry' | 'compromised'): Promise<Scene> {
    const fresh = await parts.harness.fresh();
    const name = `s-${randomUUID()}`;
    const { input, current } = fresh;
    const given = {
      CredentialId: input.credentialId,
      AlternateCredentialId: input.alternateCredentialId,
      ProviderAddress: input.providerAddress,
      Rotator: parts.harness.rotator.kind,
    };
    const tags = Object.entries(given).filter(([, value]) => value !== undefined && value !== '');
    parts.vault.seed('kv', name, {
      value: valueOf(parts.harness.rotator, current),
      expiresInMs: 20 * DAY,
      tags: Object.fromEntries(tags) as Record<string, string>,
    });
    parts.advance(2 * OVERLAP_MS);
    const object: ObjectRef = { kind: 'secret', vault: parts.vault.url('kv'), name };
    const version = parts.vault.peek('kv', name)[0]?.id ?? '';
    const now = parts.clock.now();
    const event: RotateMessage =
      trigger === 'compromised'
        ? { object, trigger, rotationId: newRotationId(object, now), requestedBy: 'on-call' }
        : { object, trigger, version };
    const scene = new Scene(parts, fresh, object, event);
    scene.redeliverEvent(1);
    return scene;
  }

  life(kill?: Fate['kill'], lose?: { readonly at: number }): Life {
    return new Life({ kill, loseAnswerAt: lose?.at }, (call) => this.#promises.afterCall(call));
  }

  /** A life that falls asleep before its `at`-th call. */
  sleeper(at: number): { readonly life: Life; readonly asleep: Promise<void>; readonly wake: () => void } {
    let wake = (): void => undefined;
    let fell = (): void => undefined;
    const until = new Promise<void>((resolve) => (wake = resolve));
    const asleep = new Promise<void>((resolve) => (fell = resolve));
    return {
      life: new Life({ sleep: { at, asleep: () => fell(), until } }, (call) => this.#promises.afterCall(call)),
      asleep,
      wake: () => wake(),
    };
  }

  redeliverEvent(times: number): void {
    for (let i = 0; i < times; i += 1) this.#queue.put({ kind: 'rotate', message: this.#event });
  }

  get mutations(): number {
    return this.#promises.mutations;
  }

  set stillInUse(is: boolean) {
    this.#promises.stillInUse = is;
  }

  lapseLease(): void {
    this.#parts.advance(LEASE_MS + 1000);
  }

  /** Delivers one message, as the platform would; a failed one stays in the queue. */
  async deliverOnce(life: Life): Promise<boolean> {
    const taken = this.#queue.take();
    if (taken === undefined) return false;
    const { item, finish } = taken;
    try {
      const engine = this.#engine(life);
      const outcome =
        item.kind === 'rotate' ? await handleRotate(engine, item.message) : await handlePropagate(engine, item.message);
      this.#written.push(JSON.stringify(outcome));
      if (!life.dead) finish();
    } catch (error) {
      if (error instanceof Killed || error instanceof TypeError) throw error;
      this.#written.push(String(error));
    }
    return true;
  }

  /** Delivers what is visible now, and leaves the clock alone. */
  async deliverVisible(life: Life): Promise<void> {
    while (await this.deliverOnce(life));
  }

  /**
   * Lives on until the run is over and nothing is left to deliver, moving the clock when nothing else moves. One that fell
   * asleep does nothing more than end what it was at. Who is asked for a value gives one.
   */
  async drive(life: Life): Promise<void> {
    for (let turn = 0; turn < 400; turn += 1) {
      const delivered = await this.deliverOnce(life);
      if (life.sleptCall !== undefined) return;
      if (delivered) continue;
      const run = (await this.#record())?.run;
      if (run?.state === 'blocked' && run.blocked?.code === 'VALUE_AWAITED') {
        await this.#handIn(life, run.rotationId);
        continue;
      }
      const nextAt = this.#queue.nextAt;
      if (nextAt === undefined && run !== undefined && isOver(run)) return;
      const now = this.#parts.clock.now().getTime();
      this.#parts.advance(nextAt === undefined ? 6 * 60_000 : Math.max(nextAt - now, 0) + 1);
      if (nextAt === undefined) await sweep(this.#engine(life));
    }
    throw new Error(
      `the run does not end: ${JSON.stringify(await this.#record())}; what was done: ${this.#written.slice(0, 10).join(' | ')}`,
    );
  }

  /** Lives on for so long, or until the run is over or blocked. */
  async driveFor(life: Life, ms: number): Promise<JournalRecord['run']> {
    const end = this.#parts.clock.now().getTime() + ms;
    while (this.#parts.clock.now().getTime() < end) {
      await this.deliverVisible(life);
      const run = (await this.#record())?.run;
      if (run?.blocked?.code === 'VALUE_AWAITED') await this.#handIn(life, run.rotationId);
      else if (run !== undefined && (isOver(run) || run.state === 'blocked')) return run;
      this.#parts.advance(20 * 60_000);
    }
    return (await this.#record())?.run;
  }

  async checkEnd(): Promise<void> {
    await this.checkDone();
    this.end();
  }

  async checkDone(): Promise<void> {
    const written = [...this.#queue.history, ...this.#written];
    await this.#promises.checkDone((await this.#record())?.run, this.#announced, written);
  }

  /** Takes the secret away, so that the sweeps of later scenes do not find it. */
  end(): void {
    this.#promises.checkKept();
    this.#stopListening();
    this.#parts.vault.remove('kv', this.#object.name);
  }

  /** Somebody changes the current credential without the vault. */
  async breakCurrent(): Promise<void> {
    const { rotator } = this.#parts.harness;
    const target = rotator.parseTarget(this.#fresh.input);
    await rotator.revoke(target, this.#promises.current().slot, { endSessions: false }, callOf(this.#parts.clock));
  }

  /** A person puts the first version's value and tags back on top. */
  restoreFirst(): void {
    const first = this.#parts.vault.peek('kv', this.#object.name)[0];
    this.#parts.vault.seed('kv', this.#object.name, {
      value: first?.value ?? '',
      tags: first?.tags ?? {},
      expiresInMs: 20 * DAY,
    });
  }

  oldLogsIn(): Promise<boolean> {
    return this.#promises.logsIn(this.#fresh.current);
  }

  async #handIn(life: Life, rotationId: string): Promise<void> {
    const value = this.#promises.record(this.#parts.harness.mint());
    try {
      await supply(this.#engine(life), rotationId, value, 'a person');
    } catch (error) {
      if (error instanceof Killed || error instanceof TypeError) throw error;
      this.#written.push(String(error));
    }
  }

  async #record(): Promise<JournalRecord | undefined> {
    return (await this.#parts.journal.read(this.#object, callOf(this.#parts.clock)))?.record;
  }

  #engine(life: Life): Engine {
    const { harness, vault, clock, vaultPort, journal, azurite } = this.#parts;
    const { hosts, sources = [] } = harness.rotator.parseTarget(this.#fresh.input);
    const settings = readSettings({
      KEYTURN_VAULTS: vault.url('kv'),
      KEYTURN_ALLOWED_HOSTS: hosts.join(' '),
      KeyturnStorage: azurite.connectionString,
    });
    // The sources are in a vault of the harness, which the sweep does not look through.
    const shared = { ...settings, sharedVaults: sources.map((source) => source.vault) };
    return {
      vault: life.wrap('vault', vaultPort, ['validate']),
      keys: NO_KEYS,
      keyUsers: [],
      ...NO_CONSUMERS,
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', this.#queue),
      announcer: life.wrap('announcer', { announce: async (event: Announcement) => void this.#announced.push(event) }),
      configuration: createConfiguration(shared, [life.wrap('rotator', this.#promises.observed(), PURE_ROTATOR)]),
      clock,
      log: (level, message, fields) => void this.#written.push(JSON.stringify({ level, message, ...fields })),
      mint: () => this.#promises.record(mintPassword()),
      uniqueId: () => randomUUID(),
      random: () => 0.5,
    };
  }
}

function valueOf(rotator: Rotator, issued: Issued): string {
  const secret = issued.value.reveal();
  return rotator.capabilities.minting === 'engine' && issued.credentialId !== ''
    ? JSON.stringify({ user: issued.credentialId, password: secret, note: 'kept' })
    : JSON.stringify({ key: secret, note: 'kept' });
}
