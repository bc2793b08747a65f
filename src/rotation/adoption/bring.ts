import { RotationError } from '../errors.ts';
import type { Call, Consumer, VersionRef } from '../ports.ts';
import { afterBusyParent, afterFailure, afterLook, afterPush, isPushed } from './machine.ts';
import { isSettled, type Standing, type Trouble } from './record.ts';

export interface Bringing {
  readonly adapter: Consumer;
  readonly version: VersionRef;
  readonly ask: <T>(what: string, work: (call: Call) => Promise<T>) => Promise<T>;
  /** Takes the parent for a push. False: somebody else has it. @throws LEASE_LOST when the object itself is not ours any more */
  readonly takeParent: () => Promise<boolean>;
  readonly now: () => Date;
  readonly random: () => number;
  /** Makes of an error what a person may read. */
  readonly tell: (error: RotationError) => Trouble;
  /** No time is left for this delivery. */
  readonly isOver: () => boolean;
}

/**
 * One consumer, one step further: asked first, pushed only where it uses another version and was not told before, and asked again.
 * What fails becomes its state, so that the others go on. May be repeated at any point (machine.ts).
 * @throws LEASE_LOST, and TIMED_OUT when the time of this delivery is over: then nothing is said about the consumer
 */
export async function bring(bringing: Bringing, standing: Standing): Promise<Standing> {
  try {
    return await further(bringing, standing);
  } catch (error) {
    if (!(error instanceof RotationError) || error.code === 'LEASE_LOST' || bringing.isOver()) throw error;
    return afterFailure(standing, error, bringing.now(), bringing.random, bringing.tell(error));
  }
}

async function further(bringing: Bringing, standing: Standing): Promise<Standing> {
  const { adapter, version, ask, now } = bringing;
  if (standing.operation === undefined) {
    const seen = await ask(`asking ${standing.id}`, (call) => adapter.confirm(standing, version, call));
    if (seen.is === 'adopted' || isPushed(standing) || isSettled(standing))
      return afterLook(standing, seen, version, now());
  }
  // Also to go on with an operation: what comes after it may write.
  if (!(await bringing.takeParent())) return afterBusyParent(standing, now());
  const refreshed = await ask(`telling ${standing.id}`, (call) =>
    adapter.refresh(standing, version, standing.operation, call),
  );
  const told = afterPush(standing, refreshed, adapter.lagMs, now());
  if (refreshed.is === 'running' || refreshed.is === 'reported' || refreshed.is === 'delivered') return told;
  const seen = await ask(`asking ${standing.id} again`, (call) => adapter.confirm(told, version, call));
  return afterLook(told, seen, version, now());
}
