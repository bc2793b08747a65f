import { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { newRotationId } from './ids.ts';
import { isOver, isPublished } from './machine.ts';
import { rotationIdOf } from './plan.ts';
import type { CurrentVersion, JournalEntry, Managed, ObjectRef, RunFilter } from './ports.ts';
import type { Run } from './record.ts';

/** What a person can ask of the service. Each is bounded in time; all errors are `RotationError`s. */
export const REQUEST_MS = 100_000;

export interface StartRequest {
  readonly object: ObjectRef;
  readonly reason: 'manual' | 'compromised';
  readonly force: boolean;
  readonly requestedBy: string;
}

/**
 * Asks for a rotation and returns its id at once; the work is done from the queue. A blocked or waiting run that has
 * published nothing yet is asked to go on, and keeps its id.
 * @throws CONFLICT when a run of this object is under way; TARGET_NOT_FOUND, ACCESS_DENIED, … of the vault;
 *   REQUEST_INVALID when the secret is not managed. Nothing was enqueued then.
 */
export async function start(
  engine: Engine,
  request: StartRequest,
): Promise<{ readonly rotationId: string; readonly resumed: boolean }> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object, reason, force, requestedBy } = request;
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
  const open = entry?.record.run !== undefined && !isOver(entry.record.run) ? entry.record.run : undefined;
  if (open !== undefined && reason === 'manual') {
    if (open.state !== 'blocked' && !(open.state === 'waiting' && !isPublished(open))) throw underWay(open);
    await scope.run('enqueueing', (call) =>
      engine.queue.rotate({ object, trigger: 'manual', rotationId: open.rotationId, force, requestedBy }, 0, call),
    );
    return { rotationId: open.rotationId, resumed: true };
  }
  await managedOf(engine, scope, object);
  const at = engine.clock.now();
  const run: Run = {
    rotationId: newRotationId(object, at),
    reason: reason === 'compromised' ? 'Compromised' : 'Manual',
    requestedBy,
    forced: force,
    compromised: reason === 'compromised',
    state: 'queued',
    step: 'claim',
    startedAt: at.toISOString(),
    updatedAt: at.toISOString(),
    attempts: 0,
    steps: [],
  };
  await scope.run('writing the ledger', (call) => engine.journal.announceRun(object, run, call));
  try {
    await scope.run('enqueueing', (call) =>
      engine.queue.rotate({ object, trigger: reason, rotationId: run.rotationId, force, requestedBy }, 0, call),
    );
  } catch (error) {
    await notAccepted(engine, object, run, error);
    throw error;
  }
  return { rotationId: run.rotationId, resumed: false };
}

/** The caller was told that it failed. Should the message be in the queue all the same, the worker finds that it is over. */
async function notAccepted(engine: Engine, object: ObjectRef, run: Run, error: unknown): Promise<void> {
  const at = engine.clock.now().toISOString();
  const detail = error instanceof RotationError ? error.message : 'the request could not be put into the queue';
  const refused: Run = {
    ...run,
    state: 'refused',
    updatedAt: at,
    finishedAt: at,
    steps: [{ step: 'claim', at, ms: 0, outcome: 'failed', detail: `not accepted: ${detail}` }],
  };
  const scope = new CallScope(engine.clock, REQUEST_MS);
  try {
    await scope.run('writing the ledger', (call) => engine.journal.announceRun(object, refused, call));
  } catch (second) {
    if (!(second instanceof RotationError)) throw second;
    engine.log('warn', 'the ledger still calls a request queued that was not accepted', { rotationId: run.rotationId });
  }
}

function underWay(run: Run): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `rotation ${run.rotationId} of this secret is ${run.state} at step ${run.step}${run.retireAt === undefined ? '' : `; its overlap ends at ${run.retireAt}`}`,
    remedy: `Look at it with GET /api/rotations/${run.rotationId}. Only reason "compromised" does not wait for it.`,
  });
}

export async function managedOf(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
): Promise<{ managed: Managed; current: CurrentVersion }> {
  const current = await scope.run('reading the current version', (call) => engine.vault.current(object, call));
  const managed = engine.configuration.managed(current.tags);
  if (managed === undefined) {
    throw new RotationError({
      code: 'REQUEST_INVALID',
      recovery: 'reconfigure',
      message: `${describeObject(object)} is not managed: it carries no tag ProviderAddress or Rotator`,
      remedy: 'Tag it first; the tags are in the README.',
    });
  }
  return { managed, current };
}

/** Runs of the ledger, newest first. */
export async function list(
  engine: Engine,
  filter: RunFilter,
): Promise<readonly { readonly object: ObjectRef; readonly run: Run }[]> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  return scope.run('reading the ledger', (call) => engine.journal.runs(filter, call));
}

