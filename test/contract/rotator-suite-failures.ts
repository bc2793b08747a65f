import { expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Call } from '../../src/rotation/ports.ts';
import {
  asks,
  coexist,
  expectRejected,
  holds,
  never,
  newId,
  rejection,
  type Bench,
  type Wiretap,
} from './rotator-bench.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';

const FAULTS: readonly Fault[] = ['denied', 'absent', 'throttled', 'unavailable', 'timeout'];
const VERBS = ['check', 'list', 'set', 'test', 'revoke'] as const;
type Verb = (typeof VERBS)[number];

export type MakeBench = () => Promise<Bench>;

/** What every rotator must refuse, with nothing changed. */
export function refusals(harness: RotatorHarness, tap: Wiretap, bench: MakeBench): void {
  it('rejects a wrong value, and a value that a later one replaced', async () => {
    const { target, current, set } = await bench();
    if (!asks(harness)) return;
    const wrong = new SecretValue(`${harness.mint().reveal()}x`);
    tap.secret(wrong);
    await expectRejected(harness, tap, target, { ...current, value: wrong });
    if (!holds(harness)) return;
    const replaced = await set({});
    // Where each rotation makes one more, nothing is replaced by it, only revoked.
    if (target.slots.length === 0) await harness.rotator.revoke(target, replaced.slot, { endSessions: false }, never());
    const issued = await set({});
    await expectRejected(harness, tap, target, replaced);
    await tap.watch(harness.rotator.test(target, issued, never()));
    tap.tick();
  });

  it('refuses to set the slot in use, with nothing changed', async () => {
    if (harness.rotator.capabilities.overlap !== 'two-slots') return;
    const { current, idle, set, authenticates } = await bench();
    const other = await set({});
    for (const wrong of [{ slot: current.slot }, { slot: idle, current: other }]) {
      const error = await rejection(set(wrong), tap);
      expect(error).toBeInstanceOf(RotationError);
      expect(error).toMatchObject({ effect: 'none' });
      expect((error as RotationError).recovery).not.toBe('retry');
      expect(await authenticates(current)).toBe(true);
      expect(await authenticates(other)).toBe(true);
      tap.tick();
    }
  });

  it('does nothing when the signal is aborted already', async () => {
    const { target, idle, current, set, authenticates } = await bench();
    const other = await set({});
    const inUse = harness.rotator.capabilities.overlap === 'none' ? other : current;
    const reason = new Error('the lease is over');
    for (const verb of asksEvery(harness) ? VERBS : (['set'] as const)) {
      const call = { signal: AbortSignal.abort(reason), now: () => new Date() };
      const error = await rejection(invoke(harness, verb, { target, idle, current, set }, call), tap);
      expect(error === reason || error instanceof RotationError, verb).toBe(true);
      if (error instanceof RotationError) expect(error.effect, verb).not.toBe('applied');
      expect(await authenticates(inUse), verb).toBe(true);
      expect(await authenticates(other), verb).toBe(true);
      tap.tick();
    }
  });

  it('leaves the credential in use alone whenever the call is aborted, and the next attempt succeeds', async () => {
    const { target, current, set, authenticates } = await bench();
    for (const turns of [0, 1, 4, 16, 64, 256, 1024]) {
      const controller = new AbortController();
      const id = newId();
      const attempt = set({ id, call: { signal: controller.signal, now: () => new Date() } }).catch(
        (error: unknown) => error,
      );
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('the lease is over'));
      tap.error(await attempt);
      if (coexist(harness)) expect(await authenticates(current), `aborted after ${turns} turns`).toBe(true);
      const issued = await set({ id });
      if (coexist(harness)) expect(await authenticates(current), `again after ${turns} turns`).toBe(true);
      await tap.watch(harness.rotator.test(target, issued, never()));
      tap.tick();
    }
  });
}

