import { describeObject, type Engine, type Outcome } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { ObjectRef, PropagateMessage, VersionRef } from '../ports.ts';
import { LEASE_MS } from '../calls.ts';
import { logged } from '../log-events.ts';
import { begun } from './begin.ts';
import { bring } from './bring.ts';
import { afterFailure, isDue } from './machine.ts';
import { newestOf } from './newest.ts';
import { isSettled, isWhole, lookAgainAt, type Adoption, type Standing, type Trouble } from './record.ts';
import { DAILY_MS, said, scheduled } from './schedule.ts';
import { AdoptionSession } from './session.ts';

const HELD_MS = 30_000;
/** Looks that go on for longer than this are kept on the way: the next delivery goes on behind them. */
const KEPT_AFTER_MS = 60_000;

/**
 * Makes the consumers of an object use its newest version, and proves it: finds them by the references that they hold, sees to each,
 * and comes back for those that take their time. One that fails keeps no other from going on. May be repeated at any point.
 * @returns undefined where nobody is looked for
 * @throws RotationError when the row, the queue or the vault cannot be reached: the message is delivered again
 */
export async function adopt(engine: Engine, message: PropagateMessage): Promise<Outcome | undefined> {
  if (!engine.discovery.enabled || message.object.kind === 'key') return undefined;
  const owner = engine.uniqueId();
  const first = await AdoptionSession.open({ adoptions: engine.adoptions, clock: engine.clock, owner }, message.object);
  const version = await newest(engine, first);
  if ('outcome' in version) return putOff(first, version);
  const session = version.object.kind === message.object.kind ? first : await reopened(engine, owner, version.object);
  if (session.isHeld) return putBack(engine, session, message);
  try {
    return await underLease(engine, session, version, message);
  } catch (error) {
    // Somebody was quicker with the same event, or has taken over since: he does what is to be done, and we look again later.
    if (error instanceof RotationError && error.code === 'LEASE_LOST') return putBack(engine, session, message);
    throw error;
  }
}

async function underLease(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  message: PropagateMessage,
): Promise<Outcome> {
  const known = await begun(engine, session, version, message);
  if (known === undefined) {
    await tidied(session);
    return {
      outcome: 'dropped',
      reason: 'AlreadyAdopted',
      detail: `${describeObject(version.object)}: ${said(session.record)}`,
    };
  }
  const record = await seenTo(engine, session, version, known);
  return ended(engine, session, record, message);
}

/** Who died before he gave the row back has left his lease in it, and a time that is over: the sweep would come back for ever. */
async function tidied(session: AdoptionSession): Promise<void> {
  const { record } = session;
  if (record === undefined) return;
  const isLeft = record.lease !== undefined || Date.parse(record.wakeAt ?? '') <= session.now().getTime();
  if (isLeft) await session.saveReleased(scheduled(record, session.now()));
}

/** What is deleted, or disabled by now, has no version that anybody could be told to use. */
async function newest(engine: Engine, session: AdoptionSession): Promise<VersionRef | Outcome> {
  try {
    return await newestOf(engine, (what, work) => session.call(what, work), session.object);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const { code, message, remedy } = error;
    if (code !== 'TARGET_NOT_FOUND' && code !== 'HUMAN_REQUIRED') throw error;
    engine.log('warn', 'consumers were not told', { code, problem: message, remedy });
    return { outcome: 'dropped', reason: code, detail: message };
  }
}

/** Its consumers are looked at again tomorrow: it may be enabled, or recovered, by then. */
async function putOff(session: AdoptionSession, why: Outcome): Promise<Outcome> {
  const { record } = session;
  if (record?.wakeAt === undefined || session.isHeld) return why;
  const wakeAt = new Date(session.now().getTime() + DAILY_MS).toISOString();
  try {
    await session.saveReleased({ ...record, wakeAt });
  } catch (error) {
    // Somebody sees to it just now.
    if (!(error instanceof RotationError) || error.code !== 'LEASE_LOST') throw error;
  }
  return why;
}

function reopened(engine: Engine, owner: string, object: ObjectRef): Promise<AdoptionSession> {
  return AdoptionSession.open({ adoptions: engine.adoptions, clock: engine.clock, owner }, object);
}