/** One run, with what to do about it. @throws TARGET_NOT_FOUND */
export async function read(
  engine: Engine,
  rotationId: string,
): Promise<{ readonly object: ObjectRef; readonly run: Run }> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const found = await scope.run('reading the ledger', (call) => engine.journal.run(rotationId, call));
  if (found === undefined) throw noSuchRun(rotationId);
  return found;
}

function noSuchRun(rotationId: string): RotationError {
  return new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'human',
    message: `there is no rotation ${rotationId}`,
    remedy: 'List them: GET /api/rotations?name=<secret>',
  });
}

/**
 * Cancels a run that has published nothing yet: the idle slot may have a new password by then, which nobody knows and
 * nobody uses. One that is blocked because its old credential is current again is cancelled, too, and the credential kept. @throws CONFLICT when it is running, has published a version, or is over
 */
export async function cancel(engine: Engine, rotationId: string, by: string): Promise<Run> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const found = await read(engine, rotationId);
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(found.object, call));
  const at = engine.clock.now();
  const cancelled = ({ blocked: _blocked, lastError: _lastError, wakeAt: _wakeAt, ...run }: Run): Run => ({
    ...run,
    state: 'cancelled',
    updatedAt: at.toISOString(),
    finishedAt: at.toISOString(),
    steps: [
      ...run.steps,
      { step: run.step, at: at.toISOString(), ms: 0, outcome: 'skipped', detail: `cancelled by ${by}` },
    ],
  });
  if (entry?.record.run?.rotationId !== rotationId) {
    if (found.run.state !== 'queued') throw notCancellable(found.run, 'it is over');
    const run = cancelled(found.run);
    await scope.run('writing the ledger', (call) => engine.journal.announceRun(found.object, run, call));
    return (await hasBegun(engine, scope, found.object, rotationId, entry)) ? cancel(engine, rotationId, by) : run;
  }
  const { record, etag } = entry;
  const current = entry.record.run;
  if (isOver(current)) throw notCancellable(current, 'it is over');
  if (isPublished(current) && !keepsOld(current)) {
    throw notCancellable(
      current,
      'its new version is current already; the old credential is retired when nobody uses it any more',
    );
  }
  if (record.lease !== undefined && Date.parse(record.lease.until) > at.getTime()) {
    throw notCancellable(current, `a runner is working on it until ${record.lease.until} at the latest`);
  }
  if (!isPublished(current) && (await isWritten(engine, scope, found.object, current))) {
    throw notCancellable(current, 'its new version is written; the next delivery or sweep takes it over');
  }
  const run = cancelled(current);
  await scope.run('writing the journal', (call) => engine.journal.write({ ...record, run }, etag, call));
  return run;
}

/**
 * A worker may have read `queued` just before it was cancelled. With a new ETag of the row it cannot begin any more; when the
 * message comes again it finds that the run is over. While another worker holds the lease, ours could not have begun.
 */
async function hasBegun(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  rotationId: string,
  entry: JournalEntry | undefined,
): Promise<boolean> {
  const lease = entry?.record.lease;
  if (lease !== undefined && Date.parse(lease.until) > engine.clock.now().getTime()) return false;
  const same = entry?.record ?? { schema: 1, object };
  try {
    await scope.run('writing the journal', (call) => engine.journal.write(same, entry?.etag, call));
    return false;
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'LEASE_LOST') throw error;
    const now = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
    return now?.record.run?.rotationId === rotationId;
  }
}

/** Blocked before its retirement, because the old credential may be wanted: cancelling keeps it. */
function keepsOld(run: Run): boolean {
  return run.state === 'blocked' && run.blocked?.code === 'HUMAN_REQUIRED';
}

/** A runner may have died between the vault's write and the journal's. */
async function isWritten(engine: Engine, scope: CallScope, object: ObjectRef, run: Run): Promise<boolean> {
  if (run.from === undefined) return false;
  try {
    const current = await scope.run('reading the current version', (call) => engine.vault.current(object, call));
    return rotationIdOf(current.tags) === run.rotationId;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return false;
    throw error;
  }
}

function notCancellable(run: Run, why: string): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `rotation ${run.rotationId} cannot be cancelled: ${why}`,
    remedy: `GET /api/rotations/${run.rotationId} says where it is.`,
  });
}

/** Makes what the pair lacks: the second account, its grants. @throws what the rotator throws; REQUEST_INVALID where it cannot */
export async function bootstrap(
  engine: Engine,
  object: ObjectRef,
  how: { readonly dryRun: boolean },
): Promise<readonly string[]> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { managed } = await managedOf(engine, scope, object);
  const { rotator, target } = managed;
  if (rotator.bootstrap === undefined) {
    throw new RotationError({
      code: 'REQUEST_INVALID',
      recovery: 'human',
      message: `there is nothing to bootstrap for ${rotator.kind}: its slots are there from the start`,
    });
  }
  const make = rotator.bootstrap.bind(rotator);
  return scope.run('bootstrapping', (call) => make(target, how, call));
}
