import { resumeMessage } from './admit.ts';
import { sweepAdoptions } from './adoption/sweep.ts';
import { CallScope } from './calls.ts';
import { isCertificatesOwn } from './certificates/own.ts';
import { sweepCertificates } from './certificates/sweep.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { objectKey, timeOf } from './ids.ts';
import { sweepKeys } from './keys/sweep.ts';
import { logged } from './log-events.ts';
import { blockedRuns, claimOf, outlook, type BlockedRun, type Claim, type Seen } from './outlook.ts';
import { disown, sharedPairs } from './ownership.ts';
import { rotationIdOf, slotsShared } from './plan.ts';
import { decide } from './policy.ts';
import type { Managed, ObjectRef, RotateMessage, SecretListing, Target } from './ports.ts';
import { isHeld, type JournalRecord, type Run } from './record.ts';
import { isPending } from './staging.ts';

/** A blocked run is looked at again once a day, and as soon as its secret, or what that comes from, was changed. */
const RECHECK_MS = 24 * 3600_000;
/** The queue's own message should have come by then. */
const LATE_MS = 60_000;
/** Messages of one sweep are spread, so that a hundred rotations do not start in the same second. */
const SPREAD_MS = 250;
const SWEEP_MS = 9 * 60_000;
/** A version that somebody else wrote is compared with its sources for so long. */
const WATCHED_MS = 24 * 3600_000;
/** So long after it was asked for a rotation writes its version, as a rule; later it is compared without need. */
const WRITTEN_WITHIN_MS = 3600_000;

export interface SweepReport {
  readonly resumed: number;
  readonly due: number;
  /** Runs that are not over, as the sweep found them; of those the ones that wait for somebody to act. */
  readonly open: number;
  readonly blocked: readonly BlockedRun[];
  readonly problems: readonly string[];
}

/**
 * The backstop beside the events: runs that got stuck, retirements whose message is late, secrets whose event never came
 * (made before the subscription, with a lead time of their own, never expiring). It only enqueues; whether something is
 * really due is decided again under the lease.
 * One vault that cannot be listed does not keep the others from being swept; its problem is in the report.
 */
export async function sweep(engine: Engine): Promise<SweepReport> {
  const scope = new CallScope(engine.clock, SWEEP_MS, SWEEP_MS);
  const open = new Map<string, JournalRecord>();
  const problems: string[] = [];
  await scope.run('reading the journal', async (call) => {
    for await (const entry of engine.journal.open(call)) {
      if (entry instanceof RotationError) report(engine, problems, entry);
      else open.set(objectKey(entry.record.object), entry.record);
    }
  });
  const changed = new Map<string, Date>();
  const created = new Map<string, Date>();
  const messages: RotateMessage[] = [];
  const managed: { readonly object: ObjectRef; readonly target: Target; readonly foreign: boolean }[] = [];
  for (const vault of engine.configuration.vaults) {
    const seen: Seen[] = [];
    const openRun = (object: ObjectRef): JournalRecord | undefined => open.get(objectKey(object));
    try {
      await scope.run(`listing ${vault}`, async (call) => {
        for await (const listing of engine.vault.list(vault, call)) {
          const { object } = listing;
          changed.set(objectKey(object), listing.updatedOn);
          created.set(objectKey(object), listing.createdOn);
          // A certificate's newest version is listed as the secret that backs it (facts A4); either may be a source.
          if (listing.managed) created.set(objectKey({ ...object, kind: 'certificate' }), listing.createdOn);
          const found = managedAs(engine, listing);
          const claim = secretClaim(listing, found);
          if (claim !== undefined) seen.push({ listing, claim });
          if (typeof found === 'object') {
            managed.push({ object, target: found.target, foreign: isForeign(listing, engine.clock.now()) });
          }
          if (!open.has(objectKey(object)) && worthALook(engine, listing, found)) {
            // A listing does not say which version it is about (facts A4): the runner looks at the current one.
            messages.push({ object, trigger: 'sweep' });
          }
        }
      });
      const keys = await sweepKeys(engine, scope, vault, openRun);
      messages.push(...keys.messages);
      const certificates = await sweepCertificates(engine, scope, vault, openRun);
      messages.push(...certificates.messages);
      for (const { object, at } of [...keys.changed, ...certificates.changed]) changed.set(objectKey(object), at);
      const all = outlook(vault, [...seen, ...keys.seen, ...certificates.seen], openRun, engine.clock.now());
      engine.log('info', 'a vault was looked through', logged('sweep.vault', all));
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      report(engine, problems, error);
    }
  }
  for (const { object, system } of sharedPairs(managed)) await holdBack(engine, scope, problems, object, system);
  const asked = new Set(messages.map(({ object }) => objectKey(object)));
  for (const { object, target, foreign } of managed) {
    const key = objectKey(object);
    const comparable = foreign && target.sources !== undefined;
    if (!open.has(key) && !asked.has(key) && (comparable || isOutdated(target, created, key)))
      messages.push({ object, trigger: 'source' });
  }
  for (const { object, target } of managed) noteSources(target, objectKey(object), changed, created);
  const due = messages.length;
  const now = engine.clock.now();
  for (const [key, record] of open) {
    const { run } = record;
    if (run !== undefined && isStuck(record, run, now, changed.get(key))) {
      messages.push(resumeMessage(run, record));
    }
  }
  for (const [index, message] of messages.entries()) {
    await scope.run('enqueueing', (call) => engine.queue.rotate(message, index * SPREAD_MS, call));
  }
  await sweepAdoptions(engine, scope, (error) => report(engine, problems, error));
  return {
    resumed: messages.length - due,
    due,
    open: open.size,
    blocked: blockedRuns(open.values()),
    problems,
  };
}

