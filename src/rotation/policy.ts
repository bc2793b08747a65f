import type { RotationPolicy, RotationWindow, Trigger, VersionInfo } from './ports.ts';
import type { Run } from './record.ts';
import { isOver } from './machine.ts';

/*
 * Is it due, and why? Pure: everything it knows is its input, and the same input gives the same answer in the runner,
 * the sweep, the inventory and the dry run. The checks are asked in order; the first that has an opinion decides.
 */

export interface DueInput {
  readonly now: Date;
  readonly trigger: Trigger;
  /** The version that the event was about. */
  readonly eventVersion?: string | undefined;
  /** An operator insists: goes past a pause, a not-yet-valid version and drift; never past an open overlap. */
  readonly force: boolean;
  /** Without `version` where a listing is judged. */
  readonly current: Omit<VersionInfo, 'version'> & Partial<Pick<VersionInfo, 'version'>>;
  readonly policy: RotationPolicy;
  /** The run in hand or the last one. */
  readonly run?: Run | undefined;
}

export type DueReason =
  'Compromised' | 'Manual' | 'Expired' | 'SourceChanged' | 'NearExpiry' | 'AgeExceeded' | 'Resumed';

export type NotDueReason =
  | 'BacksCertificate'
  | 'Disabled'
  | 'StaleVersion'
  | 'Paused'
  | 'OverlapNotOver'
  | 'RunInProgress'
  | 'NotYetValid'
  | 'OutsideWindow'
  | 'VersionYoung'
  | 'VaultRotates'
  | 'NotNearExpiry';

export type Decision =
  | { readonly due: true; readonly reason: DueReason; readonly detail: string }
  | { readonly due: false; readonly reason: NotDueReason; readonly detail: string; readonly retryAt?: Date };

type Check = (input: DueInput) => Decision | undefined;

/**
 * A near-expiry event may come a little before its minute, and an hour's grace keeps it from being lost. It stays far
 * below the time between two rotations: otherwise the event of a version just written would rotate it at once.
 */
function eventGraceMs({ validityMs, leadTimeMs }: RotationPolicy): number {
  return Math.min(3600_000, Math.max(0, validityMs - leadTimeMs) / 10);
}

const backsCertificate: Check = ({ current }) =>
  current.managed
    ? no('BacksCertificate', 'the secret backs a certificate; the certificate is renewed instead, never the secret')
    : undefined;

const disabled: Check = ({ current }) =>
  current.enabled ? undefined : no('Disabled', 'the current version is disabled, so somebody has taken it out of use');

const staleVersion: Check = ({ eventVersion, current }) =>
  eventVersion !== undefined && current.version !== undefined && eventVersion !== current.version
    ? no('StaleVersion', `the event is about version ${eventVersion}; the current one is ${current.version}`)
    : undefined;

const paused: Check = ({ policy, trigger, force }) =>
  policy.paused && trigger !== 'compromised' && !force
    ? no('Paused', 'the tag Paused is true; remove it, or ask with force')
    : undefined;

/** The idle slot is what readers of the previous version still hold: touching it early would lock them out. */
const openRun: Check = ({ run, trigger }) => {
  if (run === undefined || isOver(run) || trigger === 'compromised' || trigger === 'resume') return undefined;
  if (run.retireAt !== undefined) {
    return no(
      'OverlapNotOver',
      `rotation ${run.rotationId} still keeps the previous credential for its readers until ${run.retireAt}`,
      new Date(run.retireAt),
    );
  }
  return no('RunInProgress', `rotation ${run.rotationId} is ${run.state} at step ${run.step}`);
};

const compromised: Check = ({ trigger, run }) =>
  trigger === 'compromised' || (trigger === 'resume' && run?.compromised === true)
    ? yes('Compromised', 'an operator says that the current credential is compromised')
    : undefined;

const notYetValid: Check = ({ current, now, force }) =>
  current.notBefore !== undefined && current.notBefore > now && !force
    ? no('NotYetValid', `the current version is valid from ${iso(current.notBefore)}`, current.notBefore)
    : undefined;

const resumed: Check = ({ trigger, run }) =>
  trigger === 'resume' && run !== undefined ? yes('Resumed', `goes on with rotation ${run.rotationId}`) : undefined;

const manual: Check = ({ trigger }) => (trigger === 'manual' ? yes('Manual', 'an operator asked for it') : undefined);

