import { randomUUID } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { expect } from 'vitest';
import { startAzurite, type AzuriteService } from '../../sandbox/azurite/azurite.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type VaultService } from '../../sandbox/vault/vault.ts';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration } from '../../src/config/tags.ts';
import { LEASE_MS } from '../../src/rotation/calls.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { isOver } from '../../src/rotation/machine.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import {
  SecretValue,
  type Announcement,
  type Call,
  type Issued,
  type Journal,
  type ObjectRef,
  type RotateMessage,
  type Rotator,
  type VaultPort,
} from '../../src/rotation/ports.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import type { JournalRecord } from '../../src/rotation/record.ts';
import { handleRotate } from '../../src/rotation/runner.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { createJournal } from '../../src/state/tables.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import type { Fresh, RotatorHarness } from '../contract/rotator-harness.ts';
import { Killed, Life, type Fate } from '../crash/killer.ts';
import { TestClock } from './test-clock.ts';
import { TestQueue } from './test-queue.ts';

const DAY = 24 * 3600_000;
const OVERLAP_MS = DAY;
const TABLE = 'keyturn';
/** What changes a credential or the vault; between two of them nothing that is checked can change but the time. */
const CHANGES = new Set(['rotator.set', 'rotator.revoke', 'vault.write', 'vault.disable']);
const MUTATIONS = new Set([
  ...CHANGES,
  'journal.write',
  'journal.announceRun',
  'journal.claimSlots',
  'announcer.announce',
]);
const PURE_ROTATOR = ['claims', 'parseTarget', 'describe'];

/** A vault and a journal that outlive every process, over the wire with the real adapters. */
export interface World {
  /** @param how.harness another system than the one that the world was started for */
  scene(how?: { readonly trigger?: 'near-expiry' | 'compromised'; readonly harness?: RotatorHarness }): Promise<Scene>;
  stop(): Promise<void>;
}

