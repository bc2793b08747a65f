import type { Proceed } from '../deliver.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import type { Engine, Outcome } from '../engine.ts';
import { configInvalid } from '../errors.ts';
import { newRun } from '../new-run.ts';
import { abandon, askedFor, openRun, supersedeFollower } from '../open-run.ts';
import type { Decision } from '../policy.ts';
import type { CertificateOperation, ManagedCertificate, RotateMessage } from '../ports.ts';
import type { Run } from '../record.ts';
import { refuse } from '../refuse.ts';
import type { Session } from '../session.ts';
import { follow, publish, refresh } from './follow.ts';
import { askForVersion, attemptFailed, awaitVersion } from './issue.ts';
import { azArguments, lookAt, notManaged, type SeenCertificate } from './look.ts';
import { admitVaultMade } from '../vault-made/admit.ts';
import { lookFor } from '../vault-made/look.ts';
import { nextForCertificate } from './machine.ts';
import { leftToVault } from './vault-policy.ts';
import { tellExpired, watchUnmanaged } from './watch.ts';

/**
 * Does with one message about a certificate whatever is to be done now. As for a key, the vault makes the version, old versions stay
 * enabled, and a run that waits for consumers does not stand in the way of the next renewal. What is different: a version takes
 * seconds to days, may need a person, and may be worse than the one before.
 */
export const proceedWithCertificate: Proceed = async (engine, session, message) => {
  const away = await admitVaultMade(engine, session, message);
  if (away !== undefined) return away;
  const seen = await lookFor(engine.certificates, engine, session, message);
  if ('outcome' in seen) return seen;
  await tellExpired(engine, session, message, seen);
  const open = openRun(session, message);
  if (open?.state === 'blocked') session.change({ attempts: 0 });
  if (open !== undefined && open.step !== 'claim') return goOn(engine, session, message, open, seen);
  if (message.trigger === 'new-version') return newVersion(engine, session, message, seen);
  return decideAndAsk(engine, session, open === undefined ? message : askedFor(open, message), open, seen);
};

async function decideAndAsk(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  undecided: Run | undefined,
  seen: SeenCertificate,
): Promise<Outcome> {
  const not = (reason: string, detail: string): Promise<Outcome> =>
    undecided === undefined ? refuse(engine, session, message, reason, detail) : abandon(session, undecided, detail);
  const managed = engine.configuration.managedCertificate(seen.tags);
  if (managed === undefined) {
    const event = message.trigger === 'near-expiry' || message.trigger === 'expired';
    const current = message.version === undefined || message.version === seen.current.version;
    const found = event && current ? `; ${await watchUnmanaged(engine, session, seen)}` : '';
    return not('NotManaged', `${notManaged(message.object)}${found}`);
  }
  const operation = await lastOperation(engine, session);
  const decision = await isDue(engine, session, message, managed, seen, operation);
  if (!decision.due) return not(decision.reason, decision.detail);
  if (operation?.status === 'completed') {
    // It may have ended between the two questions; the version's own event has it seen to.
    const { current } = await lookAt(engine, (what, work) => session.call(what, work), session.object);
    if (current.version !== seen.current.version)
      return not('StaleVersion', `version ${current.version} was finished while this was decided`);
  }
  if (undecided === undefined) {
    await supersedeFollower(engine, session);
    session.begin(newRun(session, message, decision.reason));
  } else {
    session.change({ reason: decision.reason, forced: message.force === true });
  }
  return ask(engine, session, managed, seen, operation);
}

async function isDue(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  { policy }: ManagedCertificate,
  { current }: SeenCertificate,
  operation: CertificateOperation | undefined,
): Promise<Decision> {
  const decision = decideVaultMade({
    now: session.now(),
    trigger: message.trigger,
    eventVersion: message.version,
    force: message.force === true,
    current,
    policy,
  });
  const byDates = decision.due && (decision.reason === 'NearExpiry' || decision.reason === 'AgeExceeded');
  if (!decision.due || (!byDates && decision.reason !== 'Compromised')) return decision;
  const own = await session.call('reading the policy', (call) => engine.certificates.policy(message.object, call));
  if (byDates) return leftToVault(own, operation, current, session.now()) ?? decision;
  if (!own.reuseKey) return decision;
  throw configInvalid(
    `${message.object.name} in ${message.object.vault} would get a new version with the compromised key`,
    [{ path: 'policy.key_props.reuse_key', message: 'is true' }],
    `Set it to false (az keyvault certificate show ${azArguments(message.object)} --query policy shows the policy), then ask again.`,
  );
}