/** Every way in which the system can fail, for every verb. */
export function failures(harness: RotatorHarness, tap: Wiretap, bench: MakeBench): void {
  const inPlace = (): boolean => harness.rotator.capabilities.overlap === 'none';
  for (const kind of FAULTS) {
    it(`comes out with the declared code and effect when the system is ${kind}`, async () => {
      if (!asks(harness)) return;
      for (const verb of VERBS) {
        const made = await bench();
        const before = await made.set({});
        const mend = await harness.fault(kind, made.input);
        try {
          await expectFault(harness, tap, kind, verb, inPlace() ? { ...made, current: before } : made);
        } finally {
          await mend();
        }
        const declared = harness.faultCodes[kind];
        const where = `${verb} while ${kind}`;
        if (verb !== 'revoke' && kind !== 'absent') {
          if (coexist(harness)) expect(await made.authenticates(made.current), where).toBe(true);
          if (verb !== 'set' || declared.effect === 'none') expect(await made.authenticates(before), where).toBe(true);
        }
        tap.tick();
      }
    });
  }

  it('stops waiting for an answer when the signal is aborted', async () => {
    if (!asks(harness)) return;
    const made = await bench();
    const mend = await harness.fault('timeout', made.input);
    try {
      const controller = new AbortController();
      const attempt = rejection(made.set({ call: { signal: controller.signal, now: () => new Date() } }), tap);
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('the lease is over'));
      expect(await attempt).toBeInstanceOf(Error);
    } finally {
      await mend();
    }
    if (coexist(harness)) expect(await made.authenticates(made.current)).toBe(true);
    expect(await harness.rotator.check(made.target, made.idle, made.current, never())).toEqual([]);
    tap.tick(2);
  });
}

/** Does every verb go to a system? */
function asksEvery(harness: RotatorHarness): boolean {
  return asks(harness) && holds(harness);
}

type Usable = Pick<Bench, 'target' | 'idle' | 'current' | 'set'>;

function invoke(
  harness: RotatorHarness,
  verb: Verb,
  { target, idle, current, set }: Usable,
  call: Call,
): Promise<unknown> {
  const { rotator } = harness;
  switch (verb) {
    case 'check':
      return rotator.check(target, idle, current, call);
    case 'list':
      return rotator.list(target, call);
    case 'set':
      return set({ call });
    case 'test':
      return rotator.test(target, current, call);
    case 'revoke':
      return rotator.revoke(target, idle === '' ? current.slot : idle, { endSessions: false }, call);
  }
}

/**
 * `set` must fail with the declared code and effect, whatever the fault. `check` may name it as a blocker instead of
 * throwing. `revoke` of what is absent is success. A verb whose question goes another way than the fault (a log-in
 * does not need the administrator) may succeed; if it fails, then with the declared code.
 */
async function expectFault(
  harness: RotatorHarness,
  tap: Wiretap,
  kind: Fault,
  verb: Verb,
  made: Usable,
): Promise<void> {
  const declared = harness.faultCodes[kind];
  // A rotator without a time-out of its own is stopped by the engine's, which arrives as the signal.
  const call = kind === 'timeout' ? { ...never(), signal: AbortSignal.timeout(harness.patienceMs ?? 1_500) } : never();
  const where = `${verb} while ${kind}`;
  const outcome = await invoke(harness, verb, made, call).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) {
    const blockers = verb === 'check' ? (outcome.value as readonly { code: string; remedy: string }[]) : [];
    tap.text(JSON.stringify(blockers));
    expect(verb, `${where} was expected to fail`).not.toBe('set');
    if (blockers.length > 0) {
      expect(
        blockers.map((blocker) => blocker.code),
        where,
      ).toContain(declared.code);
      for (const blocker of blockers) expect(blocker.remedy, where).not.toBe('');
    }
    return;
  }
  const { error } = outcome;
  tap.error(error);
  expect(error, where).toBeInstanceOf(RotationError);
  if (!(error instanceof RotationError)) return;
  const codes: string[] = [declared.code];
  if (verb === 'test' && (kind === 'absent' || kind === 'denied')) codes.push('CREDENTIAL_REJECTED');
  expect(codes, `${where}: ${error.message}`).toContain(error.code);
  if (verb === 'set') expect(error.effect, where).toBe(declared.effect);
  else expect(['none', declared.effect], where).toContain(error.effect);
  expect(error.recovery, where).toBe(kind === 'denied' || kind === 'absent' ? error.recovery : 'retry');
  if (kind === 'denied' || kind === 'absent') expect(error.recovery, where).not.toBe('retry');
}
