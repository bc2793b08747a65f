import { describeObject, type Engine, type Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { isOver } from '../machine.ts';
import type { Call, KeyChange, ManagedKey, ObjectRef, RotateMessage, VersionInfo } from '../ports.ts';
import { refuse } from '../refuse.ts';
import type { Session } from '../session.ts';

type Tags = Readonly<Record<string, string>>;

/** The current version of a key, and the tags that hold for it. */
export interface Seen {
  readonly current: VersionInfo;
  readonly tags: Tags;
  /** The current version lacks them: they are those of the version before. */
  readonly lost: boolean;
}

/** Runs one remote call, bounded in time. */
export type Ask = <T>(what: string, work: (call: Call) => Promise<T>) => Promise<T>;

/**
 * Whether a new version carries the tags of the one before is not documented for the vault's own rotation [U], and one that a
 * person makes with `az keyvault key create` has none. So a version without any tag that was never changed since it was made is
 * taken to have lost them. Who wants the key to be left alone takes the tags off the current version, which changes it; versions
 * before that one are not looked at, so that the next one does not bring the tags back.
 */
export async function lookAt(engine: Engine, ask: Ask, object: ObjectRef): Promise<Seen> {
  const current = await ask('reading the key', (call) => engine.keys.current(object, call));
  if (hasAny(current.tags) || !isUntouched(current)) return { current, tags: current.tags, lost: false };
  const versions = await ask('listing the versions', (call) => engine.keys.versions(object, call));
  const before = versions.find((one) => one.version !== current.version && (hasAny(one.tags) || !isUntouched(one)));
  return before === undefined || !hasAny(before.tags)
    ? { current, tags: current.tags, lost: false }
    : { current, tags: before.tags, lost: true };
}

/** The same for a message; what is gone and has no open run is answered. */
export async function look(engine: Engine, session: Session, message: RotateMessage): Promise<Seen | Outcome> {
  try {
    return await lookAt(engine, (what, work) => session.call(what, work), message.object);
  } catch (error) {
    const gone =
      error instanceof RotationError && (error.code === 'TARGET_NOT_FOUND' || error.code === 'HUMAN_REQUIRED');
    const open = session.run !== undefined && !isOver(session.run);
    if (!gone || open) throw error;
    return refuse(engine, session, message, error.code, error.message, error.remedy);
  }
}

/**
 * What a fresh version lacks: the tags of the version before, and an expiry where the vault's policy gave none. Pure, and the same
 * however often it is asked: the expiry is counted from the version's making.
 */
export function missingOn({ current, tags, lost }: Seen, managed: ManagedKey | undefined): KeyChange | undefined {
  const change: KeyChange = {
    ...(lost ? { tags } : {}),
    ...(managed === undefined || current.expiresOn !== undefined
      ? {}
      : { expiresOn: new Date(current.createdOn.getTime() + managed.policy.validityMs) }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

/** For the ledger: what the run is about. */
export function keyUrl({ vault, name }: ObjectRef): string {
  return `${vault}/keys/${name}`;
}

export function notManaged(object: ObjectRef): string {
  return `${describeObject(object)} carries no tag Rotator or KeyUser`;
}

function isUntouched({ createdOn, updatedOn }: VersionInfo): boolean {
  return updatedOn.getTime() <= createdOn.getTime();
}

function hasAny(tags: Tags): boolean {
  return Object.keys(tags).length > 0;
}
