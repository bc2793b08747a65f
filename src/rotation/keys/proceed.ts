import type { Engine, Outcome } from '../engine.ts';
import type { Proceed } from '../deliver.ts';
import { newRun } from '../new-run.ts';
import { abandon, askedFor, openRun, supersedeFollower } from '../open-run.ts';
import type { Decision } from '../policy.ts';
import type { ManagedKey, RotateMessage } from '../ports.ts';
import type { Run } from '../record.ts';
import { refuse } from '../refuse.ts';
import type { Session } from '../session.ts';
import { notManaged } from './look.ts';
import { admitVaultMade } from '../vault-made/admit.ts';
import { lookFor, type Seen } from '../vault-made/look.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import { nextForKey } from './machine.ts';
import { adopt, refresh, rotateKey, takeNewVersion } from './rotate.ts';
import { follow } from './follow.ts';
import { leftToVault } from './vault-policy.ts';

/**
 * Does with one message about a key whatever is to be done now. What is different from a secret: the vault makes the version; the
 * run is over when every user is on it; and a run that still waits for a user does not stand in the way of the next rotation,
 * since old versions stay enabled and the next run brings all users to the newest version.
 */
export const proceedWithKey: Proceed = async (engine, session, message) => {
  const away = await admitVaultMade(engine, session, message);
  if (away !== undefined) return away;
  const seen = await lookFor(engine.keys, engine, session, message);
  if ('outcome' in seen) return seen;
  const open = openRun(session, message);
  if (open?.state === 'blocked') session.change({ attempts: 0 });
  if (open !== undefined && open.step !== 'claim') return goOn(engine, session, message, open, seen);
  if (message.trigger === 'new-version') return newVersion(engine, session, message, seen);
  return decideAndRotate(engine, session, open === undefined ? message : askedFor(open, message), open, seen);
};

async function decideAndRotate(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  undecided: Run | undefined,
  seen: Seen,
): Promise<Outcome> {
  const not = (reason: string, detail: string): Promise<Outcome> =>
    undecided === undefined ? refuse(engine, session, message, reason, detail) : abandon(session, undecided, detail);
  // The key of a certificate carries the certificate's tags, which are none of a key's.
  if (seen.current.managed) return not('BacksCertificate', 'the key backs a certificate, which renews it');
  const managed = engine.configuration.managedKey(seen.tags);
  if (managed === undefined) return not('NotManaged', notManaged(message.object));
  const decision = await isDue(engine, session, message, managed, seen);
  if (!decision.due) return not(decision.reason, decision.detail);
  if (undecided === undefined) {
    await supersedeFollower(engine, session);
    session.begin(newRun(session, message, decision.reason));
  } else {
    session.change({ reason: decision.reason, forced: message.force === true });
  }
  return rotateKey(engine, session, managed, seen);
}

async function isDue(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  { policy }: ManagedKey,
  { current }: Seen,
): Promise<Decision> {
  const decision = decideVaultMade({
    now: session.now(),
    trigger: message.trigger,
    eventVersion: message.version,
    force: message.force === true,
    current,
    policy,
  });
  if (!decision.due || (decision.reason !== 'NearExpiry' && decision.reason !== 'AgeExceeded')) return decision;
  const own = await session.call('reading the rotation policy', (call) =>
    engine.keys.rotationPolicy(message.object, call),
  );
  return leftToVault(own, current, session.now()) ?? decision;
}

async function goOn(engine: Engine, session: Session, message: RotateMessage, run: Run, seen: Seen): Promise<Outcome> {
  if (message.force === true) session.change({ forced: true });
  const managed = engine.configuration.managedKey(seen.tags);
  if (managed === undefined) return abandon(session, run, 'the key is no longer managed: its tags are gone');
  // Whoever has rolled a user back by hand has set the tag first; the sweep brings the run back when it is gone.
  if (managed.policy.paused && !run.compromised && session.run?.forced !== true) {
    return refuse(engine, session, message, 'Paused', 'the tag Paused is true');
  }
  switch (nextForKey(session.active, seen.current.version)) {
    case 'rotate':
      return rotateKey(engine, session, managed, seen);
    case 'adopt':
      return adopt(engine, session, managed, seen);
    case 'refresh':
      return refresh(engine, session, managed, seen);
    case 'follow':
      await takeNewVersion(engine, session, seen);
      return follow(engine, session, managed, seen.current);
  }
}

/** There is a version that no run of ours made: its users follow, and nothing is rotated. */
async function newVersion(engine: Engine, session: Session, message: RotateMessage, seen: Seen): Promise<Outcome> {
  const { current } = seen;
  const not = (reason: string, detail: string): Promise<Outcome> => refuse(engine, session, message, reason, detail);
  if (current.managed) return not('BacksCertificate', 'the key backs a certificate, which renews it');
  if (message.version !== undefined && message.version !== current.version) {
    return not('StaleVersion', `the event is about version ${message.version}; the current one is ${current.version}`);
  }
  if (session.run?.to?.version === current.version) return not('AlreadyFollowed', 'a run of ours has seen to it');
  if (!current.enabled) return not('Disabled', 'the current version is disabled, so nobody is moved on to it');
  const managed = engine.configuration.managedKey(seen.tags);
  if (managed === undefined) return not('NotManaged', notManaged(message.object));
  if (managed.policy.paused) return not('Paused', 'the tag Paused is true');
  await supersedeFollower(engine, session);
  session.begin({ ...newRun(session, message, 'NewVersion'), rotator: managed.rotator, step: 'confirm' });
  await takeNewVersion(engine, session, seen);
  return follow(engine, session, managed, current);
}
