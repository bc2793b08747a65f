import { CallScope, LEASE_MS } from './calls.ts';
import { RotationError } from './errors.ts';
import type { Call, Clock, Journal, ObjectRef, SecretValue } from './ports.ts';
import { isHeld, type BlockedBy, type JournalRecord, type Run, type Step, type StepEntry } from './record.ts';

const MAX_STEPS = 60;
const MAX_DETAIL = 400;
const MAX_MESSAGE = 2000;
const MAX_REMEDY = 4000;
const MAX_PROBLEMS = 20;
/** What a run may take of its row (src/state/rows.ts), with room for the entries that cancelling adds. */
const MAX_RUN = 30_000;

/**
 * One runner's hold on one object: the journal row as it was read, the lease once it is taken, and the run as it
 * goes. Nothing else writes the row, and every write is guarded by the ETag of the one before.
 */
export class Session {
  readonly object: ObjectRef;
  readonly scope: CallScope;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #owner: string;
  #record: JournalRecord;
  #etag: string | undefined;
  readonly #secrets: SecretValue[] = [];

  private constructor(deps: SessionDeps, object: ObjectRef, scope: CallScope) {
    this.object = object;
    this.scope = scope;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#owner = deps.owner;
    this.#record = { schema: 1, object };
    this.#etag = undefined;
  }

  /**
   * Reads the row. What is decided on it holds when the next `save` succeeds: whoever works on the object must have
   * written the row, and then our ETag is old (docs/adr/0002).
   */
  static async open(deps: SessionDeps, object: ObjectRef): Promise<Session> {
    const session = new Session(deps, object, new CallScope(deps.clock, LEASE_MS));
    const entry = await session.call('reading the journal', (call) => deps.journal.read(object, call));
    if (entry !== undefined) {
      session.#record = entry.record;
      session.#etag = entry.etag;
    }
    return session;
  }

  get record(): JournalRecord {
    return this.#record;
  }

  get run(): Run | undefined {
    return this.#record.run;
  }

