import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchOf, coexist, expectRejected, holds, leaksOf, never, newId, refusal, Wiretap } from './rotator-bench.ts';
import type { RotatorHarness } from './rotator-harness.ts';
import { failures, refusals, type MakeBench } from './rotator-suite-failures.ts';

/**
 * The contract of a rotator, checked over the wire on the system that the harness brings. Everything here holds for
 * every rotator; what depends on its capabilities is decided from what it declares, never skipped by hand.
 * Registers its tests with vitest; starts the harness before them and stops it after them.
 */
export function describeRotator(harness: RotatorHarness): void {
  describe(`rotator contract: ${harness.name}`, { timeout: 120_000 }, () => {
    const tap = new Wiretap();

    beforeAll(() => harness.start(), 240_000);
    afterAll(async () => {
      await harness.stop();
      console.info(`contract ${harness.name}: ${tap.checks} checks`);
    }, 120_000);

    const bench: MakeBench = () => benchOf(harness, tap);
    describe('configuration', () => configuration(harness, tap, bench));
    describe('a rotation', () => rotation(harness, tap, bench));
    describe('refusals', () => refusals(harness, tap, bench));
    describe('failures', () => failures(harness, tap, bench));

    it('wrote no secret value: not in an error, not in a description, not on the side of the system', async () => {
      const written = await harness.written();
      expect(leaksOf(tap.secrets, [...tap.texts, written])).toEqual([]);
      tap.tick();
    });
  });
}

function configuration(harness: RotatorHarness, tap: Wiretap, bench: MakeBench): void {
  it('parses the same input to the same target, with its slots and hosts', async () => {
    const { input } = await harness.fresh();
    const target = harness.rotator.parseTarget(input);
    expect(harness.rotator.parseTarget(input)).toEqual(target);
    const { overlap, proof } = harness.rotator.capabilities;
    expect(target.slots).toHaveLength({ 'two-slots': 2, none: 1, many: 0 }[overlap]);
    if (overlap !== 'many') expect(target.slots).toContain(target.current);
    expect(new Set(target.slots).size).toBe(target.slots.length);
    expect(target.hosts.length > 0).toBe(proof !== 'none');
    expect(harness.rotator.claims(input.providerAddress)).toBeTypeOf('boolean');
    tap.tick();
  });

  it('reports every problem of a bad input at once, each with its path', () => {
    if ((harness.rotator.needs ?? ['both']).length > 0) expect(harness.badInputs.length).toBeGreaterThan(0);
    for (const { why, input, paths } of harness.badInputs) {
      const error = refusal(() => harness.rotator.parseTarget(input));
      tap.error(error);
      expect(error, why).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
      expect(error.problems.map((problem) => problem.path).sort(), why).toEqual([...new Set(paths)].sort());
      for (const path of paths) expect(error.message, why).toContain(path);
      tap.tick();
    }
  });

  it('describes what it would call, and finds nothing in the way on a good target', async () => {
    const { target, idle, current, authenticates } = await bench();
    const lines = harness.rotator.describe(target, idle);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).not.toMatch(/[\r\n]/);
    expect(await harness.rotator.check(target, idle, current, never())).toEqual([]);
    expect(await authenticates(current)).toBe(true);
    tap.tick(2);
  });
}

