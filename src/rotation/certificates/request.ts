import { CallScope } from '../calls.ts';
import { describeObject, type Engine } from '../engine.ts';
import { configInvalid, RotationError } from '../errors.ts';
import { isOver, isPublished } from '../machine.ts';
import type { CertificateOperation, ObjectRef } from '../ports.ts';
import type { Run } from '../record.ts';
import { read, REQUEST_MS } from '../runbook.ts';
import { flawsOf, inOrder } from './flaws.ts';
import { lookAt } from './look.ts';
import { isSignedByPerson } from './vault-policy.ts';
import { chainOfOld } from './verify.ts';

/* The step that a person takes where the issuer is Unknown: the request goes out, the signed chain comes back. Neither is secret. */

interface Waiting {
  readonly object: ObjectRef;
  readonly run: Run;
  readonly operation: CertificateOperation & { readonly request: Uint8Array };
}

/** @returns PKCS#10 in DER @throws CONFLICT when the run does not wait for a signature; TARGET_NOT_FOUND */
export async function signingRequest(engine: Engine, rotationId: string): Promise<Uint8Array> {
  const { operation } = await waiting(engine, new CallScope(engine.clock, REQUEST_MS), rotationId);
  return operation.request;
}

/**
 * Takes the answer to the request: it is compared with the version before, then merged, and the run goes on. Sent again after it was
 * taken, it is refused as one that nothing waits for. Died after the merge: the vault's event, or the sweep, goes on with the run.
 * @param chain in DER, in any order; what does not belong to the certificate is left out
 * @param force takes what is worse than the version before as it is
 * @throws CONFIG_INVALID with every flaw, or when the vault does not take it (another key); CONFLICT. Nothing was merged then; after
 *   an effect of `unknown`, ask for the run
 */
export async function takeSigned(
  engine: Engine,
  rotationId: string,
  chain: readonly Uint8Array[],
  { force, by }: { readonly force: boolean; readonly by: string },
): Promise<{ readonly version: string }> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object, run } = await waiting(engine, scope, rotationId);
  const ordered = inOrder(chain);
  const { current } = await lookAt(engine, (what, work) => scope.run(what, work), object);
  if (!force) await refuseFlawed(engine, scope, object, run, current.version, ordered);
  const merged = await scope.run('merging the signed certificate', (call) =>
    engine.certificates.merge(object, ordered, call),
  );
  engine.log('info', 'a signed certificate was taken', { object: describeObject(object), rotationId, by });
  try {
    await scope.run('enqueueing', (call) =>
      engine.queue.rotate({ object, trigger: 'manual', rotationId, force, requestedBy: by }, 0, call),
    );
  } catch (error) {
    // The vault's own event about the version goes on with the run as well.
    if (!(error instanceof RotationError)) throw error;
    engine.log('warn', 'the run could not be told of its version', { rotationId, problem: error.message });
  }
  return merged;
}

async function refuseFlawed(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  run: Run,
  current: string,
  chain: readonly Uint8Array[],
): Promise<void> {
  const { keyType } = await scope.run('reading the policy', (call) => engine.certificates.policy(object, call));
  const before = run.issuance?.comparedTo ?? current;
  const old = await chainOfOld(engine, (what, work) => scope.run(what, work), object, before);
  const flaws = flawsOf({ fresh: chain, old, keyType, compromised: run.compromised, now: engine.clock.now() });
  if (flaws.length === 0) return;
  throw configInvalid(
    'the signed certificate is not as good as the version before, and was not taken',
    flaws,
    'Have the request signed anew, or send it with "force":true to take it as it is. A chain is sent whole: the certificate and its issuers.',
  );
}

async function waiting(engine: Engine, scope: CallScope, rotationId: string): Promise<Waiting> {
  const { object, run } = await read(engine, rotationId);
  if (object.kind !== 'certificate' || isOver(run) || isPublished(run)) throw notWaiting(rotationId);
  const operation = await scope.run('reading its operation', (call) => engine.certificates.operation(object, call));
  if (operation?.status !== 'inProgress' || !isSignedByPerson(operation)) throw notWaiting(rotationId);
  const { request } = operation;
  if (request === undefined) throw notWaiting(rotationId);
  return { object, run, operation: { ...operation, request } };
}

function notWaiting(rotationId: string): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `rotation ${rotationId} does not wait for a signed certificate (any more)`,
    remedy: 'GET /api/rotations?state=blocked lists the runs that wait for somebody, and what for.',
  });
}
