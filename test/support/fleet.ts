/** Many managed secrets, and readers that know nothing but the vault. */
import { setTimeout as pause } from 'node:timers/promises';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { OVERLAP_MS, seedPostgres, seedSqlServer, seedStorage, type ManagedObject } from './managed.ts';

export async function seedFleet(
  sandbox: Sandbox,
  counts: { readonly postgres: number; readonly sqlServer: number; readonly storage: number },
): Promise<readonly ManagedObject[]> {
  const names = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, n) => `${prefix}-${String(n + 1).padStart(2, '0')}`);
  const objects: ManagedObject[] = [];
  for (const name of names('orders', counts.postgres)) objects.push(await seedPostgres(sandbox, name));
  objects.push(...names('billing', counts.sqlServer).map((name) => seedSqlServer(sandbox, name)));
  objects.push(...names('files', counts.storage).map((name) => seedStorage(sandbox, name)));
  return objects;
}

interface Loop {
  rounds: number;
  logins: number;
}

/**
 * Applications that log in without pause to one secret after another, in random order. Every other one keeps what the
 * vault gave it for half the overlap, as a pool or a cache does; the rest asks the vault before every log-in.
 */
export class FleetReaders {
  ok = 0;
  readonly failures: string[] = [];
  readonly #sandbox: Sandbox;
  readonly #objects: readonly ManagedObject[];
  readonly #vault: SecretClient;
  readonly #loops: Loop[] = [];
  readonly #running: Promise<void>[] = [];
  #stopped = false;

  constructor(sandbox: Sandbox, objects: readonly ManagedObject[]) {
    this.#sandbox = sandbox;
    this.#objects = objects;
    this.#vault = new SecretClient(sandbox.vault.url('kv'), new DefaultAzureCredential());
  }

  start(readers: number): void {
    for (let n = 0; n < readers; n += 1) {
      const loop: Loop = { rounds: 0, logins: 0 };
      this.#loops.push(loop);
      this.#running.push(this.#run(loop, n % 2 === 0 ? 0 : OVERLAP_MS / 2));
    }
  }

  /** Resolves when every reader has begun and ended a further log-in. */
  another(): Promise<void> {
    return this.#further(({ logins }) => logins, 2);
  }

  /** Resolves when every reader has come to the end of the list of secrets. */
  round(): Promise<void> {
    return this.#further(({ rounds }) => rounds, 1);
  }

  async #further(count: (loop: Loop) => number, by: number): Promise<void> {
    const before = this.#loops.map(count);
    while (!this.#loops.every((loop, n) => count(loop) >= (before[n] ?? 0) + by)) await pause(20);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(loop: Loop, keepMs: number): Promise<void> {
    const held = new Map<string, { readonly value: string; readonly at: number }>();
    while (!this.#stopped) {
      for (const object of shuffled(this.#objects)) {
        if (this.#isStopped()) return;
        await this.#logIn(object, held, keepMs);
        loop.logins += 1;
        await pause(25);
      }
      loop.rounds += 1;
    }
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  async #logIn(object: ManagedObject, held: Map<string, { value: string; at: number }>, keepMs: number): Promise<void> {
    try {
      const now = this.#sandbox.ctx.clock.now().getTime();
      let mine = held.get(object.name);
      if (mine === undefined || now - mine.at >= keepMs) {
        const { value = '' } = await this.#vault.getSecret(object.name);
        mine = { value, at: now };
        held.set(object.name, mine);
      }
      await object.login(mine.value);
      this.ok += 1;
    } catch (error) {
      this.failures.push(`${object.name}: ${error instanceof Error ? error.message : 'failed'}`);
    }
  }
}

export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}
