import { describe, expect, it } from 'vitest';
import { isOver, isPublished, next, type Observed } from '../../src/rotation/machine.ts';
import type { Run } from '../../src/rotation/record.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const seen: Observed = { now: NOW, currentVersion: 'v1', currentRotationId: undefined, currentSlot: 'a' };
const after: Observed = { now: NOW, currentVersion: 'v2', currentRotationId: 'r1', currentSlot: 'b' };

const run: Run = {
  rotationId: 'r1',
  reason: 'NearExpiry',
  forced: false,
  compromised: false,
  state: 'running',
  step: 'set',
  from: { version: 'v1', slot: 'a' },
  to: { slot: 'b' },
  startedAt: NOW.toISOString(),
  updatedAt: NOW.toISOString(),
  attempts: 0,
  steps: [],
};
const published: Run = { ...run, step: 'confirm', to: { slot: 'b', version: 'v2' }, retireAt: '2026-11-22T11:00:00Z' };

describe('what to do next', () => {
  it.each<[string, Run, Observed, object]>([
    ['plans when nothing was planned yet', { ...run, step: 'claim' }, seen, { do: 'rotate' }],
    ['sets again after dying in set', run, seen, { do: 'rotate' }],
    ['sets again after a failed test', { ...run, step: 'test' }, seen, { do: 'rotate' }],
    ['takes over a version that carries its RotationId', { ...run, step: 'finish' }, after, { do: 'adopt' }],
    ['gives up when somebody else wrote a version', run, { ...after, currentRotationId: 'other' }, { do: 'abandon' }],
    ['refreshes', { ...published, step: 'refresh' }, after, { do: 'refresh' }],
    [
      'waits for the overlap',
      { ...published, retireAt: '2026-11-22T13:00:00Z' },
      after,
      { do: 'wait', until: new Date('2026-11-22T13:00:00Z') },
    ],
    ['asks who uses it, then retires', published, after, { do: 'retire', confirm: true }],
    [
      'retires at once what is compromised',
      { ...published, compromised: true, retireAt: '2026-11-22T13:00:00Z' },
      after,
      { do: 'retire', confirm: false },
    ],
    [
      'closes at once what is compromised and cannot be revoked',
      { ...published, noRevoke: true, compromised: true, retireAt: '2026-11-22T12:00:01Z' },
      after,
      { do: 'close' },
    ],
    ['never retires what is current', published, seen, { do: 'refuse-retire' }],
    [
      'never retires when the current version does not say what it holds',
      published,
      { ...after, currentSlot: undefined },
      { do: 'refuse-retire' },
    ],
    [
      'retires under a newer version of somebody else that holds the new slot',
      published,
      { ...after, currentRotationId: 'x', currentVersion: 'v3' },
      { do: 'retire', confirm: true },
    ],
    ['does nothing at done', { ...run, step: 'done' }, after, { do: 'nothing' }],
    ['does nothing when it is over', { ...run, state: 'cancelled' }, seen, { do: 'nothing' }],
    ['does nothing at confirm without a published version', { ...run, step: 'confirm' }, seen, { do: 'nothing' }],
  ])('%s', (_, given, observed, action) => {
    expect(next(given, observed)).toMatchObject(action);
  });
});

it('a run is over when done, cancelled or refused, and published when it has a version', () => {
  expect((['queued', 'running', 'waiting', 'blocked'] as const).some((state) => isOver({ ...run, state }))).toBe(false);
  expect((['done', 'cancelled', 'refused'] as const).every((state) => isOver({ ...run, state }))).toBe(true);
  expect(isPublished(run)).toBe(false);
  expect(isPublished(published)).toBe(true);
});
