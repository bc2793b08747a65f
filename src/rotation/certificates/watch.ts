import { describeObject, type Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Notice, RotateMessage } from '../ports.ts';
import type { Session } from '../session.ts';
import { azArguments, certificateUrl, type SeenCertificate } from './look.ts';
import { whyNotRenewed } from './vault-policy.ts';

/* What people are told about certificates, beside what becomes of runs. */

/** An expired certificate is an outage, whoever was to renew it: people hear of it before anything is tried. */
export async function tellExpired(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  seen: SeenCertificate,
): Promise<void> {
  const { version, expiresOn, enabled } = seen.current;
  const about = message.version === undefined || message.version === version;
  if (expiresOn === undefined || expiresOn > session.now() || !enabled || !about) return;
  if (message.trigger !== 'expired' && message.trigger !== 'sweep') return;
  await tell(engine, session, {
    id: `${describeObject(session.object)}/${version}/expired`,
    kind: 'certificate-expired',
    severity: 'incident',
    object: session.object,
    version,
    message: `${certificateUrl(session.object)} expired at ${expiresOn.toISOString()}: whoever serves version ${version} turns its clients away`,
    remedy: `Who serves it: GET /api/consumers?${where(session)}. A new version: POST /api/rotations {"vault":"${session.object.vault}","name":"${session.object.name}","kind":"certificate"}, where the certificate carries Rotator=vault-certificate.`,
    at: session.now(),
  });
}

/**
 * A certificate that is not renewed here comes near its end: is it renewed at all? Read-only but for the notice, which is told where
 * the vault will not do it. @returns what was found, as a sentence
 */
export async function watchUnmanaged(engine: Engine, session: Session, { current }: SeenCertificate): Promise<string> {
  const { object } = session;
  const policy = await session.call('reading the policy', (call) => engine.certificates.policy(object, call));
  const operation = await session.call('reading its last operation', (call) =>
    engine.certificates.operation(object, call),
  );
  const why = whyNotRenewed(policy, operation, current, session.now());
  if (why === undefined) return 'the vault renews it by itself';
  const end = current.expiresOn?.toISOString() ?? 'its end';
  await tell(engine, session, {
    id: `${describeObject(object)}/${current.version}/not-renewed`,
    kind: 'action-needed',
    severity: 'warning',
    object,
    version: current.version,
    message: `${certificateUrl(object)} ends at ${end}, and nobody renews it: ${why}`,
    remedy: `Have it renewed here: az keyvault certificate set-attributes ${azArguments(object)} --tags Rotator=vault-certificate (give every tag: those left out are removed). Or make its next version by hand.`,
    at: session.now(),
  });
  return `nobody renews it: ${why}`;
}

/** What must not stop for it goes on: the log has it, and a blocked run is told again every day. */
async function tell(engine: Engine, session: Session, notice: Notice): Promise<void> {
  try {
    await session.call('telling people', (call) => engine.notices.tell(notice, call));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code === 'LEASE_LOST' || session.scope.isOver) throw error;
    engine.log('error', 'people could not be told', { notice: notice.message, problem: error.message });
  }
}

function where({ object }: Session): string {
  return String(new URLSearchParams({ vault: object.vault, name: object.name }));
}