async function putBack(engine: Engine, session: AdoptionSession, message: PropagateMessage): Promise<Outcome> {
  await session.call('putting the message back', (call) => engine.queue.propagate(message, HELD_MS, call));
  const detail = `somebody sees to the consumers of ${describeObject(session.object)} just now`;
  return { outcome: 'deferred', reason: 'InProgress', detail };
}

async function seenTo(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  start: Adoption,
): Promise<Adoption> {
  let record = start;
  let keptAt = session.now().getTime();
  // Whoever dies with a resource in hand keeps others from it until his lease lapses, and no longer.
  const taken = new Set<string>();
  for (const standing of start.consumers) {
    if (session.scope.isOver || !isDue(standing, session.now())) continue;
    const next = await oneFurther(engine, session, version, standing, () => record, taken);
    record = { ...record, consumers: record.consumers.map((one) => (one.id === next.id ? next : one)) };
    // What was pushed is on record before the next one is touched: an operation is found again by its address only.
    const isPush = next.pushedAt !== standing.pushedAt || next.operation !== standing.operation;
    if (!isPush && session.now().getTime() - keptAt < KEPT_AFTER_MS) continue;
    await session.saveHeld(record);
    keptAt = session.now().getTime();
  }
  for (const parent of taken) {
    await session.call('giving back the resource', (call) =>
      engine.adoptions.releaseParent(parent, session.owner, call),
    );
  }
  return record;
}

async function oneFurther(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  standing: Standing,
  record: () => Adoption,
  taken: Set<string>,
): Promise<Standing> {
  const adapter = engine.consumers.find(({ kind }) => kind === standing.kind);
  const now = (): Date => session.now();
  if (adapter === undefined) {
    const error = unknownKind(standing);
    return afterFailure(standing, error, now(), engine.random, told(error));
  }
  const { parent } = standing;
  return bring(
    {
      adapter,
      version,
      ask: (what, work) => session.call(what, work),
      async takeParent() {
        // Whoever has lost the object's row must not push, and the parent is ours no longer than that.
        await session.saveHeld(record());
        const until = new Date(now().getTime() + LEASE_MS);
        // Also when the answer is lost: giving back what is not ours is nothing.
        taken.add(parent);
        return session.call('taking the resource', (call) =>
          engine.adoptions.takeParent(parent, session.owner, until, call),
        );
      },
      now,
      random: engine.random,
      tell: told,
      isOver: () => session.scope.isOver,
    },
    standing,
  );
}

/** Journals how far it has come, and comes back where somebody takes his time. */
async function ended(
  engine: Engine,
  session: AdoptionSession,
  record: Adoption,
  message: PropagateMessage,
): Promise<Outcome> {
  const next = scheduled(record, session.now());
  await session.saveReleased(next);
  if (record.consumers.every(isSettled) && lookAgainAt(record) === undefined) {
    logSettled(engine, record);
    return { outcome: 'adopted', reason: isWhole(record) ? 'AllAdopted' : 'NotAllAdopted', detail: said(record) };
  }
  const { object, version, wakeAt } = next;
  const wait = Date.parse(wakeAt ?? record.startedAt) - session.now().getTime();
  await session.call('scheduling the next look', (call) =>
    engine.queue.propagate({ object, version, resumes: true }, Math.max(wait, 0), call),
  );
  return { outcome: 'propagating', reason: message.again === true ? 'PushedAgain' : 'Waiting', detail: said(record) };
}

/** For the log, and who watches it: again with every daily look while somebody is without the version. */
function logSettled(engine: Engine, record: Adoption): void {
  const { object, version, consumers } = record;
  const count = (wanted: Standing['state']): number => consumers.filter(({ state }) => state === wanted).length;
  const level = isWhole(record) ? 'info' : 'warn';
  const entry = logged('consumers.settled', {
    ...{ object: describeObject(object), version, verified: count('verified') },
    ...{ stale: count('stale'), failed: count('failed'), pinned: count('pinned'), unreachable: count('unreachable') },
  });
  engine.log(level, 'nothing more is done by itself about the consumers', entry);
}

function told({ code, message, remedy }: RotationError): Trouble {
  return { code, message: message.slice(0, 600), ...(remedy === undefined ? {} : { remedy: remedy.slice(0, 600) }) };
}

function unknownKind({ id, kind }: Standing): RotationError {
  return new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `${id} is recorded as a ${kind}, which this version does not know`,
    remedy: 'Push again, so that its consumers are found anew: POST /api/propagations.',
  });
}
