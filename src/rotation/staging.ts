import { createHash } from 'node:crypto';
import type { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { ROTATION_ID_TAG, rotationIdOf } from './plan.ts';
import type { CurrentVersion, ObjectRef, SecretValue } from './ports.ts';
import type { Session } from './session.ts';

/*
 * A pending value waits in the vault, under a secret name of its own: a newer version under the secret's own name would
 * hide the live one from its readers. Needed where the value must outlive a crash: a system with one slot (what `set` has
 * changed there can only be finished with that value), and a person who has handed it in.
 *
 * The name is never deleted, since it would be kept for the whole retention; its used versions are disabled.
 */

const SUFFIX = '-keyturn-pending';
const LONGEST_NAME = 127;

/** Where the pending value of a secret waits. Pure. Two secrets whose long names begin alike get different ones. */
export function pendingOf(object: ObjectRef): ObjectRef {
  const whole = `${object.name}${SUFFIX}`;
  if (whole.length <= LONGEST_NAME) return { ...object, name: whole };
  const hash = createHash('sha256').update(object.name).digest('hex').slice(0, 12);
  const kept = object.name.slice(0, LONGEST_NAME - SUFFIX.length - hash.length - 1);
  return { ...object, name: `${kept}-${hash}${SUFFIX}` };
}

/** Is this a secret of Keyturn's own, of which no event is acted upon? */
export function isPending({ name }: ObjectRef): boolean {
  return name.endsWith(SUFFIX);
}

/** The value that this rotation has put away, or undefined where there is none (any more). */
export async function staged(engine: Engine, session: Session): Promise<SecretValue | undefined> {
  const found = await readPending(engine, session.scope, session.object);
  if (found === undefined || rotationIdOf(found.tags) !== session.active.rotationId) return undefined;
  session.guard(found.value);
  return found.value;
}

/** Puts the value away. Died before this: nothing is changed anywhere. After: `staged` finds it. */
export async function stage(engine: Engine, session: Session, value: SecretValue, expiresOn: Date): Promise<void> {
  session.guard(value);
  const { rotationId } = session.active;
  await session.call('putting the pending value away', (call) =>
    engine.vault.write(pendingOf(session.object), pendingVersion(session.object, rotationId, value, expiresOn), call),
  );
}

/** The version in which a value waits for its rotation. Pure. */
export function pendingVersion(object: ObjectRef, rotationId: string, value: SecretValue, expiresOn: Date) {
  return {
    value,
    expiresOn,
    contentType: `Keyturn: pending value of ${object.name}`.slice(0, 255),
    tags: { [ROTATION_ID_TAG]: rotationId },
  };
}

/** The value has been published, or will not be: the version in which it waited is disabled. May be repeated. */
export async function unstage(engine: Engine, scope: CallScope, object: ObjectRef): Promise<void> {
  const found = await readPending(engine, scope, object);
  if (found === undefined) return;
  await scope.run('disabling the pending value', (call) =>
    engine.vault.disable(pendingOf(object), found.version, call),
  );
}

async function readPending(engine: Engine, scope: CallScope, object: ObjectRef): Promise<CurrentVersion | undefined> {
  try {
    return await scope.run('looking for a pending value', (call) => engine.vault.current(pendingOf(object), call));
  } catch (error) {
    // Absent, or disabled: used up.
    const none = error instanceof RotationError && ['TARGET_NOT_FOUND', 'HUMAN_REQUIRED'].includes(error.code);
    if (none) return undefined;
    throw error;
  }
}
