import type { Engine } from '../../../src/rotation/engine.ts';
import { newRotationId } from '../../../src/rotation/ids.ts';
import type { RotateMessage } from '../../../src/rotation/ports.ts';
import type { Run } from '../../../src/rotation/record.ts';
import type { Life } from '../../crash/killer.ts';
import type { KeySetting, KeyStage, StagedVersion } from '../key-stage.ts';
import type { TestQueue } from '../test-queue.ts';
import { OBJECT } from './bench.ts';
import { HOUR } from './clock.ts';
import { KEY, KeyBench, userId } from './key-bench.ts';

const USERS = ['alpha', 'beta', 'gamma'] as const;

/** `alpha` pins a version, `beta` follows by itself within an hour, `gamma` pins one and takes a minute to change. */
export class MemoryKeyStage implements KeyStage {
  readonly #bench = new KeyBench();
  readonly tag = 'KeyUser2';
  readonly event: RotateMessage;

  constructor({ trigger, keepsTags = true }: KeySetting = {}) {
    const bench = this.#bench;
    bench.vault.remove(OBJECT);
    bench.keys.keepsTags = keepsTags;
    bench.keys.change(KEY, { tags: { KeyUser: userId('alpha'), KeyUser1: userId('beta'), KeyUser2: userId('gamma') } });
    bench.use('beta', { follows: 'versionless' });
    bench.use('gamma', { slow: true });
    bench.keys.onVersion = (object, version) => bench.queue.put({ kind: 'propagate', message: { object, version } });
    this.event =
      trigger === 'compromised'
        ? { object: KEY, trigger, rotationId: newRotationId(KEY, bench.clock.now()), requestedBy: 'me' }
        : bench.about();
  }

  get queue(): TestQueue {
    return this.#bench.queue;
  }

  get mutations(): number {
    return this.#bench.keys.rotations + this.#bench.users.moves + this.#bench.calls.count('keys.amend');
  }

  now(): Date {
    return this.#bench.clock.now();
  }

  advance(ms: number): void {
    const bench = this.#bench;
    bench.clock.advance(ms);
    bench.users.settle();
    const newest = bench.keys.peek(KEY)[0];
    const found = newest !== undefined && bench.clock.now().getTime() >= newest.createdOn.getTime() + HOUR;
    if (found) bench.use('beta', { follows: 'versionless' });
  }

  engine(life: Life, tell: (line: string) => void): Engine {
    const { engine, vault, keys, users, journal, queue } = this.#bench;
    return {
      ...engine,
      vault: life.wrap('vault', vault, ['validate']),
      keys: life.wrap('keys', keys),
      keyUsers: [life.wrap('user', users, ['claims', 'describe'])],
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', queue),
      announcer: life.wrap('announcer', engine.announcer),
      log: (level, message, fields) => tell(JSON.stringify({ level, message, ...fields })),
    };
  }

  versions(): readonly StagedVersion[] {
    return this.#bench.keys.peek(KEY);
  }

  used(): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries(USERS.map((name) => [name, this.#bench.used(name)]));
  }

  foreignVersion(): void {
    const { keys } = this.#bench;
    keys.put(KEY, keys.keepsTags ? (keys.peek(KEY)[0]?.tags ?? {}) : {});
  }

  async run(): Promise<Run | undefined> {
    return this.#bench.keyRun;
  }

  async ledger(): Promise<readonly Run[]> {
    return [...this.#bench.journal.ledger.values()].map(({ run }) => run);
  }

  end(): void {
    // It lives in memory, and goes with its scene.
  }
}
