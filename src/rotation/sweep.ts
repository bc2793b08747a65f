import { resumeMessage } from './admit.ts';
import { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { objectKey } from './ids.ts';
import { decide } from './policy.ts';
import type { RotateMessage, SecretListing } from './ports.ts';
import type { JournalRecord, Run } from './record.ts';

/** A blocked run is looked at again once a day, and as soon as its secret was changed. */
const RECHECK_MS = 24 * 3600_000;
/** The queue's own message should have come by then. */
const LATE_MS = 60_000;
/** Messages of one sweep are spread, so that a hundred rotations do not start in the same second. */
const SPREAD_MS = 250;
const SWEEP_MS = 9 * 60_000;

export interface SweepReport {
  readonly resumed: number;
  readonly due: number;
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
  const messages: RotateMessage[] = [];
  for (const vault of engine.configuration.vaults) {
    try {
      await scope.run(`listing ${vault}`, async (call) => {
        for await (const listing of engine.vault.list(vault, call)) {
          changed.set(objectKey(listing.object), listing.updatedOn);
          if (!open.has(objectKey(listing.object)) && worthALook(engine, listing)) {
            // A listing does not say which version it is about (facts A4): the runner looks at the current one.
            messages.push({ object: listing.object, trigger: 'sweep' });
          }
        }
      });
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      report(engine, problems, error);
    }
  }
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
  return { resumed: messages.length - due, due, problems };
}

function report(engine: Engine, problems: string[], { code, message, remedy }: RotationError): void {
  problems.push(message);
  engine.log('error', 'the sweep left something out', { code, problem: message, remedy });
}

/** Due as far as the listing tells; wrong tags count, too, so that the runner reports them where people look. */
function worthALook(engine: Engine, listing: SecretListing): boolean {
  try {
    const managed = engine.configuration.managed(listing.tags);
    if (managed === undefined) return false;
    const { policy } = managed;
    return decide({ now: engine.clock.now(), trigger: 'sweep', force: false, current: listing, policy }).due;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    engine.log('warn', 'the tags of a secret are wrong', {
      object: describeObject(listing.object),
      problem: error.message,
    });
    return listing.enabled && !listing.managed;
  }
}

/** Should have gone on by now. */
export function isStuck(record: JournalRecord, run: Run, now: Date, secretChanged: Date | undefined): boolean {
  switch (run.state) {
    case 'running':
      return record.lease === undefined || Date.parse(record.lease.until) <= now.getTime();
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