function rotation(harness: RotatorHarness, tap: Wiretap, bench: MakeBench): void {
  it('issues a credential for the idle slot that authenticates', async () => {
    const { target, idle, set, authenticates } = await bench();
    const issued = await set({});
    expect(issued.slot).toBe(idle === '' ? issued.credentialId : idle);
    await tap.watch(harness.rotator.test(target, issued, never()));
    expect(await authenticates(issued)).toBe(true);
    tap.tick(2);
  });

  it('ends with one live credential on the idle slot when a rotationId is repeated, even with another value', async () => {
    const { target, idle, current, set, authenticates } = await bench();
    if (!holds(harness)) return;
    const id = newId();
    const first = await set({ id });
    const again = await set({ id, value: first.value });
    expect(await authenticates(again)).toBe(true);
    if (coexist(harness)) expect(await authenticates(current), 'after the same value twice').toBe(true);
    const last = await set({ id });
    if (coexist(harness)) expect(await authenticates(current), 'after another value').toBe(true);
    await tap.watch(harness.rotator.test(target, last, never()));
    expect(await authenticates(last)).toBe(true);
    if (!first.value.equals(last.value)) expect(await authenticates(first)).toBe(false);
    const live = await harness.rotator.list(target, never());
    expect(
      live.filter((credential) => (idle === '' ? credential.rotationId === id : credential.slot === idle)),
    ).toHaveLength(1);
    tap.tick(4);
  });

  it('keeps the previous credential until revoke; revoking twice is success; then it is refused', async () => {
    const { target, current, set, authenticates } = await bench();
    const { overlap, revocable } = harness.rotator.capabilities;
    const issued = await set({});
    if (coexist(harness)) {
      await tap.watch(harness.rotator.test(target, current, never()));
      expect(await authenticates(current)).toBe(true);
    }
    if (revocable) {
      await harness.rotator.revoke(target, current.slot, { endSessions: false }, never());
      await harness.rotator.revoke(target, current.slot, { endSessions: true }, never());
      tap.tick(3);
    }
    if (revocable || overlap === 'none') {
      expect(await authenticates(current)).toBe(false);
      await expectRejected(harness, tap, target, current);
    }
    await tap.watch(harness.rotator.test(target, issued, never()));
    expect(await authenticates(issued)).toBe(true);
    tap.tick(2);
  });

  it('goes on from the second credential in the next rotation, also after the first was revoked', async () => {
    const { target, idle, current, set, authenticates } = await bench();
    const { overlap, revocable } = harness.rotator.capabilities;
    const second = await set({});
    if (revocable) {
      await harness.rotator.revoke(target, current.slot, { endSessions: false }, never());
    }
    const third = await set({ slot: overlap === 'two-slots' ? current.slot : idle, current: second });
    await tap.watch(harness.rotator.test(target, third, never()));
    expect(await authenticates(third)).toBe(true);
    if (coexist(harness)) expect(await authenticates(second)).toBe(true);
    tap.tick(2);
  });

  it('takes back what an interrupted rotation has set when the current value is set again', async () => {
    if (harness.rotator.capabilities.retains !== true) return;
    const { target, current, set, authenticates } = await bench();
    const unpublished = await set({});
    await set({ value: current.value });
    expect(await authenticates(current)).toBe(true);
    await expectRejected(harness, tap, target, unpublished);
    await harness.rotator.revoke(target, current.slot, { endSessions: false }, never());
    expect(await authenticates(current), 'the only one that is left').toBe(true);
    tap.tick(2);
  });

  it('lists every slot, and finds what an unacknowledged set has left', async () => {
    const { target, set, current } = await bench();
    const id = newId();
    const issued = await set({ id });
    const live = await tap.watch(harness.rotator.list(target, never()));
    if (!holds(harness)) expect(live).toEqual([]);
    for (const slot of target.slots) expect(live.map((credential) => credential.slot)).toContain(slot);
    for (const known of holds(harness) ? [issued, current] : []) {
      expect(live.find((credential) => credential.slot === known.slot)?.credentialId).toBe(known.credentialId);
    }
    const { overlap, minting } = harness.rotator.capabilities;
    if (overlap === 'many' && minting === 'system' && holds(harness)) {
      expect(live.find((credential) => credential.credentialId === issued.credentialId)?.rotationId).toBe(id);
      expect(live.find((credential) => credential.credentialId === current.credentialId)?.rotationId).not.toBe(id);
    }
    tap.text(JSON.stringify(live));
    tap.tick(2);
  });
}
