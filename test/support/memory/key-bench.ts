import type { Outcome } from '../../../src/rotation/engine.ts';
import type { ObjectRef, RotateMessage, Trigger, VersionInfo } from '../../../src/rotation/ports.ts';
import type { Run } from '../../../src/rotation/record.ts';
import { handlePropagate } from '../../../src/rotation/propagate.ts';
import { Bench, days, VAULT } from './bench.ts';
import type { MemoryUse } from './keys.ts';

export const KEY: ObjectRef = { kind: 'key', vault: VAULT, name: 'cmk' };

/** The ARM id of a resource of the kind that the bench knows. */
export const userId = (name: string): string =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/test.users/${name}`;

/** A key `cmk` in `kv`, 20 days from its expiry, that `alpha` and `beta` pin. */
export class KeyBench extends Bench {
  constructor() {
    super();
    this.seedKey({ KeyUser: userId('alpha'), KeyUser1: userId('beta') });
    this.use('alpha');
    this.use('beta');
  }

  seedKey(tags: Readonly<Record<string, string>>, more: Partial<VersionInfo> = {}): string {
    return this.keys.put(KEY, tags, { createdOn: days(-70), expiresOn: days(20), ...more });
  }

  use(name: string, more: Partial<MemoryUse> = {}): void {
    const key = { vault: KEY.vault, name: KEY.name };
    this.users.uses.set(userId(name), { follows: 'pinned', key, version: this.keyVersion, ...more });
  }

  used(name: string): string | undefined {
    return this.users.uses.get(userId(name))?.version;
  }

  get keyVersion(): string {
    return this.keys.peek(KEY)[0]?.version ?? '';
  }

  get keyRun(): Run | undefined {
    return this.journal.entry(KEY)?.record.run;
  }

  about(trigger: Trigger = 'near-expiry', more: Partial<RotateMessage> = {}): RotateMessage {
    const event = trigger === 'near-expiry' || trigger === 'expired';
    return { object: KEY, trigger, ...(event ? { version: this.keyVersion } : {}), ...more };
  }

  wake(more: Partial<RotateMessage> = {}): Promise<Outcome> {
    return this.deliver({ object: KEY, trigger: 'resume', rotationId: this.keyRun?.rotationId ?? '', ...more });
  }

  announceKey(version = this.keyVersion): Promise<Outcome> {
    return handlePropagate(this.engine, { object: KEY, version });
  }
}