const sourceChanged: Check = ({ trigger }) =>
  trigger === 'source' ? yes('SourceChanged', 'what its value comes from has a newer version') : undefined;

const expired: Check = ({ current, now }) =>
  current.expiresOn !== undefined && current.expiresOn <= now
    ? yes('Expired', `it expired at ${iso(current.expiresOn)}`)
    : undefined;

const nearExpiry: Check = (input) => {
  const { current, now, policy, trigger } = input;
  if (current.expiresOn === undefined) return undefined;
  const grace = trigger === 'near-expiry' ? eventGraceMs(policy) : 0;
  const dueAt = new Date(current.expiresOn.getTime() - policy.leadTimeMs - grace);
  if (dueAt <= now) return inWindow(input, yes('NearExpiry', `it expires at ${iso(current.expiresOn)}`));
  return trigger === 'near-expiry'
    ? no('VersionYoung', `it is due ${days(policy.leadTimeMs)} days before its expiry, at ${iso(dueAt)}`, dueAt)
    : undefined;
};

/** A secret that never expires raises no event (facts B2): its age stands in for an expiry. */
const ageExceeded: Check = (input) => {
  const { current, now, policy } = input;
  if (current.expiresOn !== undefined) return undefined;
  const dueAt = new Date(current.createdOn.getTime() + policy.validityMs - policy.leadTimeMs);
  return dueAt <= now
    ? inWindow(input, yes('AgeExceeded', `it never expires and was made at ${iso(current.createdOn)}`))
    : undefined;
};

const CHECKS: readonly Check[] = [
  backsCertificate, // the vault writes these itself; a second writer would fight it
  disabled, // make sure that nobody's "stop" is undone by a robot
  staleVersion, // make sure that one version is rotated at most once
  paused,
  openRun, // make sure that the previous readers keep their overlap
  compromised,
  notYetValid,
  resumed,
  manual,
  sourceChanged,
  expired,
  nearExpiry,
  ageExceeded,
];

/** The first check with an opinion decides; none: not near expiry. Pure. */
export function decide(input: DueInput): Decision {
  for (const check of CHECKS) {
    const decision = check(input);
    if (decision !== undefined) return decision;
  }
  const { current, policy } = input;
  const dueAt =
    current.expiresOn === undefined
      ? new Date(current.createdOn.getTime() + policy.validityMs - policy.leadTimeMs)
      : new Date(current.expiresOn.getTime() - policy.leadTimeMs);
  return no('NotNearExpiry', `it is due at ${iso(dueAt)}`, dueAt);
}

function inWindow({ policy, now }: DueInput, decision: Decision): Decision {
  if (policy.window === undefined || windowIsOpen(policy.window, now)) return decision;
  const opens = nextOpening(policy.window, now);
  return no('OutsideWindow', `${decision.detail}; the rotation window opens at ${iso(opens)}`, opens);
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Is `now` inside the window? A window that passes midnight belongs to the day it starts on. */
export function windowIsOpen(window: RotationWindow, now: Date): boolean {
  return [0, 1].some((daysBack) => {
    const midnight = Math.floor(now.getTime() / DAY) * DAY - daysBack * DAY;
    const length = (window.endMinute - window.startMinute + 1440) % 1440 || 1440;
    const start = midnight + window.startMinute * MINUTE;
    return startsOn(window, midnight) && now.getTime() >= start && now.getTime() < start + length * MINUTE;
  });
}

/** When the window opens next after `now`, at most a week away. */
export function nextOpening(window: RotationWindow, now: Date): Date {
  const today = Math.floor(now.getTime() / DAY) * DAY;
  const midnight = [0, 1, 2, 3, 4, 5, 6, 7]
    .map((ahead) => today + ahead * DAY)
    .find((day) => startsOn(window, day) && day + window.startMinute * MINUTE > now.getTime());
  return new Date((midnight ?? today + 7 * DAY) + window.startMinute * MINUTE);
}

function startsOn(window: RotationWindow, midnight: number): boolean {
  return window.days === undefined || window.days.includes(new Date(midnight).getUTCDay());
}

function yes(reason: DueReason, detail: string): Decision {
  return { due: true, reason, detail };
}

function no(reason: NotDueReason, detail: string, retryAt?: Date): Decision {
  return { due: false, reason, detail, ...(retryAt === undefined ? {} : { retryAt }) };
}

function iso(date: Date): string {
  return date.toISOString();
}

function days(ms: number): number {
  return Math.round((ms / DAY) * 10) / 10;
}
