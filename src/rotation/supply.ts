import { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { isOver, isPublished } from './machine.ts';
import { nextVersion, plan } from './plan.ts';
import type { ObjectRef, SecretValue } from './ports.ts';
import { isHeld, type Run } from './record.ts';
import { managedOf, read, REQUEST_MS } from './runbook.ts';
import { pendingOf, putAway } from './staging.ts';

/**
 * Takes the value that a person has made for a run that waits for one: puts it away in the vault and lets the run go on. It
 * may be given again until it is published; the last one counts.
 * @throws CONFLICT when the run is over, published or in somebody's hands; REQUEST_INVALID when nobody asked a person for a
 *   value, or it is the one before; what the vault throws. Nothing was kept then, unless the effect is `unknown`. What the
 *   queue throws, with the effect `applied`: the value was kept
 */
export async function supply(engine: Engine, rotationId: string, value: SecretValue, by: string): Promise<Run> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object } = await read(engine, rotationId);
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
  const run = entry?.record.run;
  if (run?.rotationId !== rotationId || isOver(run) || isPublished(run)) {
    throw refused('CONFLICT', `rotation ${rotationId} does not wait for a value (any more)`);
  }
  const { lease } = entry?.record ?? {};
  const now = engine.clock.now();
  if (lease !== undefined && isHeld(lease, now)) {
    throw refused('CONFLICT', `a runner is working on rotation ${rotationId} until ${lease.until} at the latest`);
  }
  const { managed, current } = await managedOf(engine, scope, object);
  if (managed.rotator.capabilities.minting !== 'person') {
    throw refused('REQUEST_INVALID', `${managed.rotator.kind} makes the values of ${describeObject(object)} by itself`);
  }
  const planned = plan(object, managed, current);
  if (planned.issued.value.equals(value)) {
    throw refused('REQUEST_INVALID', `this is the value that ${describeObject(object)} holds already`);
  }
  const issued = { credentialId: planned.issued.credentialId, slot: planned.idle, value };
  engine.vault.validate(nextVersion(planned, issued, rotationId, now));
  const expiresOn = new Date(now.getTime() + managed.policy.validityMs);
  await putAway(engine, scope, object, rotationId, value, expiresOn);
  try {
    await scope.run('enqueueing', (call) =>
      engine.queue.rotate({ object, trigger: 'manual', rotationId, requestedBy: by }, 0, call),
    );
  } catch (error) {
    throw error instanceof RotationError ? kept(object, error) : error;
  }
  return run;
}

/** Sent again it is kept again, in the same place, and the last one counts; the sweep looks at a blocked run once a day. */
function kept(object: ObjectRef, error: RotationError): RotationError {
  const { vault, name } = pendingOf(object);
  return new RotationError({
    code: error.code,
    recovery: error.recovery,
    effect: 'applied',
    message: `the value is kept in ${vault}/secrets/${name}, but the run could not be told that it may go on: ${error.message}`,
    remedy: `Send the same request again, as often as need be. Otherwise the value is taken when the sweep next looks at the run, within a day.${error.remedy === undefined ? '' : ` ${error.remedy}`}`,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    cause: error,
  });
}

function refused(code: 'CONFLICT' | 'REQUEST_INVALID', message: string): RotationError {
  return new RotationError({
    code,
    recovery: 'human',
    message,
    remedy: 'GET /api/rotations?state=blocked lists the runs that wait for somebody, and what for.',
  });
}
