import { describe, expect, it } from 'vitest';
import { decide, nextOpening, windowIsOpen, type DueInput } from '../../src/rotation/policy.ts';
import type { RotationPolicy, VersionInfo } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';

const DAY = 24 * 3600_000;
const NOW = new Date('2026-11-22T12:00:00Z');
const days = (n: number): Date => new Date(NOW.getTime() + n * DAY);

const policy: RotationPolicy = {
  validityMs: 90 * DAY,
  leadTimeMs: 30 * DAY,
  overlapMs: DAY,
  retainVersions: 2,
  paused: false,
};
const current: VersionInfo = {
  version: 'v1',
  enabled: true,
  createdOn: days(-70),
  updatedOn: days(-70),
  expiresOn: days(20),
  tags: {},
  managed: false,
};
const open: Run = {
  rotationId: 'r1',
  reason: 'NearExpiry',
  forced: false,
  compromised: false,
  state: 'waiting',
  step: 'confirm',
  startedAt: days(-1).toISOString(),
  updatedAt: days(-1).toISOString(),
  attempts: 0,
  steps: [],
};
const input = (changes: Partial<DueInput>): DueInput => ({
  now: NOW,
  trigger: 'near-expiry',
  force: false,
  current,
  policy,
  ...changes,
});

describe('a rotation is due', () => {
  it.each<[string, Partial<DueInput>, string]>([
    ['when the near-expiry event is about the current version', { eventVersion: 'v1' }, 'NearExpiry'],
    ['when the sweep finds it inside its lead time', { trigger: 'sweep' }, 'NearExpiry'],
    ['when it has expired', { trigger: 'expired', current: { ...current, expiresOn: days(-1) } }, 'Expired'],
    [
      'when an operator asks, near expiry or not',
      { trigger: 'manual', current: { ...current, expiresOn: days(80) } },
      'Manual',
    ],
    [
      'when it is compromised, though an overlap is open',
      { trigger: 'compromised', run: { ...open, retireAt: days(1).toISOString() } },
      'Compromised',
    ],
    [
      'when it is compromised, though paused',
      { trigger: 'compromised', policy: { ...policy, paused: true } },
      'Compromised',
    ],
    [
      'when it is paused and an operator forces it',
      { trigger: 'manual', force: true, policy: { ...policy, paused: true } },
      'Manual',
    ],
    [
      'when it never expires and is old',
      { trigger: 'sweep', current: { ...without(current, 'expiresOn') } },
      'AgeExceeded',
    ],
    ['when a run of it goes on', { trigger: 'resume', run: open }, 'Resumed'],
    ['when a compromised run of it goes on', { trigger: 'resume', run: { ...open, compromised: true } }, 'Compromised'],
    ['when the last run is over', { run: { ...open, state: 'done', retireAt: days(-2).toISOString() } }, 'NearExpiry'],
    [
      'when it is not valid yet and an operator forces it',
      { trigger: 'manual', force: true, current: { ...current, notBefore: days(1) } },
      'Manual',
    ],
  ])('%s', (_, changes, reason) => {
    expect(decide(input(changes))).toMatchObject({ due: true, reason });
  });
});

describe('a rotation is not due', () => {
  it.each<[string, Partial<DueInput>, string]>([
    ['when the secret backs a certificate', { current: { ...current, managed: true } }, 'BacksCertificate'],
    [
      'when the current version is disabled',
      { trigger: 'compromised', current: { ...current, enabled: false } },
      'Disabled',
    ],
    ['when the event is about another version', { eventVersion: 'v0' }, 'StaleVersion'],
    ['when it is paused', { policy: { ...policy, paused: true } }, 'Paused'],
    [
      'when the overlap of the last run is open',
      { run: { ...open, retireAt: days(1).toISOString() } },
      'OverlapNotOver',
    ],
    [
      'when the overlap is open, though an operator forces it',
      { trigger: 'manual', force: true, run: { ...open, retireAt: days(1).toISOString() } },
      'OverlapNotOver',
    ],
    ['when a run is under way', { run: open }, 'RunInProgress'],
    ['when it is not valid yet', { current: { ...current, notBefore: days(1) } }, 'NotYetValid'],
    [
      'when its own lead time is shorter than the vault’s',
      { policy: { ...policy, leadTimeMs: 5 * DAY } },
      'VersionYoung',
    ],
    [
      'when the sweep finds it outside its lead time',
      { trigger: 'sweep', current: { ...current, expiresOn: days(31) } },
      'NotNearExpiry',
    ],
    [
      'when it never expires and is young',
      { trigger: 'sweep', current: { ...without(current, 'expiresOn'), createdOn: days(-1) } },
      'NotNearExpiry',
    ],
    [
      'when its window is closed',
      { policy: { ...policy, window: { startMinute: 60, endMinute: 120 } } },
      'OutsideWindow',
    ],
  ])('%s', (_, changes, reason) => {
    expect(decide(input(changes))).toMatchObject({ due: false, reason });
  });
});

it('the event of a version just written never rotates it again, however short its life', () => {
  for (const validity of [1, 2, 7, 29, 31]) {
    for (const lead of [0.1, 0.5, 0.9]) {
      const short = { ...policy, validityMs: validity * DAY, leadTimeMs: validity * lead * DAY };
      const fresh = { ...current, createdOn: NOW, expiresOn: days(validity) };
      expect(decide(input({ policy: short, current: fresh })).due).toBe(false);
    }
  }
});

it('an expired secret does not wait for its window', () => {
  const closed = { ...policy, window: { startMinute: 60, endMinute: 120 } };
  expect(decide(input({ policy: closed, current: { ...current, expiresOn: days(-1) } })).due).toBe(true);
});

describe('a window', () => {
  const at = (text: string): Date => new Date(`2026-11-${text}Z`); // the 22nd is a Sunday
  it.each([
    ['inside', { startMinute: 60, endMinute: 300 }, '22T03:00:00', true],
    ['at its first minute', { startMinute: 60, endMinute: 300 }, '22T01:00:00', true],
    ['at its last', { startMinute: 60, endMinute: 300 }, '22T05:00:00', false],
    ['past midnight', { startMinute: 1320, endMinute: 240 }, '22T02:00:00', true],
    [
      'past midnight, on the day after the one it starts on',
      { days: [6], startMinute: 1320, endMinute: 240 },
      '22T02:00:00',
      true,
    ],
    [
      'past midnight, on a day that it does not start on',
      { days: [0], startMinute: 1320, endMinute: 240 },
      '22T02:00:00',
      false,
    ],
    ['the whole day', { startMinute: 0, endMinute: 0 }, '22T23:59:00', true],
  ])('%s', (_, window, time, isOpen) => {
    expect(windowIsOpen(window, at(time))).toBe(isOpen);
  });

  it('opens next on the day and minute it names', () => {
    expect(nextOpening({ days: [6], startMinute: 90, endMinute: 120 }, at('22T12:00:00'))).toEqual(at('28T01:30:00'));
    expect(nextOpening({ startMinute: 90, endMinute: 120 }, at('22T00:00:00'))).toEqual(at('22T01:30:00'));
  });
});

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _gone, ...rest } = value;
  return rest;
}
