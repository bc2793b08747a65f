import { RotationError, type ErrorCode } from '../errors.ts';
import type { Gap, ObjectKind, ObjectRef, ProofKind, Reference } from '../ports.ts';
import type { Lease } from '../record.ts';

/**
 * Where a consumer stands with the version:
 *
 * - `discovered`: it holds a reference; nothing was done about it yet
 * - `pushed`: told to take it; its service is at it
 * - `propagating`: told, or following by itself; within the time that its service's documentation gives
 * - `verified`: seen to use it, or a person has looked and says so
 * - `pinned`: names another version, and only a person can or may change that
 * - `stale`: the time is over, and it uses another version still
 * - `failed`: it could not be told, or could not take it; says why
 * - `unreachable`: nobody can tell from here
 * - `gone`: deleted since it was found
 */
export const CONSUMER_STATES = [
  ...(['discovered', 'pushed', 'propagating', 'verified', 'pinned', 'stale', 'failed', 'unreachable', 'gone'] as const),
];
export type ConsumerState = (typeof CONSUMER_STATES)[number];

/** What a person is told about it, and what to do. */
export interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}

/** One consumer and the version. Times are ISO 8601. */
export interface Standing extends Reference {
  readonly state: ConsumerState;
  readonly since: string;
  /** In a sentence. */
  readonly detail?: string;
  /** Its service is at it: how to ask for the operation. */
  readonly operation?: string;
  /** Since when it is at this one. */
  readonly operationAt?: string;
  readonly pushedAt?: string;
  /** By then it must have adopted. */
  readonly deadline?: string;
  /** Nothing is done about it before. */
  readonly nextAt?: string;
  /** Failed attempts in a row, for the back-off. */
  readonly attempts: number;
  /** `by`: the person, where it was seen by one. */
  readonly proof?: { readonly kind: ProofKind; readonly at: string; readonly detail: string; readonly by?: string };
  readonly trouble?: Trouble;
}

/** Where nobody could look for consumers. */
export interface OpenGap extends Gap {
  /** A person has looked there, and says that nobody in it lacks the version. */
  readonly accepted?: { readonly by: string; readonly at: string };
}

/** The row of an object's newest version and its consumers. It never holds a value. */
export interface Adoption {
  readonly schema: 1;
  readonly object: ObjectRef;
  readonly version: string;
  readonly startedAt: string;
  /** When it was last looked who there is. Absent: it is still to be found out. */
  readonly discoveredAt?: string;
  /** When everybody was last asked who can be asked; who was told, and cannot be asked, counts as having it. */
  readonly checkedAt?: string;
  readonly lease?: Lease;
  /** When it is looked at again; absent when there is nothing more to do. */
  readonly wakeAt?: string;
  readonly consumers: readonly Standing[];
  readonly gaps: readonly OpenGap[];
  /** How often consumers were looked for since somebody asked; once when absent. */
  readonly looks?: number;
}

const KINDS: readonly ObjectKind[] = ['secret', 'key', 'certificate'];

/**
 * @param where names the row for the error
 * @throws JOURNAL_INVALID when it is not a record of a known schema; nothing is guessed
 */
export function parseAdoption(text: string, where: string): Adoption {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw unreadable('is not JSON', where, cause);
  }
  if (!isObject(raw)) throw unreadable('is not an object', where);
  if (raw['schema'] !== 1) throw unreadable(`has schema ${String(raw['schema'])}; this version reads schema 1`, where);
  const { object, version, startedAt, consumers, gaps } = raw;
  if (!isObject(object) || !KINDS.includes(object['kind'] as ObjectKind) || typeof object['name'] !== 'string') {
    throw unreadable('names no object', where);
  }
  if (typeof version !== 'string' || typeof startedAt !== 'string' || Number.isNaN(Date.parse(startedAt))) {
    throw unreadable('has no version or no time', where);
  }
  if (!Array.isArray(consumers) || !Array.isArray(gaps)) throw unreadable('has no consumers', where);
  for (const consumer of consumers as unknown[]) {
    const fits =
      isObject(consumer) &&
      typeof consumer['id'] === 'string' &&
      typeof consumer['kind'] === 'string' &&
      typeof consumer['parent'] === 'string' &&
      typeof consumer['attempts'] === 'number' &&
      CONSUMER_STATES.includes(consumer['state'] as ConsumerState);
    if (!fits) throw unreadable('has a consumer without id, kind, parent, attempts or a known state', where);
  }
  return raw as unknown as Adoption;
}

/** Whoever must have the version before anything older may go, and has not. */
export function laggards({ consumers }: Pick<Adoption, 'consumers'>): readonly Standing[] {
  return consumers.filter(({ state }) => state !== 'verified' && state !== 'gone');
}

/** Where somebody may have a reference that nobody knows of, and nobody has looked. */
export function openGaps({ gaps }: Adoption): readonly OpenGap[] {
  return gaps.filter(({ accepted }) => accepted === undefined);
}

/** So often they are looked for soon where something passing was in the way: half a day in all; after that once a day. */
const MOST_LOOKS = 8;
const FIRST_LOOK_MS = 5 * 60_000;

/** When consumers are looked for once more soon, because somebody who may be one gave no answer; undefined: there is no such place. */
export function lookAgainAt(record: Adoption): Date | undefined {
  const { discoveredAt, looks = 1 } = record;
  const passes = openGaps(record).some(({ passing }) => passing);
  if (discoveredAt === undefined || looks >= MOST_LOOKS || !passes) return undefined;
  return new Date(Date.parse(discoveredAt) + FIRST_LOOK_MS * 2 ** (looks - 1));
}

/** Is nobody without the version, and nobody hidden? */
export function isWhole(record: Adoption): boolean {
  return laggards(record).length === 0 && openGaps(record).length === 0;
}

/** Is there nothing more to do about it before somebody changes something? */
export function isSettled({ state }: Standing): boolean {
  return state !== 'discovered' && state !== 'pushed' && state !== 'propagating';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(what: string, where: string, cause?: unknown): RotationError {
  return new RotationError({
    code: 'JOURNAL_INVALID',
    recovery: 'human',
    message: `the row about the consumers of ${where} ${what}`,
    remedy:
      'Look at the row in the table keyturn (docs/runbook.md, "A journal row that cannot be read"); its consumers are not told about new versions until it is readable.',
    cause,
  });
}
