import { describeObject, type Engine, type Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import { isOver } from '../machine.ts';
import type { Call, CertificateVersion, CurrentCertificate, ObjectRef, RotateMessage, VersionInfo } from '../ports.ts';
import { refuse } from '../refuse.ts';
import type { Session } from '../session.ts';

type Tags = Readonly<Record<string, string>>;

/** The newest finished version of a certificate, and the tags that hold for it. */
export interface Seen {
  readonly current: CurrentCertificate;
  readonly tags: Tags;
  /** The version lacks them: they are those of the version before. */
  readonly lost: boolean;
}

/** Runs one remote call, bounded in time. */
export type Ask = <T>(what: string, work: (call: Call) => Promise<T>) => Promise<T>;

/**
 * Whether a version that the vault renews by itself carries the tags of the one before is not documented [U], and one that a person
 * makes with `az keyvault certificate create` has none: so, as for keys, a version without any tag that was never changed since it was
 * made is taken to have lost them.
 */
export async function lookAt(engine: Engine, ask: Ask, object: ObjectRef): Promise<Seen> {
  const current = await ask('reading the certificate', (call) => engine.certificates.current(object, call));
  if (hasAny(current.tags) || !isUntouched(current)) return { current, tags: current.tags, lost: false };
  const versions = await ask('listing the versions', (call) => engine.certificates.versions(object, call));
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
    const gone = error instanceof RotationError && error.code === 'TARGET_NOT_FOUND';
    const open = session.run !== undefined && !isOver(session.run);
    if (!gone || open) throw error;
    return refuse(engine, session, message, error.code, error.message, error.remedy);
  }
}

/** For the ledger: what the run is about. */
export function certificateUrl({ vault, name }: Pick<ObjectRef, 'vault' | 'name'>): string {
  return `${vault}/certificates/${name}`;
}

/** `--vault-name <vault> --name <name>`, as the az commands want it. */
export function azArguments({ vault, name }: Pick<ObjectRef, 'vault' | 'name'>): string {
  return `--vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`;
}

export function notManaged(object: ObjectRef): string {
  return `${describeObject(object)} carries no tag Rotator`;
}

function isUntouched({
  createdOn,
  updatedOn,
}: Pick<VersionInfo | CertificateVersion, 'createdOn' | 'updatedOn'>): boolean {
  return updatedOn.getTime() <= createdOn.getTime();
}

function hasAny(tags: Tags): boolean {
  return Object.keys(tags).length > 0;
}
