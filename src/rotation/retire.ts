import { orAccept } from './adoption/accept.ts';
import { heldUpBy, holdoutsSince } from './adoption/gate.ts';
import { adoptionPollMs, ADOPTION_PATIENCE_MS } from './backoff.ts';
import { describeObject, type Engine, type Outcome } from './engine.ts';
import { RotationError } from './errors.ts';
import { lookAgainLater } from './look-again.ts';
import { retainsBefore, type Action } from './machine.ts';
import { waitsInVault } from './make.ts';
import { takeSlots } from './ownership.ts';
import { isElsewhere, plan } from './plan.ts';
import { makesOneMore, mayHaveLeftOne, revokeOrphans } from './orphans.ts';
import type { CurrentVersion, Issued, Managed, Target } from './ports.ts';
import type { Session } from './session.ts';
import { disableOldVersions } from './retention.ts';
import { unstage } from './staging.ts';
import { keepCurrent } from './take-back.ts';

/** A look at those who have the version already takes seconds. */
const SOON_MS = 60_000;

type Retirement = Extract<Action, { do: 'retire' | 'refuse-retire' }>;

/**
 * confirm and revoke: makes sure that the current value works and that nobody is logged in with the old one any more,
 * and only then takes the old one out of use. Every step may be repeated.
 */
export async function retire(
  engine: Engine,
  session: Session,
  action: Retirement,
  managed: Managed | undefined,
  current: CurrentVersion,
): Promise<Outcome> {
  if (action.do === 'refuse-retire') throw currentAgain(session, action.why);
  const run = session.active;
  if (managed === undefined || run.from === undefined)
    throw currentAgain(session, 'the tags of the current version do not say which credential it holds');
  if (isElsewhere(run, managed)) {
    throw currentAgain(
      session,
      `the tags name ${managed.target.id} (${managed.rotator.kind}) now, and the old credential is in ${run.system ?? 'another system'} (${run.rotator ?? '?'})`,
    );
  }
  await session.saveHeld();
  const { rotator, target } = managed;
  const old = run.from.slot;
  // The sweep has found another secret on the pair: what is old here may be what that one hands out.
  const left = (run.supersedes ?? []).map(({ slot }) => slot ?? '').filter((slot) => slot !== '');
  if (session.record.owns === undefined || left.length > 0) {
    await takeSlots(engine, session, managed, [old, target.current, ...left]);
  }
  await proveCurrent(session, managed, current);
  const waiting = await consumersLeft(engine, session, current);
  if (waiting !== undefined) return waiting;
  if (action.confirm) {
    const users = await usersOf(session, managed, old);
    if (users.length > 0) {
      const who = users.slice(0, 5).join('; ');
      return stillInUse(engine, session, `${users.length} session(s) still use ${old}: ${who}`);
    }
  }
  const what = retainsBefore(run) ? `the value before of ${old}` : old;
  await session.step('revoke', `revoking ${what}`, (call) =>
    rotator.revoke(target, old, { endSessions: run.compromised }, call),
  );
  if (retainsBefore(run)) await keepCurrent(session, managed, current);
  await revokeSuperseded(engine, session, managed, old);
  if (makesOneMore(managed) && mayHaveLeftOne(run)) {
    await revokeOrphans(engine, session.scope, session.object, managed, run);
  }
  await disableOldVersions(engine, session, managed, current);
  const at = session.now().toISOString();
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ step: 'done', state: 'done', finishedAt: at, attempts: 0 });
  await session.saveReleased();
  return { outcome: 'retired', rotationId: run.rotationId, detail: `${what} is out of use` };
}

/** What the runs that this one took the place of have left: the old credential of a published one, the new of another. */
async function revokeSuperseded(engine: Engine, session: Session, managed: Managed, old: string): Promise<void> {
  const { rotator, target } = managed;
  for (const { rotationId, slot } of session.active.supersedes ?? []) {
    if (slot === undefined) await revokeOrphans(engine, session.scope, session.object, managed, { rotationId });
    else if (slot !== old && slot !== target.current) {
      await session.step('revoke', `revoking ${slot}`, (call) =>
        rotator.revoke(target, slot, { endSessions: true }, call),
      );
    }
  }
}

