import { CallScope, LEASE_MS } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { nextForKey } from './keys/machine.ts';
import { isOver, isPublished, leavesTraces } from './machine.ts';
import { waitsInVault } from './make.ts';
import { makesOneMore, revokeOrphans } from './orphans.ts';
import { isElsewhere, plan, rotationIdOf, tagsMoved } from './plan.ts';
import type { CurrentVersion, JournalEntry, Managed, ObjectRef } from './ports.ts';
import { ended, isHeld, type Run } from './record.ts';
import { managedOf, read, REQUEST_MS } from './runbook.ts';
import { unstage } from './staging.ts';
import { takeBack } from './take-back.ts';

/**
 * Cancels a run that has published nothing yet: the idle slot may have a new password by then, which nobody knows and
 * nobody uses; a credential that was made for it alone is revoked. One that is blocked because its old credential is current
 * again is cancelled, too, and the credential kept. The run of a key or a certificate may be cancelled as long as it is open: its old version stays
 * enabled, and users that were not moved on go on with it; what the vault has begun to make is left to the vault.
 * @throws CONFLICT when it is running, has published a version, has replaced the only password, or is over; what the rotator
 *   throws, and then the run is as before
 */
export async function cancel(engine: Engine, rotationId: string, by: string): Promise<Run> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const found = await read(engine, rotationId);
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(found.object, call));
  const at = engine.clock.now();
  const cancelled = (run: Run): Run => ended(run, 'cancelled', at, `cancelled by ${by}`);
  if (entry?.record.run?.rotationId !== rotationId) {
    if (found.run.state !== 'queued') throw notCancellable(found.run, 'it is over');
    const run = cancelled(found.run);
    await scope.run('writing the ledger', (call) => engine.journal.announceRun(found.object, run, call));
    return (await hasBegun(engine, scope, found.object, rotationId, entry)) ? cancel(engine, rotationId, by) : run;
  }
  const { record, etag } = entry;
  const current = entry.record.run;
  if (isOver(current)) throw notCancellable(current, 'it is over');
  const isSecret = found.object.kind === 'secret';
  if (isPublished(current) && !keepsOld(current) && isSecret) {
    throw notCancellable(
      current,
      'its new version is current already; the old credential is retired when nobody uses it any more',
    );
  }
  if (record.lease !== undefined && isHeld(record.lease, at)) {
    throw notCancellable(current, `a runner is working on it until ${record.lease.until} at the latest`);
  }
  if (!isPublished(current) && (await isWritten(engine, scope, found.object, current))) {
    throw notCancellable(current, 'its new version is written; the next delivery or sweep takes it over');
  }
  const free = isSecret && leavesTraces(current) ? await undo(engine, scope, entry, current) : etag;
  const run = cancelled(current);
  const { lease: _lease, ...rest } = record;
  await scope.run('writing the journal', (call) => engine.journal.write({ ...rest, run }, free, call));
  return run;
}

/**
 * Under the lease, so that no worker makes meanwhile what is looked for. Died in here: the lease lapses, and the run goes on.
 * @returns the row's ETag
 * @throws why the run cannot be cancelled; then the lease is given back
 */
async function undo(engine: Engine, scope: CallScope, { record, etag }: JournalEntry, run: Run): Promise<string> {
  const found = await managedOf(engine, scope, record.object).catch(unlessGone);
  if (found === undefined) return etag;
  const { managed, current } = found;
  const until = new Date(engine.clock.now().getTime() + LEASE_MS).toISOString();
  const held = await scope.run('taking the lease', (call) =>
    engine.journal.write({ ...record, lease: { owner: engine.uniqueId(), until } }, etag, call),
  );
  try {
    if (isElsewhere(run, managed)) throw notCancellable(run, tagsMoved(run, managed));
    if (makesOneMore(managed)) await revokeOrphans(engine, scope, record.object, managed, run);
    else if (managed.rotator.capabilities.overlap === 'none') {
      await refuseReplaced(scope, record.object, managed, current, run);
      await takeBack(engine, scope, record.object, found, run);
    }
    if (waitsInVault(managed)) await unstage(engine, scope, record.object);
    return held;
  } catch (error) {
    // Written as it was, so that the run can go on at once. Where that fails, too, the lease lapses.
    const { lease: _lease, ...free } = record;
    await scope.run('giving the lease back', (call) => engine.journal.write(free, held, call)).catch(() => undefined);
    throw error;
  }
}

/** With the secret have gone the tags that say where to look. */
function unlessGone(error: unknown): undefined {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return undefined;
  throw error;
}

/** With one slot the readers' value may be out of use by now, and only going on gives them the one that works. */
async function refuseReplaced(
  scope: CallScope,
  object: ObjectRef,
  managed: Managed,
  current: CurrentVersion,
  run: Run,
): Promise<void> {
  const { issued } = plan(object, managed, current);
  try {
    await scope.run('testing the current credential', (call) => managed.rotator.test(managed.target, issued, call));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CREDENTIAL_REJECTED') throw error;
    throw notCancellable(run, `${managed.target.current} has its new value already, and readers need the new version`);
  }
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
  if (isHeld(lease, engine.clock.now())) return false;
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

/** Blocked before its retirement, because the old credential may be wanted, or its secret is gone: cancelling keeps it. */
function keepsOld(run: Run): boolean {
  return run.state === 'blocked' && ['HUMAN_REQUIRED', 'TARGET_NOT_FOUND'].includes(run.blocked?.code ?? '');
}

/** A runner may have died between the vault's write and the journal's. */
async function isWritten(engine: Engine, scope: CallScope, object: ObjectRef, run: Run): Promise<boolean> {
  // A version of a certificate that is worse than the one before is left as it is, and its consumers decide.
  if (run.from === undefined || object.kind === 'certificate') return false;
  try {
    if (object.kind === 'key') return await isRotated(engine, scope, object, run);
    const current = await scope.run('reading the current version', (call) => engine.vault.current(object, call));
    return rotationIdOf(current.tags) === run.rotationId;
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return false;
    throw error;
  }
}

async function isRotated(engine: Engine, scope: CallScope, object: ObjectRef, run: Run): Promise<boolean> {
  const current = await scope.run('reading the key', (call) => engine.keys.current(object, call));
  return nextForKey(run, current.version) === 'adopt';
}

function notCancellable(run: Run, why: string): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `rotation ${run.rotationId} cannot be cancelled: ${why}`,
    remedy: `GET /api/rotations/${run.rotationId} says where it is.`,
  });
}
