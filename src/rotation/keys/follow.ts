import { adoptionPollMs, ADOPTION_PATIENCE_MS } from '../backoff.ts';
import { describeObject, type Engine, type Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { ManagedKey, VersionInfo } from '../ports.ts';
import type { Session } from '../session.ts';
import { lookAgainLater } from '../look-again.ts';
import { bring, type Standing } from './users.ts';

/** A change that a service has accepted takes seconds to minutes. */
const SOON_MS = 60_000;

/**
 * confirm: every user of the key is on the current version, or on its way. One that fails does not keep the others from being
 * moved on; then the run waits or is blocked for it, and says which. Under the lease. May be repeated.
 * @throws the failures of the users, in one error, after all of them were seen to
 */
export async function follow(
  engine: Engine,
  session: Session,
  managed: ManagedKey,
  current: VersionInfo,
): Promise<Outcome> {
  session.change({ step: 'confirm', state: 'running' });
  const standings: Standing[] = [];
  const failures: RotationError[] = [];
  for (const id of managed.users) {
    try {
      standings.push(await bringOne(engine, session, current, id));
    } catch (error) {
      // Out of time, or no longer ours: that is no failure of this user.
      if (!(error instanceof RotationError) || error.code === 'LEASE_LOST' || session.scope.isOver) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw together(session, failures, managed.users.length, current.version);
  const waiting = standings.filter((one) => one.is === 'waiting');
  if (waiting.length > 0) return lookAgain(engine, session, current, waiting);
  return done(session, standings, current);
}

async function bringOne(engine: Engine, session: Session, current: VersionInfo, id: string): Promise<Standing> {
  const at = session.now();
  const standing = await bring(
    {
      ask: (what, work) => session.call(what, work),
      users: engine.keyUsers,
      key: session.object,
      version: current.version,
      // Ten resources may take longer than one lease; and who has lost it must not change one more.
      beforeMove: () => session.saveHeld(),
    },
    id,
  );
  if (standing.is === 'there' && standing.moved === true) {
    const ms = session.now().getTime() - at.getTime();
    session.note({ step: 'confirm', at: at.toISOString(), ms, outcome: 'ok', detail: standing.detail });
  }
  return standing;
}

async function done(session: Session, standings: readonly Standing[], current: VersionInfo): Promise<Outcome> {
  const at = session.now().toISOString();
  const untold = standings.filter((one) => one.is === 'untold').map((one) => one.detail);
  const there = standings.length - untold.length;
  const detail = `${there} of ${standings.length} users are seen on version ${current.version}${untold.length === 0 ? '' : `; ${untold.join('; ')}`}`;
  session.note({ step: 'confirm', at, ms: 0, outcome: 'ok', detail });
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ step: 'done', state: 'done', finishedAt: at, attempts: 0 });
  await session.saveReleased();
  return { outcome: 'rotated', rotationId: session.active.rotationId, detail };
}

async function lookAgain(
  engine: Engine,
  session: Session,
  current: VersionInfo,
  waiting: readonly Extract<Standing, { is: 'waiting' }>[],
): Promise<Outcome> {
  const now = session.now();
  const waited = now.getTime() - current.createdOn.getTime();
  const detail = waiting.map((one) => one.detail).join('; ');
  if (waited > ADOPTION_PATIENCE_MS) {
    throw new RotationError({
      code: 'NOT_ADOPTED',
      recovery: 'human',
      message: `a week after version ${current.version} of ${describeObject(session.object)} was made: ${detail}`,
      remedy:
        'See why the service does not take it: its identity needs get, wrap and unwrap on the key, and its network must reach the vault. Then POST /api/rotations for the key.',
    });
  }
  const delay = waiting.some((one) => one.soon) ? SOON_MS : adoptionPollMs(waited);
  session.note({ step: 'confirm', at: now.toISOString(), ms: 0, outcome: 'waiting', detail });
  return lookAgainLater(engine, session, detail, delay);
}

/** One error of several: of a kind that a person has to see to, where one is. */
function together(session: Session, failures: readonly RotationError[], users: number, version: string): RotationError {
  const worst = failures.find(({ recovery }) => recovery !== 'retry') ?? failures[0];
  if (worst === undefined) throw new TypeError('no user has failed');
  const remedies = [...new Set(failures.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy])))];
  const waits = failures.flatMap(({ retryAfterMs }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  const said = failures.map(({ message }) => message).join('; ');
  return new RotationError({
    code: worst.code,
    recovery: worst.recovery,
    effect: failures.some(({ effect }) => effect !== 'none') ? 'unknown' : 'none',
    message: `${failures.length} of ${users} users of ${describeObject(session.object)} could not be seen on version ${version}: ${said}`,
    cause: worst,
    ...(remedies.length === 0 ? {} : { remedy: remedies.join('\n') }),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.max(...waits) }),
  });
}
