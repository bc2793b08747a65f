import { describeObject, type Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Call, ObjectRef, VersionRef } from '../ports.ts';

/** Runs one remote call, bounded in time. */
type Ask = <T>(what: string, work: (call: Call) => Promise<T>) => Promise<T>;

/**
 * The version that consumers are to use now, whichever one an event was about. Asked of the vault as a reader asks it: a listing tells
 * seconds only, and two versions of one second are in no order there. What backs a certificate is the certificate: whether the
 * vault sends events for both is not verified [U], so either does.
 * @throws TARGET_NOT_FOUND absent or deleted; HUMAN_REQUIRED where the newest version is disabled: readers get nothing then
 */
export async function newestOf(engine: Engine, ask: Ask, object: ObjectRef): Promise<VersionRef> {
  if (object.kind === 'certificate') return newestCertificate(engine, ask, object);
  // The value that comes with it goes nowhere.
  const { version, managed, createdOn } = await ask('reading the newest version', (call) =>
    engine.vault.current(object, call),
  );
  return managed ? newestCertificate(engine, ask, { ...object, kind: 'certificate' }) : { object, version, createdOn };
}

async function newestCertificate(engine: Engine, ask: Ask, object: ObjectRef): Promise<VersionRef> {
  const { version, enabled, certificate, createdOn } = await ask('reading the certificate', (call) =>
    engine.certificates.current(object, call),
  );
  if (!enabled) throw disabled(object, version);
  return { object, version, createdOn, certificate };
}

function disabled(object: ObjectRef, version: string): RotationError {
  const { vault, kind, name } = object;
  const host = new URL(vault).hostname.split('.')[0] ?? '';
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the newest version of ${describeObject(object)}, ${version}, is disabled: whoever asks for the newest one gets none`,
    remedy: `Enable it, or make another one: az keyvault ${kind} set-attributes --vault-name ${host} --name ${name} --version ${version} --enabled true`,
  });
}
