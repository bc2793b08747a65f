import type { Engine, Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { CertificateOperation, ManagedCertificate } from '../ports.ts';
import type { Session } from '../session.ts';
import { azArguments, certificateUrl, type SeenCertificate } from './look.ts';
import { growingDelay, lookAgainLater } from '../look-again.ts';
import { isSignedByPerson } from './vault-policy.ts';

const FIRST_LOOK_MS = 10_000;
/** An issuer that vets by hand takes days; after a week somebody is to look, and does so every day. */
const PATIENCE_MS = 7 * 24 * 3600_000;

/**
 * set: journals the intent, then asks the vault for a version by the certificate's own policy. Where one is being made, by
 * whomever, that one is followed.
 * @param operation the vault's last one
 * @param compared the version that the new one must be as good as, where it is not the current one
 */
export async function askForVersion(
  engine: Engine,
  session: Session,
  managed: ManagedCertificate,
  seen: SeenCertificate,
  operation: CertificateOperation | undefined,
  compared?: string,
): Promise<CertificateOperation> {
  const at = session.now().toISOString();
  const { reason, attempts } = session.active;
  session.clear('blocked', 'wakeAt');
  const detail = attempts === 0 ? reason : `${reason}, attempt ${attempts + 1}`;
  session.note({ step: 'claim', at, ms: 0, outcome: 'ok', detail });
  session.change({
    state: 'running',
    step: 'set',
    rotator: managed.rotator,
    system: certificateUrl(session.object),
    from: { version: seen.current.version, slot: '' },
    // There is no credential that could be taken out of use.
    noRevoke: true,
    issuance: {
      askedAt: at,
      // One that is under way is followed, and no other is begun when it has ended.
      ...(operation === undefined || operation.status === 'inProgress' ? {} : { before: operation.id }),
      ...(compared === undefined ? {} : { comparedTo: compared }),
    },
  });
  await session.saveHeld();
  return session.step('set', 'asking the vault for a new version', (call) =>
    engine.certificates.renew(session.object, seen.tags, call),
  );
}

/**
 * The vault, an issuer or a person is at it: it is looked at again, soon at first, every hour in the end.
 * @throws VALUE_AWAITED where a person has to have the request signed; HUMAN_REQUIRED after a week
 */
export async function awaitVersion(
  engine: Engine,
  session: Session,
  operation: CertificateOperation,
): Promise<Outcome> {
  const run = session.active;
  const { object } = session;
  session.change({ step: 'set' });
  if (operation.status === 'inProgress' && isSignedByPerson(operation)) throw signatureAwaited(session);
  const now = session.now();
  const waited = now.getTime() - Date.parse(run.issuance?.askedAt ?? run.startedAt);
  const detail = `the issuer ${operation.issuer} is at it${operation.detail === undefined ? '' : `: ${operation.detail}`}`;
  if (waited > PATIENCE_MS) {
    throw new RotationError({
      code: 'HUMAN_REQUIRED',
      recovery: 'human',
      message: `a week after a new version of ${certificateUrl(object)} was asked for, ${detail}`,
      remedy: `See what it waits for: az keyvault certificate pending show ${azArguments(object)}. Once the version is there, the run goes on by itself.`,
    });
  }
  const delay = growingDelay(FIRST_LOOK_MS, waited);
  if (run.steps.at(-1)?.outcome !== 'waiting') {
    session.note({ step: 'set', at: now.toISOString(), ms: 0, outcome: 'waiting', detail });
  }
  return lookAgainLater(engine, session, detail, delay);
}

function signatureAwaited({ active: run, object }: Session): RotationError {
  const at = `/api/rotations/${run.rotationId}`;
  return new RotationError({
    code: 'VALUE_AWAITED',
    recovery: 'human',
    message: `the new version of ${certificateUrl(object)} waits for the answer to its signing request`,
    remedy: `GET ${at}/csr, have it signed, and PUT ${at}/certificate {"certificate":"<the PEM of the certificate and its issuers>"}.`,
  });
}

/**
 * The attempt is over, without a version. One that the issuer refused is made once more when the run is next looked at, which is once a
 * day; one that somebody cancelled only when a person asks.
 * @throws HUMAN_REQUIRED, always
 */
export function attemptFailed(session: Session, operation: CertificateOperation): RotationError {
  const { object, active: run } = session;
  const { status, issuer, detail } = operation;
  const again = `POST /api/rotations {"vault":"${object.vault}","name":"${object.name}","kind":"certificate"}`;
  session.change({ step: 'set' });
  if (status === 'cancelled') {
    return new RotationError({
      code: 'HUMAN_REQUIRED',
      recovery: 'human',
      message: `somebody has cancelled the new version of ${certificateUrl(object)} in the vault`,
      remedy: `If it is wanted after all: ${again}. Otherwise cancel the run: DELETE /api/rotations/${run.rotationId}.`,
    });
  }
  const { before: _before, ...issuance } = run.issuance ?? { askedAt: run.startedAt };
  session.change({ issuance: { ...issuance, before: operation.id } });
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the issuer ${issuer} made no new version of ${certificateUrl(object)}: ${detail ?? 'no reason is given'}`,
    remedy: `Mend what it says (az keyvault certificate pending show ${azArguments(object)}); then ${again}. Otherwise it is tried again tomorrow.`,
  });
}
