import { TableClient } from '@azure/data-tables';
import { expect } from 'vitest';
import { SecretValue, type Announcement, type Issued, type ObjectRef, type Rotator } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import { pendingOf } from '../../src/rotation/staging.ts';
import { coexist } from '../contract/rotator-bench.ts';
import type { Fresh } from '../contract/rotator-harness.ts';
import { callOf, OVERLAP_MS, TABLE, type Parts } from './world-parts.ts';

/** What changes a credential or the vault; between two of them nothing that is checked can change but the time. */
const CHANGES = new Set(['rotator.set', 'rotator.revoke', 'vault.write', 'vault.disable']);
const MUTATIONS = new Set([
  ...CHANGES,
  'journal.write',
  'journal.announceRun',
  'journal.claimSlots',
  'announcer.announce',
]);

interface Subject {
  readonly parts: Parts;
  readonly fresh: Fresh;
  readonly object: ObjectRef;
  readonly compromised: boolean;
}

/** The five promises of one secret, looked at after every call and at the end. */
export class Promises {
  readonly #subject: Subject;
  readonly #secrets = new Set<string>();
  readonly #tested = new Set<string>();
  readonly #broken: unknown[] = [];
  /** Somebody is logged in with the old credential, and does not go away. */
  stillInUse = false;
  #changes = 0;
  #checkedAt = -1;
  #mutations = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#secrets.add(subject.fresh.current.value.reveal());
  }

  get mutations(): number {
    return this.#mutations;
  }

  /** A value that nothing which is written may hold. */
  record(secret: SecretValue): SecretValue {
    this.#secrets.add(secret.reveal());
    return secret;
  }

  /** What readers of the current version hold. */
  current(): Issued {
    return this.#versionOf(this.#subject.object);
  }

  logsIn(issued: Issued): Promise<boolean> {
    this.record(issued.value);
    return this.#subject.parts.harness.authenticates(this.#subject.fresh.input, issued);
  }

  /** A broken promise is kept for the end: the code under test might take it for a failure like any other, and recover. */
  async afterCall(call: string): Promise<void> {
    try {
      await this.#checkCall(call);
    } catch (error) {
      this.#broken.push(error);
      throw error;
    }
  }

  /** @throws the first promise that was broken after any call */
  checkKept(): void {
    if (this.#broken.length > 0) throw this.#broken[0];
  }

  /** At the end: rotated once, retired, nothing left that works and that nobody knows of, nothing told. */
  async checkDone(run: Run | undefined, announced: readonly Announcement[], written: readonly string[]): Promise<void> {
    this.checkKept();
    const { parts, object } = this.#subject;
    expect(run, 'the run').toMatchObject({ state: 'done', step: 'done' });
    const versions = parts.vault.peek('kv', object.name);
    expect(versions.length, 'one new version, however often it was tried').toBe(2);
    expect(
      announced.some((one) => one.version === versions[1]?.id),
      'announced',
    ).toBe(true);
    const current = this.current();
    expect(await this.logsIn(current), 'the current version logs in').toBe(true);
    if (this.#asks) {
      await this.#checkStrays(run, current);
      await this.#checkOrphans(run, current);
    }
    await this.#checkSilence(announced, written);
  }

  /** The rotator, with an eye on what was tested, and a user of the old credential who can be made to stay. */
  observed(): Rotator {
    const { rotator } = this.#subject.parts.harness;
    const seen: Pick<Rotator, 'test' | 'list' | 'revoke'> = {
      test: async (target, issued, call) => {
        await rotator.test(target, issued, call);
        this.#tested.add(issued.value.reveal());
      },
      list: async (target, call) => {
        const live = await rotator.list(target, call);
        const old = this.#subject.fresh.current.slot;
        return this.stillInUse
          ? live.map((one) => (one.slot === old ? { ...one, sessions: ['a reader that stays'] } : one))
          : live;
      },
      revoke: (target, slot, how, call) => {
        const old = slot === this.#subject.fresh.current.slot;
        if (old && this.stillInUse && !this.#subject.compromised)
          this.#broken.push(new Error('somebody uses what is revoked'));
        return rotator.revoke(target, slot, how, call);
      },
    };
    return new Proxy(rotator, {
      get: (target, key) => (key in seen ? seen[key as keyof typeof seen] : (Reflect.get(target, key) as unknown)),
    });
  }

  get #asks(): boolean {
    return this.#subject.parts.harness.rotator.capabilities.proof !== 'none';
  }

  async #checkCall(call: string): Promise<void> {
    if (MUTATIONS.has(call)) this.#mutations += 1;
    if (CHANGES.has(call)) this.#changes += 1;
    if (call === 'vault.write' && this.#subject.parts.vault.peek('kv', this.#subject.object.name).length > 1) {
      expect(this.#tested.has(this.current().value.reveal()), 'what is written was tested before').toBe(true);
    }
    if (this.#checkedAt === this.#changes) return;
    this.#checkedAt = this.#changes;
    expect(await this.#readersLive(), `promise 1, after ${call}: the current version logs in`).toBe(true);
    const { compromised, parts, object, fresh } = this.#subject;
    if (compromised || !coexist(parts.harness)) return;
    const replaced = parts.vault.peek('kv', object.name)[1];
    const overlapEnds = (replaced?.created ?? Number.POSITIVE_INFINITY) * 1000 + OVERLAP_MS;
    if (parts.clock.now().getTime() < overlapEnds) {
      expect(await this.logsIn(fresh.current), `promise 2, after ${call}: the version before logs in`).toBe(true);
    }
  }

  /** With one slot there is a gap between set and finish; what is live then waits in the vault, and nowhere else. */
  async #readersLive(): Promise<boolean> {
    if (await this.logsIn(this.current())) return true;
    const { parts, object } = this.#subject;
    if (coexist(parts.harness)) return false;
    return this.logsIn({ ...this.current(), value: this.#versionOf(pendingOf(object)).value });
  }

  /** No other value that was ever seen logs in, in any slot of the run. */
  async #checkStrays(run: Run | undefined, current: Issued): Promise<void> {
    const { overlap, revocable } = this.#subject.parts.harness.rotator.capabilities;
    if (!revocable && overlap !== 'none') return;
    for (const text of this.#secrets) {
      if (text === current.value.reveal()) continue;
      for (const slot of [run?.from?.slot ?? '', run?.to?.slot ?? '']) {
        const stray = { credentialId: slot, slot, value: new SecretValue(text) };
        expect(await this.logsIn(stray), `no other value logs in as ${slot}`).toBe(false);
      }
    }
  }

  /** Promise 3, where each rotation makes one more: the system holds the current one, and no other of this secret's. */
  async #checkOrphans(run: Run | undefined, current: Issued): Promise<void> {
    const { parts, fresh } = this.#subject;
    const { rotator } = parts.harness;
    if (rotator.capabilities.overlap !== 'many' || !rotator.capabilities.revocable) return;
    const live = await rotator.list(rotator.parseTarget(fresh.input), callOf(parts.clock));
    const ours = live.filter((one) => one.rotationId === run?.rotationId || one.credentialId === run?.from?.slot);
    expect(ours.map((one) => one.credentialId)).toEqual([current.credentialId]);
  }

  async #checkSilence(announced: readonly Announcement[], written: readonly string[]): Promise<void> {
    const { parts, object } = this.#subject;
    const table = TableClient.fromConnectionString(parts.azurite.connectionString, TABLE);
    const rows: string[] = [];
    for await (const row of table.listEntities({ queryOptions: { filter: `name eq '${object.name}'` } }))
      rows.push(JSON.stringify(row));
    expect(rows.length, 'rows to search').toBeGreaterThan(1);
    const tags = [object, pendingOf(object)].map(({ name }) => parts.vault.peek('kv', name).map((one) => one.tags));
    const all = [...rows, ...written, JSON.stringify(announced), JSON.stringify(tags)].join('\n');
    for (const text of this.#secrets) expect(all.includes(text), 'promise 5: no value anywhere').toBe(false);
  }

  #versionOf({ name }: ObjectRef): Issued {
    const version = this.#subject.parts.vault.peek('kv', name).at(-1);
    const text = version?.value ?? '';
    const fields = text.startsWith('{') ? (JSON.parse(text) as { password?: string; key?: string }) : { key: text };
    const slot = version?.tags?.['CredentialId'] ?? '';
    return { credentialId: slot, slot, value: new SecretValue(fields.password ?? fields.key ?? '') };
  }
}