async function ask(
  engine: Engine,
  session: Session,
  managed: ManagedCertificate,
  seen: SeenCertificate,
  operation: CertificateOperation | undefined,
  compared?: string,
): Promise<Outcome> {
  const begun = await askForVersion(engine, session, managed, seen, operation, compared);
  if (begun.status === 'inProgress') return awaitVersion(engine, session, begun);
  if (begun.status !== 'completed') throw attemptFailed(session, begun);
  const now = await lookAt(engine, (what, work) => session.call(what, work), session.object);
  if (now.current.version === seen.current.version) return awaitVersion(engine, session, begun);
  return publish(engine, session, now);
}

async function goOn(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  run: Run,
  seen: SeenCertificate,
): Promise<Outcome> {
  if (message.force === true) session.change({ forced: true });
  const managed = engine.configuration.managedCertificate(seen.tags);
  if (managed === undefined) return abandon(session, run, 'the certificate is no longer managed: its tags are gone');
  const operation = await lastOperation(engine, session);
  const action = nextForCertificate(session.active, seen.current.version, operation);
  const byPerson = message.trigger === 'manual' || message.trigger === 'compromised';
  if (managed.policy.paused && !run.compromised && session.run?.forced !== true && action === 'ask') {
    return refuse(engine, session, message, 'Paused', 'the tag Paused is true');
  }
  switch (action) {
    case 'ask':
      return ask(engine, session, managed, seen, operation, run.issuance?.comparedTo);
    case 'await':
      return awaitVersion(engine, session, operation as CertificateOperation);
    case 'failed':
      if (byPerson) return ask(engine, session, managed, seen, operation, run.issuance?.comparedTo);
      throw attemptFailed(session, operation as CertificateOperation);
    case 'verify':
      if (byPerson && message.force !== true && wantsAnother(run, message, seen)) {
        return ask(engine, session, managed, seen, operation, run.issuance?.comparedTo ?? run.from?.version);
      }
      return publish(engine, session, seen);
    case 'refresh':
      await session.saveHeld();
      return refresh(engine, session, seen);
    case 'follow':
      return follow(engine, session, seen);
  }
}

/**
 * Whoever asks again, once the version was found wanting and the policy is mended, asks for another one. Not the message that had
 * asked for this one and is delivered twice; and where the version could not be looked at, a grant is what it lacked.
 */
function wantsAnother(run: Run, { askedAt }: RotateMessage, { current }: SeenCertificate): boolean {
  const { state, step, blocked } = run;
  if (state !== 'blocked' || step !== 'test' || blocked === undefined || askedAt === undefined) return false;
  return Date.parse(askedAt) >= Date.parse(blocked.at) && (blocked.code === 'CONFIG_INVALID' || !current.enabled);
}

/** There is a version that no run of ours asked for: it is verified, and its consumers are waited for; nothing is renewed. */
async function newVersion(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  seen: SeenCertificate,
): Promise<Outcome> {
  const { current } = seen;
  const not = (reason: string, detail: string): Promise<Outcome> => refuse(engine, session, message, reason, detail);
  if (message.version !== undefined && message.version !== current.version) {
    return not('StaleVersion', `the event is about version ${message.version}; the current one is ${current.version}`);
  }
  if (session.run?.to?.version === current.version) return not('AlreadyFollowed', 'a run of ours has seen to it');
  if (!current.enabled) return not('Disabled', 'the current version is disabled');
  const managed = engine.configuration.managedCertificate(seen.tags);
  if (managed === undefined) return not('NotManaged', notManaged(message.object));
  if (managed.policy.paused) return not('Paused', 'the tag Paused is true');
  const versions = await session.call('listing the versions', (call) =>
    engine.certificates.versions(session.object, call),
  );
  const before = versions.find(({ version }) => version !== current.version);
  await supersedeFollower(engine, session);
  session.begin({
    ...newRun(session, message, 'NewVersion'),
    rotator: managed.rotator,
    step: 'test',
    ...(before === undefined ? {} : { from: { version: before.version, slot: '' } }),
  });
  return publish(engine, session, seen);
}

function lastOperation(engine: Engine, session: Session): Promise<CertificateOperation | undefined> {
  return session.call('reading its last operation', (call) => engine.certificates.operation(session.object, call));
}
