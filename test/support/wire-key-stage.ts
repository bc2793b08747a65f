import { randomUUID } from 'node:crypto';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration } from '../../src/config/tags.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { mint } from '../../src/rotation/mint.ts';
import type { ObjectRef, RotateMessage } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import type { Life } from '../crash/killer.ts';
import type { KeySetting, KeyStage, StagedVersion } from './key-stage.ts';
import type { KeyParts } from './key-world.ts';
import { NO_CONSUMERS } from './memory/no-consumers.ts';
import { TestQueue } from './test-queue.ts';
import { callOf, DAY } from './world-parts.ts';

/**
 * A storage account that pins a version and changes at once, a registry that follows by itself within the hour, and a SQL server
 * that pins one, and takes two calls which both go on after their answer.
 */
export class WireKeyStage implements KeyStage {
  readonly #parts: KeyParts;
  readonly #object: ObjectRef;
  readonly #users: Readonly<Record<string, string>>;
  readonly #keepsTags: boolean;
  readonly #stopListening: () => void;
  readonly #plain: string;
  readonly queue: TestQueue;
  readonly tag = 'KeyUser2';
  readonly event: RotateMessage;

  constructor(parts: KeyParts, name: string, { trigger = 'near-expiry', keepsTags = true }: KeySetting) {
    const { arm, clock, vault } = parts;
    this.#parts = parts;
    this.#keepsTags = keepsTags;
    this.#object = { kind: 'key', vault: vault.url('kv'), name };
    // Names of accounts and registries have letters and digits only.
    this.#plain = name.replaceAll('-', '').slice(0, 20);
    this.queue = new TestQueue(() => clock.now());
    this.#users = {
      account: arm.createAccount(this.#plain).id,
      registry: arm.create('Microsoft.ContainerRegistry/registries/{name}', { name: this.#plain }).id,
      server: arm.create('Microsoft.Sql/servers/{name}', { name: this.#plain }).id,
    };
    const version = this.#seed();
    vault.keys.rotationKeepsTags = keepsTags;
    // The vault's own event follows every version, whoever wrote it, and whatever becomes of the writer.
    this.#stopListening = vault.keys.onVersion(({ key, version: { id } }) => {
      if (key.name !== name) return;
      this.queue.put({ kind: 'propagate', message: { object: this.#object, version: id } });
    });
    parts.advance(3 * DAY);
    const object = this.#object;
    this.event =
      trigger === 'compromised'
        ? { object, trigger, rotationId: newRotationId(object, clock.now()), requestedBy: 'on-call' }
        : { object, trigger, version };
  }

  /** Lives 22 days: the shorter, the fewer years the suite lives through. */
  #seed(): string {
    const { arm, vault } = this.#parts;
    const { account = '', registry = '', server = '' } = this.#users;
    const { id } = vault.keys.seed('kv', this.#object.name, {
      expiresInMs: 22 * DAY,
      tags: { KeyUser: account, KeyUser1: registry, KeyUser2: server, ValidityPeriodDays: '90', LeadTimeDays: '20' },
    });
    const url = vault.keys.url('kv', this.#object.name);
    arm.encrypt(account, `${url}/${id}`);
    arm.encrypt(registry, url);
    arm.encrypt(server, `${url}/${id}`);
    return id;
  }

  get mutations(): number {
    return this.#parts.changes(this.#object.name) + this.#parts.changes(this.#plain);
  }

  now(): Date {
    return this.#parts.clock.now();
  }

  advance(ms: number): void {
    this.#parts.advance(ms);
  }

  engine(life: Life, tell: (line: string) => void): Engine {
    const { clock, connectionString, ports, vault } = this.#parts;
    const settings = readSettings({ KEYTURN_VAULTS: vault.url('kv'), KeyturnStorage: connectionString });
    return {
      vault: life.wrap('vault', ports.vault, ['validate']),
      keys: life.wrap('keys', ports.keys),
      keyUsers: ports.keyUsers.map((user) => life.wrap('user', user, ['claims', 'describe'])),
      ...NO_CONSUMERS,
      journal: life.wrap('journal', ports.journal),
      queue: life.wrap('queue', this.queue),
      announcer: life.wrap('announcer', { announce: () => Promise.resolve() }),
      configuration: createConfiguration(settings, []),
      clock,
      log: (level, message, fields) => tell(JSON.stringify({ level, message, ...fields })),
      mint: (shape) => mint(shape),
      uniqueId: () => randomUUID(),
      random: () => 0.5,
    };
  }

  versions(): readonly StagedVersion[] {
    const versions = [...this.#parts.vault.keys.peek('kv', this.#object.name)].reverse();
    return versions.map(({ id, enabled, tags = {} }) => ({ version: id, enabled, tags }));
  }

  used(): Readonly<Record<string, string | undefined>> {
    const { arm } = this.#parts;
    return Object.fromEntries(
      Object.entries(this.#users).map(([name, id]) => [name, arm.encryptedWith(id)?.split('/').at(-1)]),
    );
  }

  foreignVersion(): void {
    this.#parts.vault.keys.rotationKeepsTags = this.#keepsTags;
    this.#parts.vault.keys.rotate('kv', this.#object.name);
  }

  async run(): Promise<Run | undefined> {
    return (await this.#parts.ports.journal.read(this.#object, callOf(this.#parts.clock)))?.record.run;
  }

  async ledger(): Promise<readonly Run[]> {
    const found = await this.#parts.ports.journal.runs({ object: this.#object, limit: 50 }, callOf(this.#parts.clock));
    return found.map(({ run }) => run);
  }

  end(): void {
    this.#stopListening();
    this.#parts.vault.keys.remove('kv', this.#object.name);
  }
}
