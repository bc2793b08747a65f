import { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { newRotationId } from './ids.ts';
import { isOver, isPublished } from './machine.ts';
import type { CurrentVersion, Managed, ObjectRef, RunFilter } from './ports.ts';
import type { Run } from './record.ts';

/** What a person can ask of the service. Each is bounded in time; all errors are `RotationError`s. */
export const REQUEST_MS = 100_000;

export interface StartRequest {
  readonly object: ObjectRef;
  readonly reason: 'manual' | 'compromised';
  readonly force: boolean;
  readonly requestedBy: string;
}

/** @throws REQUEST_INVALID when the object is not managed; what reading it throws */
export type RequireManaged = (engine: Engine, scope: CallScope, object: ObjectRef) => Promise<unknown>;

/**
 * Asks for a rotation and returns its id at once; the work is done from the queue. A blocked or waiting run that has
 * published nothing yet is asked to go on, and keeps its id.
 * @throws CONFLICT when a run of this object is under way; TARGET_NOT_FOUND, ACCESS_DENIED, … of the vault;
 *   REQUEST_INVALID when the secret is not managed. Nothing was enqueued then.
 */
export async function start(
  engine: Engine,
  request: StartRequest,
  requireManaged: RequireManaged = managedOf,
): Promise<{ readonly rotationId: string; readonly resumed: boolean }> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object, reason, force, requestedBy } = request;
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
  const at = engine.clock.now();
  const asked = { force, requestedBy, askedAt: at.toISOString() };
  const open = entry?.record.run !== undefined && !isOver(entry.record.run) ? entry.record.run : undefined;
  if (open !== undefined && reason === 'manual') {
    if (open.state !== 'blocked' && !(open.state === 'waiting' && !isPublished(open))) throw underWay(open);
    await scope.run('enqueueing', (call) =>
      engine.queue.rotate({ object, trigger: 'manual', rotationId: open.rotationId, ...asked }, 0, call),
    );
    return { rotationId: open.rotationId, resumed: true };
  }
  await requireManaged(engine, scope, object);
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
      engine.queue.rotate({ object, trigger: reason, rotationId: run.rotationId, ...asked }, 0, call),
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
  // A key may have the name of a secret: what is asked about the one must not be done to the other.
  if (object.kind !== 'secret') throw noSecret(object);
  const current = await scope.run('reading the current version', (call) => engine.vault.current(object, call));
  const managed = engine.configuration.managed(current.tags, object);
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

function noSecret(object: ObjectRef): RotationError {
  return new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'human',
    message: `${describeObject(object)} is no secret: it has no value that could be handed in, and no second account`,
  });
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
