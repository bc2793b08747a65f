import { createHash } from 'node:crypto';
import type { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { ROTATION_ID_TAG, rotationIdOf } from './plan.ts';
import type { CurrentVersion, ObjectRef, SecretValue, VersionInfo } from './ports.ts';
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
  const value = await stagedBy(engine, session.scope, session.object, session.active.rotationId);
  if (value !== undefined) session.guard(value);
  return value;
}

/** The same for a rotation that is not in hand. */
export async function stagedBy(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  rotationId: string,
): Promise<SecretValue | undefined> {
  const found = await readPending(engine, scope, object);
  return found !== undefined && rotationIdOf(found.tags) === rotationId ? found.value : undefined;
}

/** The newest version, where this rotation's value waits in it and somebody has disabled it: enabled again, it is found. */
export async function takenAway(engine: Engine, session: Session): Promise<string | undefined> {
  const [newest] = await pendingVersions(engine, session.scope, pendingOf(session.object));
  if (newest === undefined || newest.enabled) return undefined;
  return rotationIdOf(newest.tags) === session.active.rotationId ? newest.version : undefined;
}

/** Puts the value away. Died before this: nothing is changed anywhere. After: `staged` finds it. */
export async function stage(engine: Engine, session: Session, value: SecretValue, expiresOn: Date): Promise<void> {
  session.guard(value);
  await putAway(engine, session.scope, session.object, session.active.rotationId, value, expiresOn);
}

/**
 * @throws HUMAN_REQUIRED when the name belongs to a secret that is not Keyturn's: nobody's value is hidden by ours. What the
 *   vault throws; nothing was kept then
 */
export async function putAway(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  rotationId: string,
  value: SecretValue,
  expiresOn: Date,
): Promise<void> {
  const pending = pendingOf(object);
  const there = await readPending(engine, scope, object);
  if (there !== undefined && rotationIdOf(there.tags) === undefined) throw notOurs(pending);
  const version = {
    value,
    expiresOn,
    contentType: `Keyturn: pending value of ${object.name}`.slice(0, 255),
    tags: { [ROTATION_ID_TAG]: rotationId },
  };
  await scope.run('putting the pending value away', (call) => engine.vault.write(pending, version, call));
}

/**
 * The value has been published, or will not be: every version in which one waited is disabled; those without a RotationId are
 * not Keyturn's. May be repeated.
 */
export async function unstage(engine: Engine, scope: CallScope, object: ObjectRef): Promise<void> {
  const pending = pendingOf(object);
  for (const { version, enabled, tags } of await pendingVersions(engine, scope, pending)) {
    if (!enabled || rotationIdOf(tags) === undefined) continue;
    await scope.run('disabling the pending value', (call) => engine.vault.disable(pending, version, call));
  }
}

async function pendingVersions(engine: Engine, scope: CallScope, pending: ObjectRef): Promise<readonly VersionInfo[]> {
  try {
    return await scope.run('looking for pending values', (call) => engine.vault.versions(pending, call));
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return [];
    throw error;
  }
}

function notOurs({ vault, name }: ObjectRef): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `${vault}/secrets/${name} is where the pending value would wait, and it is a secret that Keyturn did not write`,
    remedy: `Move that secret to another name and disable it here: az keyvault secret set-attributes --id ${vault}/secrets/${name} --enabled false`,
  });
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