/** Nothing is to be revoked, since the old value ended with `set` or cannot be ended. What is left over is tidied up. */
export async function close(
  engine: Engine,
  session: Session,
  managed: Managed | undefined,
  current: CurrentVersion,
): Promise<Outcome> {
  const run = session.active;
  await session.saveHeld();
  const waiting = await consumersLeft(engine, session, current);
  if (waiting !== undefined) return waiting;
  if (run.compromised && managed !== undefined) await endSessions(session, managed);
  if (managed === undefined || waitsInVault(managed)) await unstage(engine, session.scope, session.object);
  await disableOldVersions(engine, session, managed, current);
  const at = session.now().toISOString();
  // Whoever has reported a leak must not take the old credential for dead.
  const lives = run.compromised && managed?.target.endedBy !== undefined ? `. ${managed.target.endedBy}` : '';
  session.note({ step: 'revoke', at, ms: 0, outcome: 'skipped', detail: `there is nothing to revoke${lives}` });
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ step: 'done', state: 'done', finishedAt: at, attempts: 0 });
  await session.saveReleased();
  return {
    outcome: 'retired',
    rotationId: run.rotationId,
    detail: `the rotation is over; there was nothing to revoke${lives}`,
  };
}

/** The value that was compromised went with `set`; whoever had logged in with it before is still there. */
async function endSessions(session: Session, { rotator, target }: Managed): Promise<void> {
  if (rotator.capabilities.overlap !== 'none') return;
  await session.step('revoke', `ending the sessions of ${target.current}`, (call) =>
    rotator.revoke(target, target.current, { endSessions: true }, call),
  );
}

/** The last guard before the old credential goes: with the current one broken, revoking would lock everybody out. */
async function proveCurrent(session: Session, managed: Managed, current: CurrentVersion): Promise<void> {
  const planned = plan(session.object, managed, current);
  session.guard(planned.issued.value);
  try {
    await session.call('testing the current credential', (call) =>
      managed.rotator.test(managed.target, planned.issued, call),
    );
    if (current.version !== session.active.to?.version) await refuseMistaken(session, managed, planned.issued);
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CREDENTIAL_REJECTED') throw error;
    throw new RotationError({
      code: 'DRIFTED',
      recovery: 'human',
      message: `the old credential is kept, because the current value of ${describeObject(session.object)} (${managed.target.current}) is refused by ${managed.target.id}`,
      remedy: `Somebody changed ${managed.target.current} without the vault. Put its new password into the vault, or rotate with reason "compromised" to repair it.`,
      cause: error,
    });
  }
}

/** Somebody wrote this version: its tags may name one credential, and its value be the old one, which works as well. */
async function refuseMistaken(session: Session, { rotator, target }: Managed, issued: Issued): Promise<void> {
  const old = session.active.from?.slot ?? '';
  const blockers = await session.call('comparing tags and value', (call) => rotator.check(target, old, issued, call));
  const mistaken = blockers.find(({ code, about }) => code === 'CONFIG_INVALID' && about !== 'next');
  if (mistaken !== undefined) throw currentAgain(session, mistaken.message);
}

/** Who is logged in with the old credential; empty where nobody is or the system cannot tell. */
async function usersOf(
  session: Session,
  { rotator, target }: { rotator: Managed['rotator']; target: Target },
  old: string,
): Promise<readonly string[]> {
  const live = await session.step('confirm', `asking who still uses ${old}`, (call) => rotator.list(target, call));
  return live.find((credential) => credential.slot === old)?.sessions ?? [];
}

/** What is compromised goes at once, whoever still uses it. @returns undefined when nobody is waited for */
async function consumersLeft(engine: Engine, session: Session, current: CurrentVersion): Promise<Outcome | undefined> {
  if (session.active.compromised) return undefined;
  const { retireAt, startedAt } = session.active;
  const { left, soon } = await holdoutsSince(engine, session, current.version, new Date(retireAt ?? startedAt));
  if (left.length === 0) return undefined;
  return stillInUse(engine, session, heldUpBy(left, current.version), soon);
}

async function stillInUse(engine: Engine, session: Session, detail: string, soon = false): Promise<Outcome> {
  const run = session.active;
  const waited = session.now().getTime() - Date.parse(run.retireAt ?? run.startedAt);
  if (waited > ADOPTION_PATIENCE_MS && !soon) {
    throw new RotationError({
      code: 'NOT_ADOPTED',
      recovery: 'human',
      message: detail,
      remedy:
        'Restart what still holds the old value, and mend the gaps (GET /api/consumers tells what each needs; POST /api/propagations looks again); ' +
        `then POST /api/rotations for this secret, and the retirement goes on. ${orAccept(session.object)}`,
    });
  }
  const delay = soon ? SOON_MS : adoptionPollMs(waited);
  session.note({ step: 'confirm', at: session.now().toISOString(), ms: 0, outcome: 'waiting', detail });
  session.change({ step: 'confirm' });
  return lookAgainLater(engine, session, detail, delay);
}

function currentAgain(session: Session, why: string): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the old credential of ${describeObject(session.object)} is not revoked: ${why}`,
    remedy: `If the old credential is to stay: DELETE /api/rotations/${session.active.rotationId}. Otherwise correct the secret's tags or value and ask again: POST /api/rotations {"vault":"${session.object.vault}","name":"${session.object.name}"}`,
  });
}
