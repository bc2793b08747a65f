import type { Engine } from '../engine.ts';
import { configInvalid, RotationError, type Problem } from '../errors.ts';
import type { ObjectRef } from '../ports.ts';
import type { Session } from '../session.ts';
import { flawsOf } from './flaws.ts';
import { azArguments, certificateUrl, type SeenCertificate } from './look.ts';
import type { Ask } from '../vault-made/look.ts';

/**
 * test: the newest version is as good as the one before, and can be served where it is to be served. Read-only, under the lease.
 * It is current already, whatever is found: each consumer takes only what it can serve, and one that follows by itself has been told
 * by the vault.
 * @throws CONFIG_INVALID with every flaw, unless the run is forced
 */
export async function verify(engine: Engine, session: Session, seen: SeenCertificate): Promise<void> {
  const at = session.now();
  const { version } = seen.current;
  const flaws = await session.step('test', 'comparing with the version before', async () =>
    flawsOfVersion(engine, session, seen),
  );
  if (flaws.length === 0) return;
  if (session.active.forced) {
    const detail = `taken as it is: ${flaws.map(({ path, message }) => `${path} ${message}`).join('; ')}`;
    session.note({ step: 'test', at: at.toISOString(), ms: 0, outcome: 'skipped', detail });
    return;
  }
  throw configInvalid(
    `version ${version} of ${certificateUrl(session.object)} is made, and is not as good as the one before`,
    flaws,
    `Mend the certificate's policy (az keyvault certificate show ${azArguments(session.object)} --query policy) and POST /api/rotations {"kind":"certificate",…} to have another version made; or the same with "force":true to take this one as it is.`,
  );
}

async function flawsOfVersion(
  engine: Engine,
  session: Session,
  { current }: SeenCertificate,
): Promise<readonly Problem[]> {
  const { object, active: run } = session;
  const ask: Ask = (what, work) => session.call(what, work);
  const { keyType } = await ask('reading the policy', (call) => engine.certificates.policy(object, call));
  const fresh = await ask('reading the new version', (call) =>
    engine.certificates.chain(object, current.version, call),
  );
  const old = await chainOfOld(engine, ask, object, run.issuance?.comparedTo ?? run.from?.version);
  const flaws = flawsOf({ fresh, old, keyType, compromised: run.compromised, now: session.now() });
  if (current.certificate.exportable) return flaws;
  const adoption = await ask('reading who uses it', (call) => engine.adoptions.read(object, call));
  const { consumers = [] } = adoption?.record ?? {};
  const [first] = consumers;
  if (first === undefined) return flaws;
  const message = `its private key cannot be had, and ${consumers.length === 1 ? first.id : `${consumers.length} consumers`} would have to serve it`;
  return [...flaws, { path: 'policy.key_props.exportable', message }];
}

/** An old version that is gone or disabled is nothing to compare with. */
export async function chainOfOld(
  engine: Engine,
  ask: Ask,
  object: ObjectRef,
  version: string | undefined,
): Promise<readonly Uint8Array[] | undefined> {
  if (version === undefined) return undefined;
  try {
    return await ask('reading the version before', (call) => engine.certificates.chain(object, version, call));
  } catch (error) {
    const gone =
      error instanceof RotationError && (error.code === 'TARGET_NOT_FOUND' || error.code === 'HUMAN_REQUIRED');
    if (!gone) throw error;
    return undefined;
  }
}
