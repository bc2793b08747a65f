import { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError, type ErrorCode } from './errors.ts';
import { newRotationId } from './ids.ts';
import { waitsInVault } from './make.ts';
import { stillHandedOut } from './overlap.ts';
import { drifted, nextVersion, plan, slotOwned, type Plan } from './plan.ts';
import { decide, type Decision } from './policy.ts';
import type { Call, ObjectRef } from './ports.ts';
import type { JournalRecord } from './record.ts';
import { managedOf, REQUEST_MS, type StartRequest } from './runbook.ts';
import { pendingOf } from './staging.ts';

export interface DryRun {
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly rotator: string;
  readonly system: string;
  readonly from: { readonly version: string; readonly slot: string };
  readonly to: { readonly slot: string };
  /** What would be called, in order. */
  readonly calls: readonly string[];
  /** What stands in the way; empty: it would go through. */
  readonly blockedBy: readonly { readonly code: ErrorCode; readonly message: string; readonly remedy?: string }[];
}

/** What `start` would lead to, found out by reading and by one log-in with the current credential; nothing is changed. */
export async function dryRun(engine: Engine, request: StartRequest): Promise<DryRun> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object } = request;
  const entry = await scope.run('reading the journal', (call) => engine.journal.read(object, call));
  const { managed, current } = await managedOf(engine, scope, object);
  const planned = plan(object, managed, current);
  const decision: Decision = decide({
    now: engine.clock.now(),
    trigger: request.reason,
    force: request.force,
    current,
    policy: managed.policy,
    run: entry?.record.run,
  });
  const { rotator, target } = managed;
  return {
    due: decision.due,
    reason: decision.reason,
    detail: decision.detail,
    rotator: rotator.kind,
    system: target.id,
    from: { version: current.version, slot: target.current },
    to: { slot: planned.idle },
    calls: callsOf(planned, request),
    blockedBy: [
      ...(decision.due ? [] : [{ code: 'CONFLICT' as const, message: decision.detail }]),
      ...(await obstacles(engine, scope, planned, entry?.record, object, request)),
    ],
  };
}

/** One line for each thing that would be done, in order. */
function callsOf({ managed, idle }: Plan, { object, reason, force }: StartRequest): readonly string[] {
  const { rotator, target } = managed;
  const { overlap, retains, revocable, proof } = rotator.capabilities;
  const asked = proof !== 'none';
  const compromised = reason === 'compromised';
  const proves = proof === 'log-in' ? `log in to ${target.id} as` : `see that ${target.id} holds`;
  const current = target.current === '' ? 'the current value' : target.current;
  const made = idle === '' ? 'the new credential' : idle;
  return [
    ...(asked && !force && !compromised ? [`${proves} ${current}, to see that the current value works`] : []),
    ...(waitsInVault(managed) ? [`write the pending value to ${describeObject(pendingOf(object))}`] : []),
    ...rotator.describe(target, idle),
    ...(asked ? [`${proves} ${made}`] : []),
    `write a new version of ${describeObject(object)}`,
    ...(overlap === 'none' && retains !== true && compromised ? [`end the sessions of ${current}`] : []),
    ...(retains === true
      ? endingOfValue(current, compromised)
      : ending(overlap === 'none' || !revocable, current, compromised)),
  ];
}

function ending(nothingToRevoke: boolean, current: string, compromised: boolean): readonly string[] {
  const versions = compromised ? 'every version before it' : 'the versions beyond the retention count';
  if (nothingToRevoke) return [`disable ${versions}; there is nothing to revoke`];
  if (compromised) return [`at once: take ${current} out of use and end its sessions`, `disable ${versions}`];
  return [`after the overlap, when nobody is logged in as ${current}: take it out of use`];
}

/** Of one account that goes on: who uses which of its two values cannot be seen, so nobody is waited for. */
function endingOfValue(current: string, compromised: boolean): readonly string[] {
  if (compromised)
    return [`at once: take the value before of ${current} out of use and end the sessions of ${current}`];
  return [`after the overlap: take the value before of ${current} out of use, where the system has kept it`];
}

async function obstacles(
  engine: Engine,
  scope: CallScope,
  planned: Plan,
  record: JournalRecord | undefined,
  object: ObjectRef,
  request: StartRequest,
): Promise<DryRun['blockedBy']> {
  const { rotator, target } = planned.managed;
  const found: { code: ErrorCode; message: string; remedy?: string }[] = [];
  const attempt = async (what: string, work: (call: Call) => Promise<void>): Promise<void> => {
    try {
      await scope.run(what, work);
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      found.push({
        code: error.code,
        message: error.message,
        ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      });
    }
  };
  if (target.slots.length > 0 && record?.owns?.system !== target.id) {
    await attempt('asking who owns the slots', async (call) => {
      const owner = await engine.journal.slotOwner(target.id, target.slots, call);
      if (owner !== undefined && describeObject(owner) !== describeObject(object)) throw slotOwned(target.id, owner);
    });
  }
  await attempt('asking what the vault would refuse', async () =>
    engine.vault.validate(
      nextVersion(
        planned,
        { credentialId: planned.idle, slot: planned.idle, value: engine.mint() },
        newRotationId(object, engine.clock.now()),
        engine.clock.now(),
      ),
    ),
  );
  if (!request.force && request.reason !== 'compromised') {
    await attempt('asking for readers of the version before', async (call) => {
      const { managed, current } = planned;
      const versions = () => engine.vault.versions(object, call);
      const held = await stillHandedOut({ now: call.now(), run: record?.run, managed, current, versions });
      if (held !== undefined) throw new RotationError({ code: 'CONFLICT', recovery: 'retry', message: held });
    });
    await attempt('testing the current credential', async (call) => {
      try {
        await rotator.test(target, planned.issued, call);
      } catch (error) {
        const refused = error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED';
        throw refused ? drifted(object, planned, error) : error;
      }
    });
  }
  await attempt('checking the system', async (call) => {
    found.push(...(await rotator.check(target, planned.idle, planned.issued, call)));
  });
  return found;
}