  /** The run, where there must be one. @throws TypeError: a bug */
  get active(): Run {
    if (this.#record.run === undefined) throw new TypeError('there is no run in hand');
    return this.#record.run;
  }

  now(): Date {
    return this.#clock.now();
  }

  /** Somebody else's lease that has not lapsed yet. */
  get heldUntil(): Date | undefined {
    const lease = this.#record.lease;
    if (lease === undefined || lease.owner === this.#owner) return undefined;
    return isHeld(lease, this.now()) ? new Date(lease.until) : undefined;
  }

  /** The row as it was last written has our lease. */
  get isHeld(): boolean {
    return this.#record.lease?.owner === this.#owner;
  }

  async call<T>(what: string, work: (call: Call) => Promise<T>): Promise<T> {
    return this.scope.run(what, work);
  }

  /** One step of the run: timed, and noted in the run when it is over, however it ends. */
  async step<T>(step: Step, what: string, work: (call: Call) => Promise<T>): Promise<T> {
    const from = this.now();
    this.change({ step });
    try {
      const result = await this.call(what, work);
      this.note({ step, at: from.toISOString(), ms: this.now().getTime() - from.getTime(), outcome: 'ok' });
      return result;
    } catch (error) {
      const detail = error instanceof RotationError ? this.scrub(error.message) : 'failed unexpectedly';
      this.note({ step, at: from.toISOString(), ms: this.now().getTime() - from.getTime(), outcome: 'failed', detail });
      throw error;
    }
  }

  note(entry: StepEntry): void {
    const { detail } = entry;
    const kept = detail === undefined ? entry : { ...entry, detail: cut(detail, MAX_DETAIL) };
    this.change({ steps: [...(this.#record.run?.steps ?? []), kept].slice(-MAX_STEPS) });
  }

  /** Changes the run in memory; `save` makes it true. */
  change(changes: Partial<Run>): void {
    if (this.#record.run === undefined) return;
    this.#record = {
      ...this.#record,
      run: { ...this.#record.run, ...changes, updatedAt: this.now().toISOString() },
    };
  }

  begin(run: Run): void {
    this.#record = { ...this.#record, run };
  }

  own(owns: NonNullable<JournalRecord['owns']>): void {
    this.#record = { ...this.#record, owns };
  }

  /** Removes what stopped the run, and whatever else is no longer so. */
  clear(...keys: ('blocked' | 'lastError' | 'wakeAt' | 'refusedShape')[]): void {
    const run = this.#record.run;
    if (run === undefined) return;
    const kept = Object.fromEntries(Object.entries(run).filter(([key]) => !keys.some((gone) => gone === key)));
    this.#record = { ...this.#record, run: kept as unknown as Run };
  }

  /** Writes the row and takes or keeps the lease. @throws LEASE_LOST when somebody else wrote it since */
  async saveHeld(): Promise<void> {
    const until = new Date(this.now().getTime() + LEASE_MS);
    await this.#save({ ...this.#record, lease: { owner: this.#owner, until: until.toISOString() } });
    this.scope.extend(until);
  }

  /** Writes the row and gives the lease back: the run waits, is blocked or is over. */
  async saveReleased(): Promise<void> {
    const { lease: _lease, ...rest } = this.#record;
    await this.#save(rest);
  }

  /** This value is in hand: no text that is kept may hold it. */
  guard(secret: SecretValue): void {
    this.#secrets.push(secret);
  }

  /** The second line of defence: adapters and rotators do not put values into messages in the first place. */
  scrub(text: string): string {
    return this.#secrets.reduce(
      (clean, secret) => (secret.reveal().length < 4 ? clean : clean.replaceAll(secret.reveal(), '[secret]')),
      text,
    );
  }

  async #save(whole: JournalRecord): Promise<void> {
    const record = fitted(whole);
    try {
      this.#etag = await this.call('writing the journal', (call) => this.#journal.write(record, this.#etag, call));
    } catch (error) {
      if (error instanceof RotationError && error.code === 'LEASE_LOST') throw error;
      throw new JournalNotWritten(error);
    }
    this.#record = record;
  }
}

/**
 * Without its journal a run neither goes on nor writes down that it cannot: the message goes back to the queue, and the
 * next delivery reads what was really written.
 */
export class JournalNotWritten extends Error {
  constructor(cause: unknown) {
    super(`the journal could not be written: ${cause instanceof Error ? cause.message : 'unknown'}`, { cause });
    this.name = 'JournalNotWritten';
  }
}

export interface SessionDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Unique to this handling of this message. */
  readonly owner: string;
}

/** What a person is told about a failure; without causes, which may quote anything. */
export function blockedBy(session: Session, error: RotationError): BlockedBy {
  return {
    code: error.code,
    message: cut(session.scrub(error.message), MAX_MESSAGE),
    at: session.now().toISOString(),
    ...(error.remedy === undefined ? {} : { remedy: cut(session.scrub(error.remedy), MAX_REMEDY) }),
    ...(error.problems.length === 0
      ? {}
      : {
          problems: error.problems
            .slice(0, MAX_PROBLEMS)
            .map(({ path, message }) => ({ path, message: cut(session.scrub(message), MAX_DETAIL) })),
        }),
  };
}

/** The oldest steps go when the run would not fit into its row: a run that cannot be written down could not go on. */
function fitted(record: JournalRecord): JournalRecord {
  const { run } = record;
  if (run === undefined) return record;
  let room = MAX_RUN - JSON.stringify({ ...record, run: { ...run, steps: [] } }).length;
  const fitting = run.steps.findLastIndex((step) => (room -= JSON.stringify(step).length + 1) < 0);
  return fitting < 0 ? record : { ...record, run: { ...run, steps: run.steps.slice(fitting + 1) } };
}

/** Keeps the beginning, which names the thing and the cause. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
