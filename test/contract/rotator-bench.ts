import { inspect } from 'node:util';
import { expect } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import type { SecretValue, Call, Issued, Slot, Target, TargetInput } from '../../src/rotation/ports.ts';
import type { RotatorHarness } from './rotator-harness.ts';

/** A target in use: what readers hold, and the slot that a rotation would fill. */
export interface Bench {
  readonly input: TargetInput;
  readonly target: Target;
  readonly current: Issued;
  readonly idle: Slot;
  readonly authenticates: (issued: Issued) => Promise<boolean>;
  readonly set: (
    issue: Partial<{ id: string; slot: Slot; value: SecretValue; current: Issued; call: Call }>,
  ) => Promise<Issued>;
}

export async function benchOf(harness: RotatorHarness, tap: Wiretap): Promise<Bench> {
  const { input, current } = await harness.fresh();
  const target = harness.rotator.parseTarget(input);
  const { overlap, minting, revocable } = harness.rotator.capabilities;
  const idle = overlap === 'many' ? '' : (target.slots.find((slot) => slot !== target.current) ?? target.current);
  const used = new Set<string>();
  tap.secret(current.value);
  tap.text(harness.rotator.describe(target, idle).join('\n'));
  return {
    input,
    target,
    current,
    idle,
    authenticates: (issued) => harness.authenticates(input, issued),
    async set({ id = newId(), slot = idle, value = harness.mint(), current: now = current, call = never() }) {
      const given = minting !== 'system';
      if (given) tap.secret(value);
      const pending = { rotationId: id, slot, current: now, ...(given ? { value } : {}) };
      if (overlap === 'many' && revocable && used.has(id)) await revokeLabelled(harness, target, id);
      used.add(id);
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const issued = await tap.watch(harness.rotator.set(target, pending, call));
        if (issued === 'pending') continue;
        tap.secret(issued.value);
        return issued;
      }
      throw new Error('set answered `pending` a hundred times');
    },
  };
}

/** What the engine does before it sets again under the same id: see src/rotation/orphans.ts. */
async function revokeLabelled({ rotator }: RotatorHarness, target: Target, id: string): Promise<void> {
  for (const { credentialId, rotationId } of await rotator.list(target, never())) {
    if (rotationId === id) await rotator.revoke(target, credentialId, { endSessions: false }, never());
  }
}

/** Is there a system to ask at all? */
export function asks({ rotator }: RotatorHarness): boolean {
  return rotator.capabilities.proof !== 'none';
}

/** Does the system hold something for each credential, to list and to revoke? A secret computed from another has nothing. */
export function holds({ rotator }: RotatorHarness): boolean {
  const { overlap, revocable } = rotator.capabilities;
  return overlap !== 'many' || revocable;
}

/** Does the credential before live on after `set`? */
export function coexist({ rotator, retains }: RotatorHarness): boolean {
  return rotator.capabilities.overlap !== 'none' || retains === true;
}

/** A rotation's id of the shape that the engine gives. */
export function newId(): string {
  return newRotationId({ kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'contract' }, new Date());
}

/** A call that nobody aborts. */
export function never(): Call {
  return { signal: new AbortController().signal, now: () => new Date() };
}

/** What the suite saw: every secret it used and every text it was given, to be compared at the end. */
export class Wiretap {
  readonly secrets = new Set<string>();
  readonly texts: string[] = [];
  checks = 0;

  tick(count = 1): void {
    this.checks += count;
  }

  secret(value: SecretValue): void {
    this.secrets.add(value.reveal());
  }

  text(text: string): void {
    this.texts.push(text);
  }

  /** Everything of an error that a log could show. Anything but an error is ignored. */
  error(error: unknown): void {
    if (!(error instanceof Error)) return;
    this.texts.push(error.message, error.stack ?? '', String(error), inspect(error, { depth: 10, showHidden: true }));
    this.texts.push(JSON.stringify(error), JSON.stringify(Object.values(error)));
    if (error instanceof RotationError) this.texts.push(error.remedy ?? '', JSON.stringify(error.problems));
    this.error(error.cause);
  }

  async watch<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      this.error(error);
      throw error;
    }
  }
}

/** The texts, cut short, in which a secret appears as it is, URL-encoded, JSON-escaped or in base64. */
export function leaksOf(secrets: ReadonlySet<string>, texts: readonly string[]): string[] {
  const leaks: string[] = [];
  for (const secret of secrets) {
    const forms = new Set([
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
    for (const text of texts) {
      for (const form of forms) {
        const at = text.indexOf(form);
        if (at >= 0)
          leaks.push(
            `…${text.slice(Math.max(0, at - 80), at)}<secret>${text.slice(at + form.length, at + form.length + 40)}…`,
          );
      }
    }
  }
  return leaks;
}

/** The `RotationError` that the function throws; anything else fails the test. */
export function refusal(attempt: () => unknown): RotationError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('expected a refusal, and there was none');
}

export async function expectRejected(
  harness: RotatorHarness,
  tap: Wiretap,
  target: Target,
  issued: Issued,
): Promise<void> {
  const error = await rejection(harness.rotator.test(target, issued, never()), tap);
  expect(error).toMatchObject({ name: 'RotationError', code: 'CREDENTIAL_REJECTED', effect: 'none' });
  tap.tick();
}

export async function rejection(promise: Promise<unknown>, tap: Wiretap): Promise<unknown> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) throw new Error('expected the call to be refused, and it was not');
  tap.error(outcome.error);
  return outcome.error;
}
