import { setTimeout as pause } from 'node:timers/promises';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import type { Sandbox } from '../sandbox.ts';
import { READER, type DemoObject, type Held } from './objects.ts';

export interface Tally {
  ok: number;
  failed: number;
  /** Refused in the gap of a password that is replaced in place, and let in with the new one at once. */
  inGap: number;
  readonly failures: string[];
}

/** For each reader: all together stay below the 4,000 requests in 10 seconds that a vault takes (facts A6). */
const PAUSE_MS = 5;

/**
 * Applications that know the vault and nothing else. For each object one asks the vault before every log-in, and one keeps
 * what it got for twelve hours of sandbox time, half the overlap, as a pool or a cache does.
 */
export class Readers {
  readonly tallies = new Map<string, Tally>();
  readonly #sandbox: Sandbox;
  readonly #vault: SecretClient;
  readonly #loops: Promise<void>[] = [];
  #stopped = false;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
    this.#vault = new SecretClient(sandbox.vault.url('kv'), new DefaultAzureCredential(), {
      userAgentOptions: { userAgentPrefix: READER },
    });
  }

  get count(): number {
    return this.#loops.length;
  }

  start(objects: readonly DemoObject[]): void {
    for (const object of objects) {
      this.tallies.set(object.name, { ok: 0, failed: 0, inGap: 0, failures: [] });
      this.#loops.push(this.#loop(object, 0));
      if (!object.inPlace) this.#loops.push(this.#loop(object, 12 * 3600_000));
    }
  }

  /** How many log-ins so far, all readers together. */
  get total(): Pick<Tally, 'ok' | 'failed' | 'inGap'> {
    const all = [...this.tallies.values()];
    return {
      ok: sum(all.map((t) => t.ok)),
      failed: sum(all.map((t) => t.failed)),
      inGap: sum(all.map((t) => t.inGap)),
    };
  }

  /** Resolves when every reader has begun and ended a further log-in. */
  async another(): Promise<void> {
    const before = new Map([...this.tallies].map(([name, tally]) => [name, tally.ok + tally.failed]));
    const all = (): boolean => [...this.tallies].every(([name, t]) => t.ok + t.failed >= (before.get(name) ?? 0) + 4);
    while (!all()) await pause(20);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async read({ name, read }: DemoObject): Promise<Held> {
    if (read !== undefined) return read();
    const { value, properties } = await this.#vault.getSecret(name);
    return { value: value ?? '', credentialId: properties.tags?.['CredentialId'] ?? '' };
  }

  /** What a reader of a single account has to do after a rotation: read again. The new version comes within the gap. */
  async #letInNow(object: DemoObject): Promise<boolean> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        await object.login(await this.read(object));
        return true;
      } catch (error) {
        if (error instanceof TypeError) throw error;
        await pause(25);
      }
    }
    return false;
  }

  async #loop(object: DemoObject, keepMs: number): Promise<void> {
    const tally = this.tallies.get(object.name);
    let held: (Held & { readonly at: number }) | undefined;
    while (!this.#stopped && tally !== undefined) {
      const now = this.#sandbox.ctx.clock.now().getTime();
      if (held === undefined || now - held.at >= keepMs) held = { ...(await this.read(object)), at: now };
      try {
        await object.login(held);
        tally.ok += 1;
      } catch (error) {
        if (object.inPlace && (await this.#letInNow(object))) {
          tally.inGap += 1;
          continue;
        }
        tally.failed += 1;
        tally.failures.push(
          `${object.name} as ${held.credentialId}: ${error instanceof Error ? error.message : 'failed'}`,
        );
      }
      await pause(PAUSE_MS * this.#loops.length);
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
