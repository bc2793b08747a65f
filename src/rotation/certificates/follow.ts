import { orAccept } from '../adoption/accept.ts';
import { heldUpBy, holdouts } from '../adoption/gate.ts';
import { ADOPTION_PATIENCE_MS } from '../backoff.ts';
import type { Engine, Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Session } from '../session.ts';
import { certificateUrl, type SeenCertificate } from './look.ts';
import { growingDelay, lookAgainLater } from '../look-again.ts';
import { verify } from './verify.ts';

const FIRST_LOOK_MS = 60_000;

/** test: verifies the newest version, gives it the tags that it lacks, and takes it as the one of this run. */
export async function publish(engine: Engine, session: Session, seen: SeenCertificate): Promise<Outcome> {
  const { version, enabled, expiresOn } = seen.current;
  session.clear('blocked', 'wakeAt');
  session.change({ state: 'running', step: 'test', system: certificateUrl(session.object), noRevoke: true });
  await session.saveHeld();
  if (!enabled) throw disabled(session, version);
  await verify(engine, session, seen);
  if (seen.lost) {
    await session.step('finish', 'putting the tags on the new version', (call) =>
      engine.certificates.amend(session.object, version, seen.tags, call),
    );
  }
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({
    step: 'refresh',
    attempts: 0,
    to: { slot: '', version, ...(expiresOn === undefined ? {} : { expiresOn: expiresOn.toISOString() }) },
  });
  await session.saveHeld();
  return refresh(engine, session, seen);
}

/**
 * refresh: tells the topic, and has the consumers seen to; the vault's own event does so, too, if it comes. Repeated after a crash:
 * subscribers know the announcement by its id, and consumers are told of a version once.
 */
export async function refresh(engine: Engine, session: Session, seen: SeenCertificate): Promise<Outcome> {
  const run = session.active;
  const { object } = session;
  const version = run.to?.version ?? seen.current.version;
  await session.step('refresh', 'announcing the new version', (call) =>
    engine.announcer.announce(
      {
        id: `${run.rotationId}.${version}`,
        type: 'Keyturn.CertificateVersionCreated',
        object,
        version,
        rotationId: run.rotationId,
        data: { reason: run.reason },
        at: session.now(),
      },
      call,
    ),
  );
  await session.call('enqueueing the consumers', (call) => engine.queue.propagate({ object, version }, 0, call));
  session.change({ step: 'confirm' });
  await session.saveHeld();
  return follow(engine, session, seen);
}

/** confirm: every consumer is seen to have the newest version. Old versions stay enabled. May be repeated. */
export async function follow(engine: Engine, session: Session, { current }: SeenCertificate): Promise<Outcome> {
  const now = session.now();
  session.change({ step: 'confirm', state: 'running' });
  await session.saveHeld();
  const left = await holdouts(engine, session, current.version);
  if (left.length === 0) return done(session, current.version);
  const what = heldUpBy(left, current.version);
  const waited = now.getTime() - current.createdOn.getTime();
  if (waited > ADOPTION_PATIENCE_MS) {
    throw new RotationError({
      code: 'NOT_ADOPTED',
      recovery: 'human',
      message: what,
      remedy: `GET /api/consumers tells what each consumer and each gap needs; the run is looked at every day. ${orAccept(session.object)}`,
    });
  }
  session.note({ step: 'confirm', at: now.toISOString(), ms: 0, outcome: 'waiting', detail: what });
  return lookAgainLater(engine, session, what, growingDelay(FIRST_LOOK_MS, waited));
}

async function done(session: Session, version: string): Promise<Outcome> {
  const { rotationId, compromised, from } = session.active;
  const at = session.now().toISOString();
  const leaked = compromised
    ? `. Have version ${from?.version ?? 'before'} revoked by its issuer: the vault cannot`
    : '';
  const detail = `every consumer that was found uses version ${version}${leaked}`;
  session.note({ step: 'confirm', at, ms: 0, outcome: 'ok', detail });
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ step: 'done', state: 'done', finishedAt: at, attempts: 0 });
  await session.saveReleased();
  return { outcome: 'rotated', rotationId, detail };
}

function disabled({ object }: Session, version: string): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `version ${version} of ${certificateUrl(object)} is disabled: whoever asks for the newest one gets none`,
    remedy: `Enable it, or have another one made: az keyvault certificate set-attributes --id ${certificateUrl(object)}/${version} --enabled true`,
  });
}
