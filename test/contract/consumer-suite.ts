import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { System } from '../../sandbox/traffic.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

/** A kind of consumer, as the suite needs it: every kind that can be pushed passes it. */
export interface ConsumerHarness {
  readonly adapter: (cloud: ConsumerCloud) => ConsumerAdapter;
  /** A resource that follows the object of this name, and has its newest version. Its host, where it has one, is the one given. */
  readonly make: (cloud: ConsumerCloud, name: string, host: string) => Resource;
  /** Which keys its certificates get, RSA when absent; EC keys are made in no time. */
  readonly keyType?: 'EC';
  /** Of the first request that changes it: as the traffic shows it, the action it needs, and the role that grants it; ARM's where `system` is absent. */
  readonly write: { readonly system?: System; readonly match: string; readonly action: string; readonly role: string };
  /** It shows no version: what it has is known only after a push, and only after that time. */
  readonly blind?: { readonly settlesMs: number };
  /** What was changed of it, where requests that only show something cannot be told from others; the requests that are no GET when absent. */
  readonly changes?: (resource: Resource) => readonly string[];
}

let round = 0;

/** @param cloudOf tokens are kept by process: all kinds of one file share a cloud */
export function consumerSuite(kind: string, cloudOf: () => ConsumerCloud, harness: ConsumerHarness): void {
  describe(`${kind}, as every kind of consumer`, () => {
    const { system = 'arm' } = harness.write;
    let cloud: ConsumerCloud;
    let name: string;
    let host: string;
    let old: VersionRef;
    let resource: Resource;
    let reference: Reference;

    let checks = 0;

    beforeAll(() => {
      cloud = cloudOf();
    });
    afterAll(() => {
      console.info(`contract ${kind}: ${checks} checks`);
    });
    beforeEach(async () => {
      round += 1;
      [name, host] = [`object-${round}`, `www${round}.sandbox.test`];
      old = await renew();
      resource = harness.make(cloud, name, host);
      const [one, ...more] = await find(old);
      expect(more).toEqual([]);
      reference = one as Reference;
      cloud.ctx.traffic.clear();
    });
    afterEach(({ task }) => {
      if (task.result?.state !== 'fail') checks += 1;
      cloud.ctx.faults.clear();
      cloud.arm.resources.remove(resource.id);
    });

    const adapter = (): ConsumerAdapter => harness.adapter(cloud);
    const renew = (): Promise<VersionRef> =>
      cloud.vault.make(name, { names: [host], keyType: harness.keyType ?? 'RSA' });
    const find = ({ object }: VersionRef): Promise<readonly Reference[]> =>
      adapter().find({ id: resource.id, type: adapter().types[0] ?? '', location: '' }, object, cloud.call());
    const refresh = (version: VersionRef, operation?: string, signal?: AbortSignal): Promise<Refreshed> =>
      adapter().refresh(reference, version, operation, cloud.call(signal));
    const confirm = (version: VersionRef): Promise<Confirmation> => adapter().confirm(reference, version, cloud.call());
    /** Pushes as the engine does. @param seen what was kept between two calls */
    async function pushed(version: VersionRef, seen: string[] = []): Promise<Refreshed> {
      let now = await refresh(version);
      for (let n = 0; n < 90 && now.is === 'running'; n += 1) {
        seen.push(now.operation);
        cloud.ctx.clock.advance(15_000);
        now = await refresh(version, now.operation);
      }
      settle();
      return now;
    }
    const settle = (): void => {
      cloud.ctx.clock.advance(harness.blind?.settlesMs ?? 0);
    };
    const writes = (): readonly string[] =>
      harness.changes?.(resource) ??
      cloud.ctx.traffic.entries
        .filter((entry) => ['arm', system].includes(entry.system) && !entry.operation.startsWith('GET'))
        .map(({ operation }) => operation);
    async function failure(attempt: Promise<unknown>): Promise<RotationError> {
      const error: unknown = await attempt.then(
        () => new Error('it did not fail'),
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof RotationError)) throw error;
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|PRIVATE KEY/);
      return error;
    }

    it('is found by the objects that it says it takes, and by no other', async () => {
      expect(adapter().kind).toBe(kind);
      expect(adapter().types.join()).toMatch(/^[a-z./,]+$/);
      expect(reference).toMatchObject({ kind, id: expect.stringContaining(resource.id) as string });
      expect(reference).not.toHaveProperty('pinned');
      expect(adapter().objects).toContain('certificate');
      const other = await cloud.vault.make(`${name}0`, { names: [host] });
      expect(await find(other)).toEqual([]);
      expect(await find({ ...old, object: { ...old.object, vault: 'https://kv2.vault.sandbox.test' } })).toEqual([]);
    });

    it('has the new version after a push, and not before; asking changes nothing', async () => {
      expect(await confirm(old)).toMatchObject({ is: harness.blind === undefined ? 'adopted' : 'pending' });
      const fresh = await renew();
      expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
      expect(writes()).toEqual([]);
      expect(await pushed(fresh)).toEqual({ is: 'pushed' });
      expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
      expect(adapter().lagMs.pushed).toBeGreaterThan(0);
    });

    it('may be pushed again, and with the version after that', async () => {
      await pushed(await renew());
      const third = await renew();
      const [again] = await find(third);
      reference = again as Reference;
      expect(await pushed(third)).toEqual({ is: 'pushed' });
      expect(await pushed(third)).toEqual({ is: 'pushed' });
      expect(await confirm(third)).toMatchObject({ is: 'adopted' });
    });

    it('goes on from whatever was kept, twice', async () => {
      const fresh = await renew();
      const seen: string[] = [];
      await pushed(fresh, seen);
      for (const operation of seen) {
        cloud.ctx.clock.advance(30_000);
        const told = await refresh(fresh, operation);
        expect(['pushed', 'running']).toContain(told.is);
      }
      settle();
      expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    });

    /** As the engine does: whoever is in the way is waited for. */
    async function insistently(version: VersionRef): Promise<Refreshed> {
      for (let n = 0; ; n += 1) {
        try {
          return await pushed(version);
        } catch (error) {
          if (!(error instanceof RotationError) || error.recovery !== 'retry' || n > 20) throw error;
          cloud.ctx.clock.advance(60_000);
        }
      }
    }

    it('that two push at once has the version, and both know', async () => {
      const fresh = await renew();
      expect(await Promise.all([insistently(fresh), insistently(fresh)])).toEqual([{ is: 'pushed' }, { is: 'pushed' }]);
      settle();
      expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    });

    it('that is told another version while it is at one has the newest in the end', async () => {
      const second = await renew();
      const first = await refresh(second);
      const third = await renew();
      expect(await insistently(third)).toEqual({ is: 'pushed' });
      // A worker that wakes up late goes on with what it had begun: with the newest version, as the engine asks for no other.
      if (first.is === 'running') expect((await refresh(third, first.operation)).is).toMatch(/^(?:pushed|running)$/);
      expect(await insistently(third)).toEqual({ is: 'pushed' });
      settle();
      expect(await confirm(third)).toMatchObject({ is: 'adopted' });
    });

    it.each([
      [401, 'InvalidAuthenticationToken', { code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' }],
      [409, 'Conflict', { code: 'CONFLICT', recovery: 'retry', effect: 'none' }],
      [429, 'TooManyRequests', { code: 'THROTTLED', recovery: 'retry', effect: 'none' }],
      [500, 'InternalServerError', { code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown' }],
      [504, 'GatewayTimeout', { code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown' }],
    ])('says what a %i to its change means, and ends well when it is tried again', async (status, code, error) => {
      const fresh = await renew();
      const body = { error: { code, message: 'for the test' } };
      cloud.ctx.faults.add({ system, match: harness.write.match, times: 1, action: { status, body } });
      expect(await failure(pushed(fresh))).toMatchObject(error);
      expect(await pushed(fresh)).toEqual({ is: 'pushed' });
      expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    });

    it('names role and resource when it may not change it', async () => {
      const allow = cloud.arm.deny(harness.write.action, resource.id);
      const denied = await failure(pushed(await renew()));
      allow();
      expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(denied.message).toContain(harness.write.action);
      expect(denied.remedy).toContain(`--role "${harness.write.role}" --scope "${resource.id}`);
    });

    it('does not know what became of a change whose answer was lost, and finds out', async () => {
      const fresh = await renew();
      cloud.ctx.faults.add({ system, match: harness.write.match, times: 1, action: { drop: 'after' } });
      expect(await failure(pushed(fresh))).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown' });
      // What nobody asks about ends all the same, before the engine tries again.
      cloud.ctx.clock.advance(30_000);
      expect(await pushed(fresh)).toEqual({ is: 'pushed' });
      expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    });

    it('ends with its call, without a change', async () => {
      const fresh = await renew();
      const over = await failure(refresh(fresh, undefined, AbortSignal.abort()));
      expect(over).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
      expect(writes()).toEqual([]);
    });

    it('that is deleted half-way is gone', async () => {
      const fresh = await renew();
      const first = await refresh(fresh);
      const restore = cloud.arm.resources.remove(resource.id);
      expect(await failure(refresh(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
      expect(await failure(confirm(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
      expect(first.is).toMatch(/^(?:running|pushed)$/);
      restore();
    });
  });
}
