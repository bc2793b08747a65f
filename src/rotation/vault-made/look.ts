import type { Engine, Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { isOver } from '../machine.ts';
import type { Call, ObjectRef, RotateMessage, VersionInfo } from '../ports.ts';
import { refuse } from '../refuse.ts';
import type { Session } from '../session.ts';

type Tags = Readonly<Record<string, string>>;
type Dated = Pick<VersionInfo, 'version' | 'createdOn' | 'updatedOn' | 'tags'>;

/** The newest version of a key or a certificate, and the tags that hold for it. */
export interface Seen<V extends VersionInfo = VersionInfo> {
  readonly current: V;
  readonly tags: Tags;
  /** The newest version lacks them: they are those of the version before. */
  readonly lost: boolean;
}

/** Runs one remote call, bounded in time. */
export type Ask = <T>(what: string, work: (call: Call) => Promise<T>) => Promise<T>;

/** Where versions come from: `keys` or `certificates` of the engine. */
export interface Versions<V extends VersionInfo> {
  current(object: ObjectRef, call: Call): Promise<V>;
  versions(object: ObjectRef, call: Call): Promise<readonly Dated[]>;
}

/**
 * Whether a version that the vault makes by itself carries the tags of the one before is not documented [U], and one that a person makes
 * with `az keyvault key create` or `certificate create` has none. So a version without any tag that was never changed since it was made is
 * taken to have lost them. Who wants the object to be left alone takes the tags off the current version, which changes it; versions before
 * that one are not looked at, so that the next one does not bring the tags back.
 */
export async function lookAtNewest<V extends VersionInfo>(
  from: Versions<V>,
  ask: Ask,
  object: ObjectRef,
): Promise<Seen<V>> {
  const current = await ask(`reading the ${object.kind}`, (call) => from.current(object, call));
  if (hasAny(current.tags) || !isUntouched(current)) return { current, tags: current.tags, lost: false };
  const versions = await ask('listing the versions', (call) => from.versions(object, call));
  const before = versions.find((one) => one.version !== current.version && (hasAny(one.tags) || !isUntouched(one)));
  return before === undefined || !hasAny(before.tags)
    ? { current, tags: current.tags, lost: false }
    : { current, tags: before.tags, lost: true };
}

/** The same for a message; what is gone and has no open run is answered. */
export async function lookFor<V extends VersionInfo>(
  from: Versions<V>,
  engine: Engine,
  session: Session,
  message: RotateMessage,
): Promise<Seen<V> | Outcome> {
  try {
    return await lookAtNewest(from, (what, work) => session.call(what, work), message.object);
  } catch (error) {
    const gone =
      error instanceof RotationError && (error.code === 'TARGET_NOT_FOUND' || error.code === 'HUMAN_REQUIRED');
    const open = session.run !== undefined && !isOver(session.run);
    if (!gone || open) throw error;
    return refuse(engine, session, message, error.code, error.message, error.remedy);
  }
}

function isUntouched({ createdOn, updatedOn }: Dated): boolean {
  return updatedOn.getTime() <= createdOn.getTime();
}

function hasAny(tags: Tags): boolean {
  return Object.keys(tags).length > 0;
}