function report(engine: Engine, problems: string[], { code, message, remedy }: RotationError): void {
  problems.push(message);
  engine.log('error', 'the sweep left something out', logged('sweep.problem', { code, problem: message, remedy }));
}

/** Read from the tags of a listing; 'wrong' where they cannot be read. */
function managedAs(engine: Engine, listing: SecretListing): Managed | 'wrong' | undefined {
  if (isCertificatesOwn(engine, listing)) return undefined;
  try {
    return engine.configuration.managed(listing.tags, listing.object);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    engine.log('warn', 'the tags of a secret are wrong', {
      object: describeObject(listing.object),
      problem: error.message,
    });
    return 'wrong';
  }
}

/** Undefined where it is not a secret in use: disabled, a certificate's, or one of our own that waits. */
function secretClaim(listing: SecretListing, managed: Managed | 'wrong' | undefined): Claim | undefined {
  if (!listing.enabled || listing.managed || isPending(listing.object)) return undefined;
  return managed === undefined ? { by: 'nobody' } : claimOf(managed, true);
}

/** Due as far as the listing tells; wrong tags count, too, so that the runner reports them where people look. */
function worthALook(engine: Engine, listing: SecretListing, managed: Managed | 'wrong' | undefined): boolean {
  if (managed === undefined) return false;
  if (managed === 'wrong') return listing.enabled && !listing.managed;
  const { policy } = managed;
  return decide({ now: engine.clock.now(), trigger: 'sweep', force: false, current: listing, policy }).due;
}

/**
 * Another secret hands out a slot of this one's pair, perhaps since yesterday. Whoever has claimed the pair already must ask
 * again before it changes or revokes anything: then it finds the other one, and is blocked rather than locking anybody out.
 */
async function holdBack(
  engine: Engine,
  scope: CallScope,
  problems: string[],
  object: ObjectRef,
  system: string,
): Promise<void> {
  report(engine, problems, slotsShared(system, object));
  try {
    await disown(engine, scope, object);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    // Somebody works on it just now, or the row cannot be read; the next sweep tries again.
    report(engine, problems, error);
  }
}

/** Has one of its sources, of those in the served vaults, a version that is not older than its own? */
function isOutdated({ sources = [] }: Target, created: ReadonlyMap<string, Date>, key: string): boolean {
  const own = created.get(key)?.getTime() ?? 0;
  return sources.some((source) => (created.get(objectKey(source))?.getTime() ?? -1) >= own);
}

/** What was wrong may have been the source: a run that is blocked is looked at again when that was changed, too. */
function noteSources(
  { sources = [] }: Target,
  key: string,
  changed: Map<string, Date>,
  created: ReadonlyMap<string, Date>,
): void {
  for (const source of sources) {
    const at = changed.get(objectKey(source)) ?? created.get(objectKey(source));
    if (at !== undefined && at > (changed.get(key) ?? at)) changed.set(key, at);
  }
}

/**
 * Written by somebody else, as far as a listing tells, and not long ago. It is newer than its sources, and may hold what they had
 * before: a version that was put back, or one whose value was edited. No event begins a rotation of it.
 */
function isForeign({ createdOn, expiresOn, tags }: SecretListing, now: Date): boolean {
  if (now.getTime() - createdOn.getTime() >= WATCHED_MS) return false;
  const asked = timeOf(rotationIdOf(tags) ?? '');
  return expiresOn === undefined || asked === undefined || createdOn.getTime() - asked.getTime() > WRITTEN_WITHIN_MS;
}

/** Should have gone on by now. */
export function isStuck(record: JournalRecord, run: Run, now: Date, secretChanged: Date | undefined): boolean {
  switch (run.state) {
    case 'running':
      return !isHeld(record.lease, now);
    case 'queued':
    case 'waiting':
      return Date.parse(run.wakeAt ?? run.updatedAt) + LATE_MS <= now.getTime();
    case 'blocked': {
      const at = Date.parse(run.blocked?.at ?? run.updatedAt);
      return at + RECHECK_MS <= now.getTime() || (secretChanged !== undefined && secretChanged.getTime() > at);
    }
    case 'done':
    case 'cancelled':
    case 'refused':
      return false;
  }
}
