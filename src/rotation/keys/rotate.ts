import type { Engine, Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { ManagedKey } from '../ports.ts';
import type { Session } from '../session.ts';
import { follow } from './follow.ts';
import { keyUrl, missingOn } from './look.ts';
import type { Seen } from '../vault-made/look.ts';

/** set: journals the intent, then lets the vault make a new version. Repeated only while the current version is the old one. */
export async function rotateKey(engine: Engine, session: Session, managed: ManagedKey, seen: Seen): Promise<Outcome> {
  const at = session.now().toISOString();
  const { reason, attempts } = session.active;
  session.clear('blocked', 'wakeAt');
  const detail = attempts === 0 ? reason : `${reason}, attempt ${attempts + 1}`;
  session.note({ step: 'claim', at, ms: 0, outcome: 'ok', detail });
  session.change({
    state: 'running',
    step: 'set',
    rotator: managed.rotator,
    system: keyUrl(session.object),
    from: { version: seen.current.version, slot: '' },
    // There is no credential that could be taken out of use, and the version before is needed as long as there is data.
    noRevoke: true,
  });
  await session.saveHeld();
  const made = await session.step('set', 'rotating the key', (call) => engine.keys.rotate(session.object, call));
  const lost = Object.keys(made.tags).length === 0 && Object.keys(seen.tags).length > 0;
  return publish(engine, session, managed, { current: made, tags: seen.tags, lost });
}

/** The current version is not the one of the intent: the vault has rotated for us, or somebody else has, which is as good. */
export async function adopt(engine: Engine, session: Session, managed: ManagedKey, seen: Seen): Promise<Outcome> {
  await session.saveHeld();
  const at = session.now().toISOString();
  session.note({ step: 'set', at, ms: 0, outcome: 'ok', detail: `found version ${seen.current.version}` });
  return publish(engine, session, managed, seen);
}

/** finish: what the new version lacks is put on it, and then it is journalled as ours. */
async function publish(engine: Engine, session: Session, managed: ManagedKey, seen: Seen): Promise<Outcome> {
  const { version, expiresOn } = seen.current;
  const change = missingOn(seen, managed);
  if (change !== undefined) {
    await session.step('finish', 'putting expiry and tags on the new version', (call) =>
      engine.keys.amend(session.object, version, change, call),
    );
  }
  const expires = change?.expiresOn ?? expiresOn;
  const now = expires === undefined ? seen.current : { ...seen.current, expiresOn: expires };
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({
    step: 'refresh',
    attempts: 0,
    to: { slot: '', version, ...(expires === undefined ? {} : { expiresOn: expires.toISOString() }) },
  });
  await session.saveHeld();
  return refresh(engine, session, managed, { ...seen, current: now, lost: false });
}

/** refresh: tells the topic, then sees to the users. Repeated after a crash: subscribers know the announcement by its id. */
export async function refresh(engine: Engine, session: Session, managed: ManagedKey, seen: Seen): Promise<Outcome> {
  const run = session.active;
  const version = run.to?.version ?? '';
  await session.step('refresh', 'announcing the new version', (call) =>
    engine.announcer.announce(
      {
        id: `${run.rotationId}.${version}`,
        type: 'Keyturn.KeyVersionCreated',
        object: session.object,
        version,
        rotationId: run.rotationId,
        data: { reason: run.reason },
        at: session.now(),
      },
      call,
    ),
  );
  session.change({ step: 'confirm' });
  await takeNewVersion(engine, session, seen);
  return follow(engine, session, managed, seen.current);
}

/**
 * The run is about the current version from now on, whoever made it, and holds the lease.
 * @throws HUMAN_REQUIRED when the current version is disabled: nobody is moved on to what cannot decrypt
 */
export async function takeNewVersion(engine: Engine, session: Session, seen: Seen): Promise<void> {
  const { version, enabled, expiresOn } = seen.current;
  if (!enabled) throw disabled(session, version);
  session.clear('blocked', 'wakeAt');
  session.change({
    state: 'running',
    system: keyUrl(session.object),
    noRevoke: true,
    to: { slot: '', version, ...(expiresOn === undefined ? {} : { expiresOn: expiresOn.toISOString() }) },
  });
  await session.saveHeld();
  const change = missingOn(seen, undefined);
  if (change === undefined) return;
  await session.step('confirm', 'putting the tags on the new version', (call) =>
    engine.keys.amend(session.object, version, change, call),
  );
}

function disabled({ object }: Session, version: string): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `version ${version} of ${keyUrl(object)} is disabled, so its users are left on the version they use`,
    remedy: `Enable it (az keyvault key set-attributes --id ${keyUrl(object)}/${version} --enabled true), or let the vault make another one: az keyvault key rotate --id ${keyUrl(object)}`,
  });
}