export async function startWorld(harness: RotatorHarness): Promise<World> {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  // The suite lives through years, and the SDK goes by its own clock: a token must not end in between.
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * DAY });
  const vault = await startVault(run.ctx, { identity, rateLimit: false });
  const azurite = await startAzurite(run.ctx, { identity });
  const clock = new TestClock(run.ctx.clock);
  const credential = {
    getToken: async (scopes: string | string[]) => {
      const scope = (Array.isArray(scopes) ? scopes[0] : scopes) ?? '';
      return {
        token: await identity.issue(scope.replace(/\/\.default$/, '')),
        expiresOnTimestamp: Date.now() + 3600_000,
      };
    },
  };
  const parts: Parts = {
    harness,
    vault,
    azurite,
    clock,
    advance: (ms) => run.ctx.clock.advance(ms),
    vaultPort: createVault({ credential: () => Promise.resolve(credential) }),
    journal: createJournal({
      table: TABLE,
      connectionString: new SecretValue(azurite.connectionString),
      credential: () => Promise.resolve(credential),
    }),
  };
  return {
    scene: ({ trigger = 'near-expiry', harness: other = harness } = {}) =>
      Scene.set({ ...parts, harness: other }, trigger),
    async stop() {
      await Promise.all([azurite.stop(), vault.stop(), identity.stop()]);
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}

interface Parts {
  readonly harness: RotatorHarness;
  readonly vault: VaultService;
  readonly azurite: AzuriteService;
  readonly clock: TestClock;
  readonly advance: (ms: number) => void;
  readonly vaultPort: VaultPort;
  readonly journal: Journal;
}

/** One secret, due, with everything that outlives a process; and the checks of the five promises. */
export class Scene {
  readonly #parts: Parts;
  readonly #queue: TestQueue;
  readonly #fresh: Fresh;
  readonly #object: ObjectRef;
  readonly #event: RotateMessage;
  readonly #secrets = new Set<string>();
  readonly #written: string[] = [];
  readonly #announced: Announcement[] = [];
  readonly #compromised: boolean;
  readonly #tested = new Set<string>();
  readonly #broken: unknown[] = [];
  /** Somebody is logged in with the old credential, and does not go away. */
  stillInUse = false;
  readonly #stopListening: () => void;
  #changes = 0;
  #checkedAt = -1;
  #mutations = 0;

  private constructor(parts: Parts, fresh: Fresh, object: ObjectRef, event: RotateMessage) {
    this.#parts = parts;
    this.#fresh = fresh;
    this.#object = object;
    this.#event = event;
    this.#compromised = event.trigger === 'compromised';
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
    const value = valueOf(parts.harness.rotator, current);
    parts.vault.seed('kv', name, {
      value,
      expiresInMs: 20 * DAY,
      tags: {
        CredentialId: input.credentialId,
        ...(input.alternateCredentialId === undefined ? {} : { AlternateCredentialId: input.alternateCredentialId }),
        ProviderAddress: input.providerAddress,
        Rotator: parts.harness.rotator.kind,
      },
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
    scene.#secrets.add(current.value.reveal());
    scene.redeliverEvent(1);
    return scene;
  }

  life(kill?: Fate['kill'], lose?: { readonly at: number }): Life {
    return new Life({ kill, loseAnswerAt: lose?.at }, (call) => this.#afterCall(call));
  }

  /** A life that falls asleep before its `at`-th call. */
  sleeper(at: number): { readonly life: Life; readonly asleep: Promise<void>; readonly wake: () => void } {
    let wake = (): void => undefined;
    let fell = (): void => undefined;
    const until = new Promise<void>((resolve) => (wake = resolve));
    const asleep = new Promise<void>((resolve) => (fell = resolve));
    return {
      life: new Life({ sleep: { at, asleep: () => fell(), until } }, (call) => this.#afterCall(call)),
      asleep,
      wake: () => wake(),
    };
  }

  redeliverEvent(times: number): void {
    for (let i = 0; i < times; i += 1) this.#queue.put({ kind: 'rotate', message: this.#event });
  }

  mutations(): number {
    return this.#mutations;
  }

  async lapseLease(): Promise<void> {
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
   * asleep does nothing more than end what it was at.
   */
  async drive(life: Life): Promise<void> {
    for (let turn = 0; turn < 400; turn += 1) {
      const delivered = await this.deliverOnce(life);
      if (life.sleptCall !== undefined) return;
      if (delivered) continue;
      const record = await this.#record();
      const nextAt = this.#queue.nextAt;
      if (nextAt === undefined && record?.run !== undefined && isOver(record.run)) return;
      const now = this.#parts.clock.now().getTime();
      this.#parts.advance(nextAt === undefined ? 6 * 60_000 : Math.max(nextAt - now, 0) + 1);
      if (nextAt === undefined) await sweep(this.#engine(life));
    }
    throw new Error(
      `the run does not end: ${JSON.stringify(await this.#record())}; what was done: ${this.#written.slice(0, 10).join(' | ')}`,
    );
  }

  /** At the end: rotated once, retired, nothing left that works and that nobody knows of, nothing told. */
  async checkEnd(): Promise<void> {
    await this.checkDone();
    this.end();
  }

  async checkDone(): Promise<void> {
    this.checkKept();
    const run = (await this.#record())?.run;
    expect(run, 'the run').toMatchObject({ state: 'done', step: 'done' });
    const versions = this.#parts.vault.peek('kv', this.#object.name);
    expect(versions.length, 'one new version, however often it was tried').toBe(2);
    expect(
      this.#announced.some((one) => one.version === versions[1]?.id),
      'announced',
    ).toBe(true);
    const current = this.#current();
    expect(await this.#logsIn(current), 'the current version logs in').toBe(true);
    for (const text of this.#secrets) {
      if (text === current.value.reveal()) continue;
      for (const slot of [run?.from?.slot ?? '', run?.to?.slot ?? '']) {
        const stray = { credentialId: slot, slot, value: new SecretValue(text) };
        expect(await this.#logsIn(stray), `no other value logs in as ${slot}`).toBe(false);
      }
    }
    await this.#checkSilence();
  }

  /** @throws the first promise that was broken after any call */
  checkKept(): void {
    if (this.#broken.length > 0) throw this.#broken[0];
  }

  /** Takes the secret away, so that the sweeps of later scenes do not find it. */
  end(): void {
    this.checkKept();
    this.#stopListening();
    this.#parts.vault.remove('kv', this.#object.name);
  }

  /** A broken promise is kept for the end: the code under test might take it for a failure like any other, and recover. */
  async #afterCall(call: string): Promise<void> {
    try {
      await this.#checkCall(call);
    } catch (error) {
      this.#broken.push(error);
      throw error;
    }
  }

  async #checkCall(call: string): Promise<void> {
    if (MUTATIONS.has(call)) this.#mutations += 1;
    if (CHANGES.has(call)) this.#changes += 1;
    if (call === 'vault.write') {
      expect(this.#tested.has(this.#current().value.reveal()), 'what is written was tested before').toBe(true);
    }
    if (this.#checkedAt === this.#changes) return;
    this.#checkedAt = this.#changes;
    expect(await this.#logsIn(this.#current()), `promise 1, after ${call}: the current version logs in`).toBe(true);
    if (this.#compromised) return;
    const replaced = this.#parts.vault.peek('kv', this.#object.name)[1];
    const overlapEnds = (replaced?.created ?? Number.POSITIVE_INFINITY) * 1000 + OVERLAP_MS;
    if (this.#parts.clock.now().getTime() < overlapEnds) {
      expect(await this.#logsIn(this.#fresh.current), `promise 2, after ${call}: the version before logs in`).toBe(
        true,
      );
    }
  }

  async #checkSilence(): Promise<void> {
    const table = TableClient.fromConnectionString(this.#parts.azurite.connectionString, TABLE);
    const rows: string[] = [];
    for await (const row of table.listEntities({ queryOptions: { filter: `name eq '${this.#object.name}'` } }))
      rows.push(JSON.stringify(row));
    expect(rows.length, 'rows to search').toBeGreaterThan(1);
    const announced = JSON.stringify(this.#announced);
    const tags = JSON.stringify(this.#parts.vault.peek('kv', this.#object.name).map((version) => version.tags));
    const all = [...rows, ...this.#queue.history, ...this.#written, announced, tags].join('\n');
    for (const text of this.#secrets) expect(all.includes(text), 'promise 5: no value anywhere').toBe(false);
  }

  #current(): Issued {
    const version = this.#parts.vault.peek('kv', this.#object.name).at(-1);
    const fields = JSON.parse(version?.value ?? '{}') as { password?: string; key?: string };
    const slot = version?.tags?.['CredentialId'] ?? '';
    return { credentialId: slot, slot, value: new SecretValue(fields.password ?? fields.key ?? '') };
  }

  #logsIn(issued: Issued): Promise<boolean> {
    this.#secrets.add(issued.value.reveal());
    return this.#parts.harness.authenticates(this.#fresh.input, issued);
  }

  /** The rotator, with an eye on what was tested, and a user of the old credential who can be made to stay. */
  #observed(): Rotator {
    const { rotator } = this.#parts.harness;
    const seen: Pick<Rotator, 'test' | 'list' | 'revoke'> = {
      test: async (target, issued, call) => {
        await rotator.test(target, issued, call);
        this.#tested.add(issued.value.reveal());
      },
      list: async (target, call) => {
        const live = await rotator.list(target, call);
        const old = this.#fresh.current.slot;
        return this.stillInUse
          ? live.map((one) => (one.slot === old ? { ...one, sessions: ['a reader that stays'] } : one))
          : live;
      },
      revoke: (target, slot, how, call) => {
        if (this.stillInUse && !this.#compromised) this.#broken.push(new Error('somebody uses what is revoked'));
        return rotator.revoke(target, slot, how, call);
      },
    };
    return new Proxy(rotator, {
      get: (target, key) => (key in seen ? seen[key as keyof typeof seen] : (Reflect.get(target, key) as unknown)),
    });
  }

  /** Somebody changes the current credential without the vault. */
  async breakCurrent(): Promise<void> {
    const { rotator } = this.#parts.harness;
    const { slot } = this.#current();
    const target = rotator.parseTarget(this.#fresh.input);
    await rotator.revoke(target, slot, { endSessions: false }, callOf(this.#parts.clock));
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

  /** Lives on for so long, or until the run is over or blocked. */
  async driveFor(life: Life, ms: number): Promise<JournalRecord['run']> {
    const end = this.#parts.clock.now().getTime() + ms;
    while (this.#parts.clock.now().getTime() < end) {
      await this.deliverVisible(life);
      const run = (await this.#record())?.run;
      if (run !== undefined && (isOver(run) || run.state === 'blocked')) return run;
      this.#parts.advance(20 * 60_000);
    }
    return (await this.#record())?.run;
  }

  oldLogsIn(): Promise<boolean> {
    return this.#logsIn(this.#fresh.current);
  }

  async #record(): Promise<JournalRecord | undefined> {
    return (await this.#parts.journal.read(this.#object, callOf(this.#parts.clock)))?.record;
  }

  #engine(life: Life): Engine {
    const { harness, vault, clock, vaultPort, journal, azurite } = this.#parts;
    const { hosts } = harness.rotator.parseTarget(this.#fresh.input);
    const settings = readSettings({
      KEYTURN_VAULTS: vault.url('kv'),
      KEYTURN_ALLOWED_HOSTS: hosts.join(' '),
      KeyturnStorage: azurite.connectionString,
    });
    const record = (secret: SecretValue): SecretValue => {
      this.#secrets.add(secret.reveal());
      return secret;
    };
    return {
      vault: life.wrap('vault', vaultPort, ['validate']),
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', this.#queue),
      announcer: life.wrap('announcer', { announce: async (event: Announcement) => void this.#announced.push(event) }),
      configuration: createConfiguration(settings, [life.wrap('rotator', this.#observed(), PURE_ROTATOR)]),
      clock,
      log: (level, message, fields) => void this.#written.push(JSON.stringify({ level, message, ...fields })),
      mint: () => record(mintPassword()),
      uniqueId: () => randomUUID(),
      random: () => 0.5,
    };
  }
}

function valueOf(rotator: Rotator, issued: Issued): string {
  const secret = issued.value.reveal();
  return rotator.capabilities.minting === 'engine'
    ? JSON.stringify({ user: issued.credentialId, password: secret, note: 'kept' })
    : JSON.stringify({ key: secret, note: 'kept' });
}

function callOf(clock: TestClock): Call {
  return { signal: AbortSignal.timeout(30_000), now: () => clock.now() };
}
